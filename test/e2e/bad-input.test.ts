import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { annexKnobs, configureAnnexes, imageId } from "../../sandbox/demo/annex.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import { eventually, instancesOf, setUp, succeed, updraft, type Instance } from "../support/updraft.ts";

const NAME = "e2e-bad-input";
const IN_THE_PAST = "2020-01-01T00:00Z";

describe(
  "what is wrong is said once, with what to do, and leaves nothing half made",
  { timeout: 600_000 },
  () => {
    let sandbox: Sandbox;
    let bucket: string;

    /** Runs updraft, which must refuse; nothing may have been launched. */
    async function refuses(
      status: number,
      said: RegExp,
      args: readonly string[],
      environment: Readonly<Record<string, string>> = {},
    ): Promise<void> {
      const before = (await sandbox.instances()).length;
      const { exitCode, stderr } = await updraft(sandbox.accessPoint, args, environment);
      assert.equal(exitCode, status, stderr);
      assert.match(stderr, said);
      assert.match(stderr, /\n {2}\S/, "it must say what to do");
      assert.equal(stderr.match(/^updraft: /gm)?.length, 1, stderr);
      assert.doesNotMatch(stderr, /fault of Updraft|at .*\.cjs/);
      assert.equal((await sandbox.instances()).length, before);
    }

    async function knobs(values: Readonly<Record<string, string>>): Promise<void> {
      await configureAnnexes(sandbox.accessPoint, { burst: { ...(await annexKnobs(sandbox)), ...values } });
    }

    before(async () => {
      await down(NAME);
      sandbox = await up({ name: NAME });
    });
    after(() => sandbox.down());

    test("an annex whose account is not set up yet", async () => {
      await knobs({});
      await refuses(3, /not set up.*us-east-1/s, ["create", "burst", "--count", "1", "--yes"]);
      await refuses(3, /not set up/, ["setup", "--annex", "burst"]);
      bucket = await setUp(sandbox, { burst: {} });
    });

    test("counts and leases that cannot be", async () => {
      const create = ["create", "burst", "--yes"];
      for (const count of ["0", "-1", "1.5", "many"])
        await refuses(2, /count/, [...create, `--count=${count}`]);
      await refuses(2, /MAX_INSTANCES/, [...create, "--count", "1000000000"]);
      await refuses(
        2,
        /MAX_INSTANCES/,
        [...create, "--count", "1e9"].map((arg) => arg.replace("1e9", "61")),
      );
      const lease = [...create, "--count", "1", "--lease"];
      await refuses(2, /in the past/, [...lease, IN_THE_PAST]);
      await refuses(2, /lease/, [...lease, "soon"]);
      await refuses(2, /lease/, [...lease, "1s"]);
      await refuses(2, /7d/, [...lease, "8d"]);
      await refuses(2, /idle/, [...create, "--count", "1", "--idle", "never"]);
      await refuses(3, /nosuch/, ["create", "nosuch", "--count", "1", "--yes"]);
    });

    test("every wrong knob at once, each with its place", async (t) => {
      t.after(() => knobs({}));
      await knobs({ LEASE: "soon", SUBNETS: "net-1", INSTANCE_TYPS: "m5.large", OWNERS: "" });
      const { exitCode, stderr } = await updraft(sandbox.accessPoint, ["status"]);
      assert.equal(exitCode, 3);
      for (const knob of ["LEASE", "SUBNETS", "INSTANCE_TYPS"]) {
        assert.match(stderr, new RegExp(`UPDRAFT_burst_${knob} .*41-updraft-annexes\\.config`));
      }
      assert.match(stderr, /the name UPDRAFT_burst_INSTANCE_TYPES/);
      assert.match(stderr, /UPDRAFT_burst_OWNERS/);
      await knobs({});
    });

    test("no credentials, no HTCondor, and an AWS that does not answer", async () => {
      const nowhere = { AWS_CONFIG_FILE: "/nonexistent", AWS_SHARED_CREDENTIALS_FILE: "/nonexistent" };
      const endpoint = { AWS_ENDPOINT_URL: "http://172.31.255.2", AWS_EC2_METADATA_DISABLED: "true" };
      await refuses(4, /credentials/, ["status", "burst"], { ...nowhere, ...endpoint });
      const without = await sandbox.accessPoint.exec([
        "env",
        "PATH=/nonexistent",
        "/usr/bin/updraft",
        "status",
      ]);
      assert.equal(without.exitCode, 3);
      assert.match(without.stderr, /condor_config_val/);
      await refuses(1, /ECONNREFUSED|reach/, ["status", "burst"], {
        AWS_ENDPOINT_URL: "http://172.31.255.2:81",
      });
    });

    test("a token or a password file that others may read", async (t) => {
      const { accessPoint } = sandbox;
      for (const [kind, file] of [
        ["idtoken", "/etc/updraft/credentials/burst.token"],
        ["password", "/etc/condor/passwords.d/POOL"],
      ] as const) {
        t.after(() => accessPoint.run(["chmod", "600", file]));
        await accessPoint.run(["chmod", "644", file]);
        await refuses(4, new RegExp(`${file}.*644`), ["create", "burst", "--count", "1", "--yes"], {
          _CONDOR_UPDRAFT_burst_CREDENTIAL: kind,
        });
      }
    });

    test("what credential is not asked to do, and what is no token", async () => {
      const { accessPoint } = sandbox;
      await refuses(2, /does not say what to do/, ["credential"]);
      await refuses(2, /no credential burst/, ["credential", "burst"]);
      await refuses(2, /names no annex/, ["credential", "show"]);
      await refuses(2, /not the name of an annex/, ["credential", "create", "../burst"]);
      await refuses(2, /--lifetime does not go with show/, [
        "credential",
        "show",
        "burst",
        "--lifetime",
        "1d",
      ]);
      await refuses(2, /--no-publish does not go with create/, [
        "credential",
        "create",
        "burst",
        "--no-publish",
      ]);
      await refuses(2, /--from does not go with --file/, [
        "credential",
        "rotate",
        "burst",
        "--file=a",
        "--from=b",
      ]);
      await refuses(2, /--lifetime does not go with --from/, [
        "credential",
        "rotate",
        "burst",
        "--from=b",
        "--lifetime=1d",
      ]);
      await refuses(2, /lifetime "1m" is not/, ["credential", "rotate", "burst", "--lifetime", "1m"]);
      await refuses(2, /could not read/, ["credential", "rotate", "burst", "--from", "/none"]);
      await refuses(3, /there is no annex brust/, ["credential", "create", "brust"]);
      await refuses(3, /authenticates by password/, ["credential", "rotate", "burst"], {
        _CONDOR_UPDRAFT_burst_CREDENTIAL: "password",
      });
      await refuses(4, /did not sign a token/, ["credential", "rotate", "burst", "--key", "NONE"]);
      await accessPoint.writeFile("/root/huge", "x".repeat(100_000));
      await refuses(3, /no JSON web token/, ["credential", "rotate", "burst", "--from", "/root/huge"]);
    });

    test("a subnet, a type and an image that are not there", async (t) => {
      t.after(() => knobs({}));
      await knobs({ SUBNETS: "subnet-00000000000000000" });
      await refuses(3, /subnet-00000000000000000/, ["create", "burst", "--count", "1", "--yes"]);
      await knobs({ INSTANCE_TYPES: "m5.gigantic" });
      await refuses(3, /m5\.gigantic/, ["create", "burst", "--count", "1", "--yes"]);
      await knobs({ IMAGE_ID: "ami-0ffffffffffffffff" });
      await refuses(3, /ami-0ffffffffffffffff/, ["create", "burst", "--count", "1", "--yes"]);
      await knobs({});
    });

    test("a region in which nothing is set up: every verb says which it is, and nothing is made there", async (t) => {
      t.after(() => knobs({}));
      await knobs({ REGION: "eu-west-1" });
      const nothing = /eu-west-1 of this account is not set up.*updraft setup --region eu-west-1/s;
      for (const args of [
        ["create", "burst", "--count", "1", "--yes"],
        ["publish", "burst"],
        ["renew", "burst", "--yes"],
        ["setup", "--annex", "burst"],
        ["sweep"],
      ]) {
        await refuses(3, nothing, args);
      }
      const gone = await updraft(sandbox.accessPoint, [
        "teardown",
        "--region",
        "eu-west-1",
        "--yes",
        "--json",
      ]);
      assert.equal(gone.exitCode, 0, gone.stderr);
      assert.deepEqual(JSON.parse(gone.stdout).removed.resources, []);
      await knobs({});
    });

    test("an S3 that refuses: nothing is launched, and the same command does it afterwards", async () => {
      const fault = await sandbox.addFault({
        service: "s3",
        action: "PutObject",
        kind: "error",
        code: "AccessDenied",
        status: 403,
      });
      await refuses(4, /s3:\/\/.*annexes\/burst/, ["create", "burst", "--count", "1", "--yes"]);
      await sandbox.removeFault(fault);
      await succeed(sandbox.accessPoint, "create", "burst", "--count", "1", "--yes");
      await succeed(sandbox.accessPoint, "delete", "burst", "--yes");
    });

    test("no capacity: an exact reason and its own exit status", async () => {
      const fault = await sandbox.addFault({ service: "ec2", action: "CreateFleet", kind: "capacity" });
      await refuses(5, /InsufficientInstanceCapacity/, ["create", "burst", "--count", "2", "--yes"]);
      await sandbox.removeFault(fault);
      await refuses(5, /--ask-again/, ["create", "burst", "--count", "2", "--yes"]);
      await succeed(
        sandbox.accessPoint,
        "create",
        "burst",
        "--count",
        "1",
        "--yes",
        "--no-wait",
        "--ask-again",
      );
      await succeed(sandbox.accessPoint, "delete", "burst", "--yes");
    });

    test("an annex and a bucket that belong to another pool", async () => {
      await succeed(sandbox.accessPoint, "create", "burst", "--count", "1", "--yes");
      const second = await sandbox.addAccessPoint({ domain: "pool2.test" });
      await configureAnnexes(second, { burst: await annexKnobs(sandbox) });
      for (const args of [
        ["setup", "--annex", "burst"],
        ["create", "burst", "--count", "1", "--yes"],
        ["delete", "burst", "--yes"],
        ["teardown", "--annex", "burst", "--yes"],
      ]) {
        const { exitCode, stderr } = await updraft(second, args);
        assert.notEqual(exitCode, 0, args.join(" "));
        assert.match(stderr, /pool\.test/, args.join(" "));
      }
      assert.equal(
        (JSON.parse(await succeed(second, "status", "burst", "--json")) as { instances: Instance[] })
          .instances.length,
        0,
      );
      assert.equal((await instancesOf(sandbox, "burst"))[0]?.progress, "joined");
    });

    test("an image without HTCondor: the node says so, and ends itself", async () => {
      await knobs({ IMAGE_ID: imageId("plain") });
      const { exitCode, stderr, stdout } = await updraft(sandbox.accessPoint, [
        "create",
        "burst",
        "--count",
        "1",
        "--yes",
      ]);
      assert.equal(exitCode, 1, stdout);
      assert.match(stderr, /HTCondor/);
      await eventually("the instance is gone", 30, async () => {
        const running = (await sandbox.instances()).filter(({ state }) => state === "running");
        assert.equal(running.length, 1, "the one that had joined before");
      });
      await knobs({});
    });

    test("a manifest with a wrong checksum: the node says so within its time, reports it, and ends itself", async () => {
      const [one] = await instancesOf(sandbox, "burst");
      const node = sandbox.machine(one?.id ?? "");
      const join = await node.run(["sh", "-c", "tr '\\0' '\\n' < /var/lib/cloud/instance/user-data.txt"]);
      const value = (name: string): string => new RegExp(`^${name}='(.*)'$`, "m").exec(join)?.[1] ?? "";
      // As whoever may write there: the administrator of the account.
      await sandbox.accessPoint.run(["sh", "-c", TAMPER], { stdin: `${bucket}/annexes/burst/annex.ini\n` });
      const args = [
        "join",
        "--annex",
        "burst",
        "--bucket",
        bucket,
        "--region",
        "us-east-1",
        "--timeout",
        "4",
      ];
      const { stdout } = await node
        .exec(
          [
            "/usr/libexec/updraft/updraft-bootstrap",
            ...args,
            "--role-id",
            value("role_id"),
            "--s3-endpoint",
            value("endpoint"),
          ],
          { timeoutSeconds: 60 },
        )
        .catch((error: unknown) => ({ stdout: String(error) }));
      await eventually("the instance is gone", 30, async () =>
        assert.equal(
          (await sandbox.instances()).find(({ instanceId }) => instanceId === one?.id)?.state,
          "terminated",
        ),
      );
      assert.match(`${stdout}${await sandbox.consoleOutput(one?.id ?? "")}`, /does not have the checksum/);
      const written = (await sandbox.requests()).filter(
        ({ action, resource }) => action === "PutObject" && resource.includes("/reports/burst/"),
      );
      assert.ok(written.some(({ status, resource }) => status === 200 && resource.endsWith(`:${one?.id}`)));
      await succeed(sandbox.accessPoint, "delete", "burst", "--yes");
    });
  },
);

/** Overwrites the configuration that the manifest names on standard input, with root's own AWS keys. */
const TAMPER = `
set -eu
read -r manifest
from() { sed -n "s/^$1 = //p" /root/.aws/credentials; }
s3() {
  key=$1
  shift
  curl -sf --aws-sigv4 aws:amz:us-east-1:s3 --user "$(from aws_access_key_id):$(from aws_secret_access_key)" \\
    -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" "$@" "http://172.31.255.2/$key"
}
sha256=$(s3 "$manifest" | sed -n '/\\[config\\]/,/^$/ s/^sha256=//p')
echo garbage > /tmp/garbage
s3 "\${manifest%annex.ini}config/$sha256.tar.gz" -T /tmp/garbage
`;
