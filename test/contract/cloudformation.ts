import assert from "node:assert/strict";
import { test } from "node:test";
import type { CloudFormation } from "../../core/ports.ts";

const template = (...values: string[]): string =>
  JSON.stringify({
    Parameters: { Word: { Type: "String", Default: "none" } },
    Resources: Object.fromEntries(
      values.map((value, i) => [`Topic${i}`, { Type: "AWS::SNS::Topic", Properties: { TopicName: value } }]),
    ),
    Outputs: { First: { Value: { Ref: "Topic0" } } },
  });

/** What CloudFormation must do for set-up and teardown. */
export function cloudFormationContract(name: string, cloudFormation: () => CloudFormation): void {
  test(`${name}: a stack is made, changed, found and deleted`, async () => {
    const { stack, settled, resources, deploy, remove, names } = cloudFormation();
    assert.equal(await stack("updraft-contract"), undefined);
    assert.equal(await deploy("updraft-contract", template("contract-a"), { Word: "one" }), true);
    const made = await stack("updraft-contract");
    assert.equal(made?.status, "CREATE_COMPLETE");
    assert.deepEqual(made.parameters, { Word: "one" });
    assert.match(made.outputs["First"] ?? "", /contract-a$/);
    assert.equal(
      await deploy("updraft-contract", template("contract-a", "contract-b"), { Word: "two" }),
      true,
    );
    assert.deepEqual((await stack("updraft-contract"))?.parameters, { Word: "two" });
    assert.ok((await names("updraft-")).includes("updraft-contract"));
    const had = await resources("updraft-contract");
    assert.deepEqual(
      had.map(({ logicalId, type, status }) => [logicalId, type, status]),
      [
        ["Topic0", "AWS::SNS::Topic", "CREATE_COMPLETE"],
        ["Topic1", "AWS::SNS::Topic", "CREATE_COMPLETE"],
      ],
    );
    const removed = await remove("updraft-contract", []);
    assert.equal(removed.gone, true);
    assert.deepEqual(
      removed.resources.map(({ id, status }) => [id, status]).sort(),
      had.map(({ id }) => [id, "DELETE_COMPLETE"]).sort(),
    );
    assert.equal(await stack("updraft-contract"), undefined);
    assert.ok(!(await names("updraft-")).includes("updraft-contract"));
    assert.deepEqual(await remove("updraft-contract", []), { gone: true, resources: [] });
    assert.equal(await settled("updraft-contract"), undefined);
  });
}
