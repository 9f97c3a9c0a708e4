import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { ec2Query, tag } from "../../bench/campaigns/ec2-query.ts";
import type { Finding } from "../../core/check/findings.ts";
import type { Credentials } from "../../sandbox/cloud/ports.ts";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox, type SandboxMachine } from "../../sandbox/sandbox.ts";
import { awsCall, queryCall } from "../support/aws-call.ts";
import { eventually, setUp, succeed, updraft } from "../support/updraft.ts";

const NAME = "e2e-check";
const HOOK_DROP_IN = new URL("../../condor-config/schedd-cron.config", import.meta.url);
const MAIL = "admin@example.org";
const STRANGE = "/root/strange";

type Answer = {
  readonly ok: number;
  readonly warnings: number;
  readonly wrong: number;
  readonly findings: Finding[];
};
type Environment = Readonly<Record<string, string>>;

describe("a check of the set-up", { timeout: 300_000 }, () => {
  let sandbox: Sandbox;
  let accessPoint: SandboxMachine;
  let bucket: string;

  const check = async (
    environment: Environment = {},
    ...args: readonly string[]
  ): Promise<Answer & { exitCode: number | null }> => {
    const ran = await updraft(accessPoint, ["check", "burst", "--json", ...args], environment);
    return { ...(JSON.parse(ran.stdout) as Answer), exitCode: ran.exitCode };
  };
  const told = (findings: readonly Finding[]): string[] =>
    findings
      .filter((one) => one.level !== "ok")
      .map((one) => `${one.level} ${one.of}: ${one.piece}: ${one.what} → ${one.next ?? ""}`);
  /** Each of these must be among what is wrong, with its remedy. */
  function mustTell(
    findings: readonly Finding[],
    expected: readonly (readonly [string, RegExp, RegExp])[],
  ): void {
    const wrong = findings.filter((one) => one.level === "wrong");
    for (const [piece, what, next] of expected) {
      const hit = wrong.find((one) => `${one.of}: ${one.piece}` === piece && what.test(one.what));
      assert.ok(hit, `${piece} ${String(what)}: ${told(findings).join("\n")}`);
      assert.match(hit.next ?? "", next);
    }
    assert.equal(wrong.length, expected.length, told(wrong).join("\n"));
  }
  const asUser = ({ accessKeyId, secretAccessKey }: Credentials): Environment => ({
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  });
  const output = async (key: string): Promise<string> => {
    const said = await queryCall(sandbox, "cloudformation", "2010-05-15", {
      Action: "DescribeStacks",
      StackName: "updraft",
    });
    return new RegExp(`<OutputKey>${key}</OutputKey><OutputValue>([^<]*)<`).exec(said)?.[1] ?? "";
  };
  const hookIs = async ({ accessKeyId, secretAccessKey }: Credentials): Promise<void> => {
    const secret = `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    await accessPoint.writeFile("/etc/updraft/aws-credentials", secret, { mode: "600", owner: "condor" });
  };
  const rule = (action: "DisableRule" | "EnableRule"): Promise<string> =>
    awsCall(sandbox, {
      service: "events",
      target: `AWSEvents.${action}`,
      body: '{"Name":"updraft-enforcer"}',
    });
  const sweptAt = (time: number): Promise<string> =>
    awsCall(sandbox, {
      service: "s3",
      method: "PUT",
      path: `/${bucket}/sweeps/last`,
      body: JSON.stringify({ sweptAt: time }),
    });
  const now = (): number => Math.floor(Date.now() / 1000);

  before(async () => {
    await down(NAME);
    // The enforcer sweeps when it is told to, so that an old mark stays old.
    sandbox = await up({ name: NAME, settings: { enforcerPeriodSeconds: 3600 } });
    ({ accessPoint } = sandbox);
    const early = await updraft(accessPoint, ["sweep", "--region", "us-east-1"]);
    assert.equal(early.exitCode, 3);
    assert.match(early.stderr, /Run: updraft setup --region us-east-1/);
    bucket = await setUp(sandbox, { burst: { MAX_PRICE: "0.12" } });
    await succeed(accessPoint, "setup", "--region", "us-east-1", "--email", MAIL);
    await accessPoint.run(["install", "-d", "-o", "condor", "-g", "condor", "-m", "700", "/var/lib/updraft"]);
    await accessPoint.writeFile(
      "/etc/updraft/aws-config",
      await accessPoint.run(["cat", "/root/.aws/config"]),
    );
    // The schedd is not started anew, so it does not pick the cron job up.
    await accessPoint.configure("45-updraft-hook.config", await readFile(HOOK_DROP_IN, "utf8"));
    await hookIs(await sandbox.createUser("hook", [await output("HookPolicy")]));
    await succeed(accessPoint, "publish", "burst");
    await succeed(accessPoint, "sweep");
  });
  after(async () => {
    const held = await holdings(sandbox.directory);
    await sandbox.down();
    assert.deepEqual(await lastingLeftovers(held), []);
  });

  test("says of a healthy set-up that nothing is wrong, also by the operator's policy alone", async () => {
    const policies = [await output("OperatorPolicy"), await output("HookPolicy")];
    const answer = await check(asUser(await sandbox.createUser("operator", policies)));
    assert.deepEqual([answer.wrong, answer.exitCode], [0, 0], told(answer.findings).join("\n"));
    const by = answer.findings.find((one) => one.piece === "credentials");
    assert.match(by?.what ?? "", /user\/operator, of account 123456789012/);
    assert.ok(told(answer.findings).some((one) => one.includes(`${MAIL} has not confirmed`)));
    assert.equal(answer.ok + answer.warnings, answer.findings.length);
  });

  test("names every part that is broken in the account, and what the knobs ask for and is not there", async () => {
    await rule("DisableRule");
    await sweptAt(now() - 3600);
    await sandbox.settings({ quotas: { "L-1216C47A": 10 } });
    await queryCall(sandbox, "sns", "2010-03-31", {
      Action: "ConfirmSubscription",
      TopicArn: await output("Topic"),
      Token: MAIL,
    });
    const mended = async (): Promise<void> => {
      await sandbox.settings({ quotas: {} });
      await rule("EnableRule");
      await sweptAt(now());
    };
    const answer = await check({
      _CONDOR_UPDRAFT_burst_OWNERS: "alice@pool.test",
      _CONDOR_UPDRAFT_burst_IMAGE_ID: "ami-0deadbeef",
      _CONDOR_UPDRAFT_burst_KEY_NAME: "nobody",
    });
    await mended();
    assert.equal(answer.exitCode, 3);
    mustTell(answer.findings, [
      ["us-east-1: schedule", /switched off/, /aws events enable-rule --name updraft-enforcer/],
      ["us-east-1: sweep", /last complete sweep was 1h/, /updraft sweep --dry-run/],
      [
        "burst: quotas",
        /10 vCPUs.*60 instances of 2 vCPUs need 120/,
        /--quota-code L-1216C47A --desired-value 120/,
      ],
      ["burst: published", /the knobs have changed since/, /updraft publish burst/],
      ["burst: image", /no image ami-0deadbeef/, /UPDRAFT_burst_IMAGE_ID/],
      ["burst: orders", /CreateFleet: InvalidAMIID\.NotFound/, /Correct what EC2 objects to/],
      ["burst: orders", /RunInstances: InvalidAMIID\.NotFound/, /Correct what EC2 objects to/],
      ["burst: key pair", /no key pair nobody/, /UPDRAFT_burst_KEY_NAME/],
      ["burst: stack", /UPDRAFT_burst_KEY_NAME is not in effect/, /updraft setup --annex burst/],
    ]);
    const topic = answer.findings.find((one) => one.piece === "topic");
    assert.deepEqual([topic?.level, topic?.what], ["ok", `tells ${MAIL}`]);
  });

  test("names subnets of another VPC, without a route out, without a free address, without the type", async () => {
    const id = (said: string, of: string): string => new RegExp(`<${of}>([^<]+)<`).exec(said)?.[1] ?? "";
    const vpc = id(await ec2Query(sandbox, { Action: "CreateVpc", CidrBlock: "10.9.0.0/16" }), "vpcId");
    const strange = {
      Action: "CreateSubnet",
      VpcId: vpc,
      CidrBlock: "10.9.0.0/28",
      AvailabilityZone: "us-east-1e",
    };
    const subnet = id(await ec2Query(sandbox, strange), "subnetId");
    for (let i = 0; i < 11; i++)
      await ec2Query(sandbox, { Action: "CreateNetworkInterface", SubnetId: subnet });
    mustTell((await check({ _CONDOR_UPDRAFT_burst_SUBNETS: subnet })).findings, [
      ["burst: subnets", /no address is free/, /larger subnets in UPDRAFT_burst_SUBNETS/],
      ["burst: security group", new RegExp(`the subnets are in ${vpc}`), /updraft setup --annex burst/],
      ["burst: route out", /no route out/, /NAT gateway/],
      ["burst: types", /m5\.large is not offered in us-east-1e/, /UPDRAFT_burst_INSTANCE_TYPES/],
      ["burst: orders", /different networks/, /Correct/],
      ["burst: orders", /different networks/, /Correct/],
    ]);
    const last = (await sandbox.subnets()).find((one) => one.zone === "us-east-1f")?.subnetId ?? "";
    mustTell((await check({ _CONDOR_UPDRAFT_burst_SUBNETS: last })).findings, [
      ["burst: route out", /internet gateway igw-.*public addresses only/, /UPDRAFT_burst_PUBLIC_IP = true/],
    ]);
  });

  test("names a hook without credentials, and one whose credentials may do too much", async () => {
    await accessPoint.run(["mv", "/etc/updraft/aws-credentials", "/etc/updraft/kept"]);
    const without = await check();
    assert.equal(without.exitCode, 4);
    mustTell(without.findings, [
      ["access point: hook's credentials", /there are no AWS credentials/, /AWS_PROFILE/],
    ]);
    await hookIs(await sandbox.administrator());
    const narrow = /the policy that `updraft setup --region` shows as hookPolicy, and no other/;
    mustTell((await check()).findings, [
      ["access point: hook's credentials", /without a lease by CreateFleet/, narrow],
      ["access point: hook's credentials", /without a lease by RunInstances/, narrow],
    ]);
    await accessPoint.run(["mv", "/etc/updraft/kept", "/etc/updraft/aws-credentials"]);
  });

  test("tells a misspelt knob, and looks at everything else all the same", async () => {
    const { exitCode, stdout } = await updraft(accessPoint, ["check"], { _CONDOR_UPDRAFT_burst_LEAS: "8h" });
    assert.equal(exitCode, 3);
    assert.match(stdout, /^wrong {4}access point: knobs: UPDRAFT_burst_LEAS = 8h .*UPDRAFT_burst_LEASE/m);
    assert.match(stdout, /^ok {7}burst: image: ami-/m);
  });

  describe("by a probe", () => {
    const probed = (answer: Answer): Finding[] => answer.findings.filter((one) => one.piece === "probe");
    const noneLives = async (): Promise<void> =>
      eventually("no instance lives", 20, async () =>
        assert.ok((await sandbox.instances()).every(({ state }) => state === "terminated")),
      );

    test("passes where a node can join, and no HTCondor ever ran there", async () => {
      const answer = await check({}, "--probe", "--yes");
      assert.deepEqual([answer.wrong, answer.exitCode], [0, 0], told(answer.findings).join("\n"));
      assert.deepEqual(
        probed(answer).map((one) => one.what.split(":")[0]),
        [
          "S3",
          "name cm.pool.test",
          "collector cm.pool.test",
          "credential at cm.pool.test, ADVERTISE_STARTD",
          "credential at cm.pool.test, ADVERTISE_MASTER",
          "schedd cm.pool.test",
        ],
      );
      const [probe] = await sandbox.instances();
      assert.equal(probe?.tags["htcondor:Probe"], "true");
      assert.equal(await accessPoint.run(["condor_status", "-af", "Name"]), "");
      await noneLives();
    });

    test("names the collector's port when it is closed to that subnet", async () => {
      const closed = (await sandbox.subnets()).find((one) => one.zone === "us-east-1b")?.subnetId ?? "";
      // The second of the sandbox's subnets.
      const rule = "add table inet closed; add chain inet closed in { type filter hook input priority 0; }";
      const drop = "add rule inet closed in ip saddr 172.31.16.0/20 tcp dport 9618 drop";
      await accessPoint.run(["nft", `${rule}; ${drop}`]);
      const answer = await check({}, "--probe", "--yes", "--subnet", closed);
      await accessPoint.run(["nft", "delete table inet closed"]);
      assert.equal(answer.exitCode, 3);
      mustTell(answer.findings, [
        [
          "burst: probe",
          /^collector cm\.pool\.test: port 9618 of 172\.31\.255\.10: no answer/,
          new RegExp(closed),
        ],
        ["burst: probe", /^schedd cm\.pool\.test: no collector could be asked/, /Open a way/],
      ]);
      await noneLives();
    });

    test("names the name that does not resolve there, and the credential that the pool does not know", async () => {
      // Signed by another key than the pool's.
      const sign = `umask 077; mkdir ${STRANGE}; echo another > ${STRANGE}/key; export _CONDOR_SEC_PASSWORD_FILE=${STRANGE}/key
        condor_token_create -identity annex-burst@pool.test -lifetime 99999 -authz ADVERTISE_STARTD -authz ADVERTISE_MASTER > ${STRANGE}/burst.token`;
      await accessPoint.run(["sh", "-c", sign]);
      const wrong = {
        _CONDOR_UPDRAFT_CREDENTIAL_DIR: STRANGE,
        _CONDOR_UPDRAFT_burst_SUBNETS: (await sandbox.subnets())[0]?.subnetId ?? "",
        _CONDOR_COLLECTOR_HOST: "cm.pool.test, nowhere.pool.test",
      };
      assert.equal((await updraft(accessPoint, ["publish", "burst"], wrong)).exitCode, 0);
      const answer = await check(wrong, "--probe", "--yes");
      const said = probed(answer)
        .filter((one) => one.level === "wrong")
        .map((one) => one.what);
      assert.ok(
        said.some((what) => /nowhere\.pool\.test does not resolve/.test(what)),
        said.join("\n"),
      );
      assert.ok(
        said.some((what) => /^credential at cm\.pool\.test, ADVERTISE_STARTD: .*authenticate/i.test(what)),
      );
      await succeed(accessPoint, "publish", "burst");
      await noneLives();
    });

    test("is ended when the one who waits interrupts it", async () => {
      await sandbox.settings({ launchDelay: { kind: "constant", seconds: 30 } });
      const before = (await sandbox.instances()).length;
      const probe = updraft(accessPoint, ["check", "burst", "--probe", "--yes"]);
      await eventually("the probe is ordered", 60, async () =>
        assert.equal((await sandbox.instances()).length, before + 1),
      );
      await accessPoint.run(["pkill", "-INT", "-f", "^updraft check burst"]);
      const { stderr, stdout } = await probe;
      assert.match(stderr, /interrupted: the probe is being ended/);
      assert.match(stdout, /the probe was interrupted/);
      assert.equal((await sandbox.instances()).length, before + 1);
      await noneLives();
    });

    test("is refused bad options before anything is looked at", async () => {
      for (const [args, said] of [
        [["check", "--probe"], /--probe needs an annex/],
        [["check", "burst", "--type", "t3.micro"], /--type goes with --probe/],
        [["check", "burst", "--probe", "--type", "big"], /--type big is not an instance type/],
        [["check", "brust"], /there is no annex brust/],
      ] as const) {
        const { exitCode, stderr } = await updraft(accessPoint, args);
        assert.match(stderr, said);
        assert.equal(exitCode, args.includes("brust" as never) ? 3 : 2);
      }
    });
  });

  describe("by a sweep", () => {
    test("a dry run says what would be ended and why, and ends nothing, marks nothing", async () => {
      const args = ["create", "burst", "--count", "1", "--lease", "1h", "--no-wait", "--yes", "--json"];
      const { orders } = JSON.parse(await succeed(accessPoint, ...args)) as {
        orders: { instances: string[] }[];
      };
      const id = orders[0]?.instances[0] ?? "";
      await tag(sandbox, id, "htcondor:LeaseExpiration", String(now() - 100));
      const mark = (): Promise<string> =>
        awsCall(sandbox, { service: "s3", method: "GET", path: `/${bucket}/sweeps/last` });
      const before = await mark();
      assert.match(
        await succeed(accessPoint, "sweep", "--dry-run"),
        new RegExp(`would end ${id} \\(annex burst\\): lease ended 1\\d\\d s ago`),
      );
      assert.equal(await mark(), before);
      const seen = (await sandbox.instances()).find(({ instanceId }) => instanceId === id);
      assert.equal(seen?.state, "pending");
      const { dryRun, sweeps } = JSON.parse(await succeed(accessPoint, "sweep", "--json")) as {
        dryRun: boolean;
        sweeps: { region: string; ended: { id: string }[] }[];
      };
      assert.deepEqual(
        [dryRun, sweeps.map((one) => [one.region, one.ended.map((it) => it.id)])],
        [false, [["us-east-1", [id]]]],
      );
      assert.notEqual(await mark(), before);
      assert.match((await sandbox.terminationLog()).at(-1)?.by ?? "", /assumed-role\/.*enforcer/i);
    });

    test("who may not run the enforcer is refused", async () => {
      const ran = await updraft(
        accessPoint,
        ["sweep"],
        asUser(await sandbox.createUser("guest", [await output("HookPolicy")])),
      );
      assert.equal(ran.exitCode, 4);
      assert.match(ran.stderr, /AccessDenied.*updraft-enforcer/);
    });

    test("an enforcer that fails is told with its error and its log", async () => {
      const fault = {
        kind: "error",
        service: "ec2",
        action: "DescribeInstances",
        principal: "*nforcer*",
        code: "UnauthorizedOperation",
        status: 403,
      } as const;
      const armed = await sandbox.addFault(fault);
      const { exitCode, stderr } = await updraft(accessPoint, ["sweep", "--dry-run"]);
      await sandbox.removeFault(armed);
      assert.equal(exitCode, 1);
      assert.match(stderr, /the enforcer failed: An injected fault/);
    });
  });

  test("names a deleted enforcer, and the cron job that only a restart of the schedd picks up", async () => {
    await awsCall(sandbox, {
      service: "lambda",
      method: "DELETE",
      path: "/2015-03-31/functions/updraft-enforcer",
    });
    await eventually("the schedd has run for long enough", 60, async () =>
      mustTell((await check()).findings, [
        ["us-east-1: enforcer", /no function updraft-enforcer/, /updraft teardown --region us-east-1/],
        ["access point: hook", /has not picked up cron job UPDRAFT/, /condor_restart -schedd/],
      ]),
    );
    const { exitCode, stderr } = await updraft(accessPoint, ["sweep"]);
    assert.equal(exitCode, 3);
    assert.match(stderr, /there is no function/);
  });
});
