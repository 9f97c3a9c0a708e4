import assert from "node:assert/strict";
import { test } from "node:test";
import { formatOwner } from "../../core/owner.ts";
import { tearDownAccount, tearDownAnnex, type TeardownPorts } from "../../core/teardown.ts";
import { World, instance } from "../support/cloud.ts";
import { SITE } from "../support/knobs.ts";

const CLAIM = {
  annex: "burst",
  pool: "pool.test",
  schedd: "cm.pool.test",
  account: "123456789012",
  region: "us-east-1",
};

function world(): { made: World; ports: TeardownPorts } {
  const made = new World();
  made.put("annexes/burst/owner", formatOwner(CLAIM));
  made.put("annexes/burst/annex.ini", "m");
  made.put("annexes/burst2/annex.ini", "m");
  made.put("reports/burst/x", "r");
  return { made, ports: { ...made.ports, cloudFormation: made.cloudFormation } };
}

test("an annex goes with its objects and its stack, and nothing else does", async () => {
  const { made, ports } = world();
  await tearDownAnnex(ports, "burst", "us-east-1", SITE);
  assert.deepEqual(made.deeds, [
    "remove annexes/burst/annex.ini",
    "remove reports/burst/x",
    "remove annexes/burst/owner",
    "delete stack updraft-burst",
  ]);
  assert.deepEqual([...made.objects.keys()], ["annexes/burst2/annex.ini"]);
  made.deeds.length = 0;
  await tearDownAnnex(ports, "burst", "us-east-1", SITE);
  assert.deepEqual(made.deeds, []);
});

test("an annex with instances, whosever they are, stays", async () => {
  const { made, ports } = world();
  made.instances = Array.from({ length: 7 }, (_, i) =>
    instance({ id: `i-${i}`, tags: { "htcondor:AnnexName": "burst", "htcondor:Pool": "other" } }),
  );
  await assert.rejects(tearDownAnnex(ports, "burst", "us-east-1", SITE), {
    kind: "denied",
    message: /still has 7 instances: i-0.*, …/,
  });
  assert.deepEqual(made.deeds, []);
});

test("another pool's annex stays", async () => {
  const { made, ports } = world();
  made.put("annexes/burst/owner", formatOwner({ ...CLAIM, pool: "pool2.test" }));
  await assert.rejects(tearDownAnnex(ports, "burst", "us-east-1", SITE), { kind: "denied" });
  await assert.rejects(tearDownAnnex(ports, "burst", "us-east-1", { ...SITE, pool: "p3" }), {
    kind: "denied",
  });
  assert.deepEqual(made.deeds, []);
});

test("an annex in an account that is not set up any more still loses its stack", async () => {
  const { made, ports } = world();
  made.stacks.delete("updraft");
  await tearDownAnnex(ports, "burst", "us-east-1", SITE);
  assert.deepEqual(made.deeds, ["delete stack updraft-burst"]);
});

test("the account is torn down after its annexes, bucket and all", async () => {
  const { made, ports } = world();
  await assert.rejects(tearDownAccount(ports, "us-east-1"), {
    kind: "denied",
    message: /still has the stacks updraft-burst/,
  });
  made.instances = [instance()];
  await assert.rejects(tearDownAccount(ports, "us-east-1"), /still has 1 instances: i-1$/m);
  made.instances = [];
  made.stacks.delete("updraft-burst");
  await tearDownAccount(ports, "us-east-1");
  assert.equal(made.objects.size, 0);
  assert.equal(made.stacks.size, 0);
  await tearDownAccount(ports, "us-east-1");
});

test("a bucket that the enforcer filled again is emptied again, but not for ever", async () => {
  const { made, ports } = world();
  made.stacks.delete("updraft-burst");
  let failures = 1;
  const remove = async (name: string): Promise<void> => {
    if (failures-- > 0) {
      made.put("sweeps/last", "1");
      throw new Error("The bucket you tried to delete is not empty");
    }
    await made.cloudFormation.remove(name);
  };
  await tearDownAccount({ ...ports, cloudFormation: { ...made.cloudFormation, remove } }, "us-east-1");
  assert.equal(made.objects.size, 0);

  const again = world();
  again.made.stacks.delete("updraft-burst");
  failures = 9;
  await assert.rejects(
    tearDownAccount(
      { ...again.ports, cloudFormation: { ...again.made.cloudFormation, remove } },
      "us-east-1",
    ),
    /not empty/,
  );
  const other = async (): Promise<void> => {
    throw new Error("denied");
  };
  await assert.rejects(
    tearDownAccount(
      { ...again.ports, cloudFormation: { ...again.made.cloudFormation, remove: other } },
      "us-east-1",
    ),
    /denied/,
  );
});
