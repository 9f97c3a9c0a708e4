import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  ANY_PROGRAM,
  accountWorld,
  difference,
  employ,
  hookTick,
  updraftAs,
  updraftAsAlice,
  type AccountWorld,
} from "../../bench/campaigns/account-world.ts";
import { HOSTILE, passed, refusalOf, target, type Target } from "../../bench/campaigns/hostile.ts";
import { OTHER_CALLS, simulated } from "../../bench/campaigns/other-calls.ts";
import { ANNEX } from "../../bench/campaigns/pool.ts";
import { reportAsRole } from "../../bench/campaigns/s3-as-role.ts";
import { queryRequest, signedRequest, type SignedAnswer } from "../../bench/campaigns/signed-request.ts";
import { allStatements, plainName } from "../../bench/campaigns/statements.ts";
import type { AuthorizationEntry, Credentials } from "../../sandbox/cloud/ports.ts";
import { imageId } from "../../sandbox/demo/annex.ts";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import { NOT_CALLED } from "../support/permissions.ts";

const NAME = "e2e-account";
const STATEMENTS = allStatements();

describe(
  "an account in which everyone has the policy of their role and nothing else",
  { timeout: 600_000 },
  () => {
    let sandbox: Sandbox;
    let world: AccountWorld;
    let aim: Target;

    const does = async (who: Credentials, ...args: readonly string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await updraftAs(world, who, ...args);
      assert.equal(exitCode, 0, `updraft ${args.join(" ")}: ${stderr}${stdout}`);
      return stdout;
    };
    const asks = (who: Credentials, form: Readonly<Record<string, string>>): Promise<SignedAnswer> =>
      signedRequest(sandbox, who, queryRequest("ec2", form));
    const decisions = async (principal: RegExp): Promise<AuthorizationEntry[]> =>
      (await sandbox.authorizations()).filter((one) => principal.test(one.principal));

    before(async () => {
      await down(NAME);
      sandbox = await up({ name: NAME });
      world = await accountWorld(sandbox, { PURCHASE: "spot" });
    });
    after(async () => {
      const held = await holdings(sandbox.directory);
      await sandbox.down();
      assert.deepEqual(await lastingLeftovers(held), []);
    });

    test("the holder of the set-up policies sets up the account and an annex", async () => {
      await does(world.installer, "setup", "--region", "us-east-1");
      await does(world.installer, "setup", "--annex", ANNEX);
      world = await employ(world);
    });

    test("the holder of hook and operator policy creates an instance, which joins, and sees it", async () => {
      await does(world.operator, "create", ANNEX, "--count", "1", "--lease", "1h", "--yes");
      assert.match(await does(world.operator, "status", ANNEX), /1 idle/);
      aim = await target(world, imageId("htcondor-updraft"));
    });

    test("the holder of the hook policy runs the hook", async () => {
      const { stdout } = await hookTick(world);
      assert.match(stdout, /^burst_Instances = 1$/m);
    });

    test("the operator checks, lists, sweeps, renews and resizes", async () => {
      for (const verb of ["check", "list"]) {
        const { stdout, stderr } = await updraftAs(world, world.operator, verb, "--json");
        assert.doesNotMatch(`${stdout}${stderr}`, /not authorized|denied/);
      }
      await does(world.operator, "sweep");
      await does(world.operator, "renew", ANNEX, "--lease", "2h", "--yes");
      await does(world.operator, "resize", ANNEX, "--count", "1", "--yes");
    });

    test("an ordinary user of the annex orders, sees, renews and ends", async () => {
      for (const args of [
        ["create", ANNEX, "--count", "1", "--lease", "1h", "--yes", "--no-wait"],
        ["status", ANNEX],
        ["renew", ANNEX, "--lease", "2h", "--yes"],
      ]) {
        const { exitCode, stderr } = await updraftAsAlice(world, ...args);
        assert.equal(exitCode, 0, `updraft ${args.join(" ")}: ${stderr}`);
      }
    });

    for (const { statement, what, attempt } of HOSTILE) {
      test(`${what} is refused by ${statement}, and by that alone`, async () => {
        const named = STATEMENTS.find(({ name }) => name === statement);
        assert.equal(named?.effect, "Deny", `there is no statement ${statement}`);
        const refused = await attempt(world, aim);
        assert.ok(!passed(refused), refused.body);
        assert.match(refusalOf(refused), new RegExp(`explicit deny.*statement ${named.sid}`));
        await sandbox.settings({ ignoredStatements: [named.ignore] });
        try {
          const let_ = await attempt(world, aim);
          assert.ok(passed(let_), let_.body);
        } finally {
          await sandbox.settings({ ignoredStatements: [] });
        }
      });
    }

    test("an instance of ours can be renewed and released, and nothing else of its tags be changed", async () => {
      const { instanceId } = aim;
      const tagging = (action: string, key: string): Promise<SignedAnswer> =>
        asks(world.operator, {
          Action: action,
          "ResourceId.1": instanceId,
          "Tag.1.Key": key,
          "Tag.1.Value": "1",
        });
      for (const key of ["htcondor:AnnexName", "htcondor:Pool", "Name"])
        assert.match(refusalOf(await tagging("CreateTags", key)), /UnauthorizedOperation.*ec2:CreateTags/);
      assert.match(
        refusalOf(await tagging("DeleteTags", "htcondor:LeaseExpiration")),
        /UnauthorizedOperation.*ec2:DeleteTags/,
      );
      assert.ok(passed(await tagging("CreateTags", "htcondor:Release")));
      const foreign = await sandbox.simulate("operator", {
        action: "ec2:CreateTags",
        resource: `arn:aws:ec2:us-east-1:123456789012:instance/i-1`,
        keys: {
          "aws:TagKeys": ["htcondor:LeaseExpiration"],
          "ec2:InstanceProfile": "arn:aws:iam::123456789012:instance-profile/other",
        },
      });
      assert.equal(foreign.outcome, "implicit-deny");
    });

    test("a node's role may write its own report", async () => {
      const { instanceId, bucket } = aim;
      const script = reportAsRole(bucket, ANNEX);
      assert.equal((await sandbox.machine(instanceId).run(["sh", "-c", script])).trim(), "200");
    });

    test("the enforcer ends an instance whose lease is over, and tells it", async () => {
      const { instanceId } = aim;
      await asks(world.operator, {
        Action: "CreateTags",
        "ResourceId.1": instanceId,
        "Tag.1.Key": "htcondor:LeaseExpiration",
        "Tag.1.Value": "1",
      });
      assert.equal((await sandbox.invoke("updraft-enforcer", {})).error, undefined);
      const told = await decisions(/role\/updraft-service\//);
      const actions = new Set(told.filter(({ outcome }) => outcome === "allow").map(({ action }) => action));
      for (const action of ["ec2:TerminateInstances", "sns:Publish"]) assert.ok(actions.has(action), action);
    });

    test("delete and both teardowns leave the account as it was", async () => {
      const refused = await updraftAs(world, world.installer, "teardown", "--annex", ANNEX, "--yes");
      assert.equal(refused.exitCode, 4);
      assert.match(refused.stderr, /still has \d+ instances.*--terminate/s);
      assert.equal((await updraftAsAlice(world, "delete", ANNEX, "--yes")).exitCode, 0);
      await does(world.operator, "create", ANNEX, "--count", "1", "--lease", "1h", "--yes", "--no-wait");
      await does(world.operator, "delete", ANNEX, "--yes");
      await does(world.installer, "setup", "--annex", ANNEX);
      await does(world.installer, "teardown", "--annex", ANNEX, "--yes");
      const told = JSON.parse(
        await does(world.installer, "teardown", "--region", "us-east-1", "--yes", "--json"),
      ) as {
        removed: { attachments: { kind: string; name: string }[]; objects: number; resources: object[] };
        left: object[];
        kept: string[];
      };
      assert.deepEqual(told.left, []);
      assert.deepEqual(told.kept, ["AWSServiceRoleForEC2Spot"]);
      assert.deepEqual(
        told.removed.attachments.map(({ kind, name }) => `${kind} ${name}`).sort(),
        ["hook", "intruder", "intruder", "operator", "operator"].map((name) => `user ${name}`),
      );
      assert.ok(told.removed.objects > 0);
      assert.ok(told.removed.resources.length > 10);
      const role = "/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot";
      assert.deepEqual(difference(world.before, await sandbox.inventory()), [`+ roles: ${role}`]);
    });

    test("tearing down again finds nothing and says so", async () => {
      const again = ["teardown", "--region", "us-east-1", "--yes", "--json"];
      const told = JSON.parse(await does(world.installer, ...again)) as { removed: object };
      assert.deepEqual(told.removed, { instances: [], attachments: [], objects: 0, resources: [] });
    });

    test("without any one statement that allows, a call of this run or one of its listed others is refused", async () => {
      const proven = new Set(
        (await sandbox.authorizations())
          .filter(({ allowedBy, principal }) => allowedBy.length === 1 && !principal.endsWith("/intruder"))
          .map(({ allowedBy }) => plainName(allowedBy[0] ?? "")),
      );
      await does(world.installer, "setup", "--region", "us-east-1");
      await does(world.installer, "setup", "--annex", ANNEX, "--node-program", ANY_PROGRAM);
      world = await employ(world);
      for (const call of OTHER_CALLS) {
        const { statement, user, action } = call;
        const { allowedBy } = await simulated(sandbox, call);
        assert.deepEqual(allowedBy.map(plainName), [statement], `${user} ${action}`);
        proven.add(statement);
      }
      await does(world.installer, "teardown", "--annex", ANNEX, "--yes");
      await does(world.installer, "teardown", "--region", "us-east-1", "--yes");
      const allowing = STATEMENTS.filter(({ effect }) => effect === "Allow").map(({ name }) => name);
      assert.deepEqual(
        allowing.filter((name) => !proven.has(name)),
        [],
      );
      const denying = STATEMENTS.filter(({ effect }) => effect === "Deny").map(({ name }) => name);
      assert.deepEqual(denying.sort(), HOSTILE.map(({ statement }) => statement).sort());
    });

    test("every action that a policy allows is called in this run, or listed with its reason", async () => {
      const listed = new Set(
        Object.values(NOT_CALLED).flatMap((lines) => lines.flatMap((line) => line.split(" "))),
      );
      const policies = {
        installer: ["setup-account", "setup-annex"],
        operator: ["HookPolicy", "OperatorPolicy"],
        hook: ["HookPolicy", "OperatorPolicy"],
      };
      const used = new Set(
        (await decisions(/:user\/(installer|operator|hook)$/))
          .filter(({ outcome }) => outcome === "allow")
          .map(({ action }) => action),
      );
      const allowed = STATEMENTS.filter(
        ({ policy, effect }) => effect === "Allow" && Object.values(policies).flat().includes(policy),
      ).flatMap(({ actions }) => actions);
      const unused = [...new Set(allowed)].filter((action) => !used.has(action) && !listed.has(action));
      assert.deepEqual(unused.sort(), []);
      assert.deepEqual([...listed].filter((action) => !allowed.includes(action)).sort(), []);
    });
  },
);
