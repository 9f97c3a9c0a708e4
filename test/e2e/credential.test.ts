import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test, type TestContext } from "node:test";
import { annexKnobs, configureAnnexes } from "../../sandbox/demo/annex.ts";
import { finishedJobs } from "../../sandbox/demo/jobs.ts";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox, type SandboxMachine } from "../../sandbox/sandbox.ts";
import { eventually, instancesOf, setUp, succeed, updraft } from "../support/updraft.ts";

const NAME = "e2e-credential";
const S3 = "http://172.31.255.2";
const TOKEN = "/etc/updraft/credentials/burst.token";
const NODE_TOKEN = "/etc/condor/tokens.d/updraft";

type Shown = { readonly sha256: string; readonly token: { readonly id: string; readonly expires: number } };

const script = (name: string): Promise<Buffer> => readFile(new URL(`../support/${name}`, import.meta.url));

/** The lines of a script that tries things: every one is told, and which of them were not refused is the answer. */
function gotten(t: TestContext, transcript: string, tries: number): string[] {
  const lines = transcript.split("\n").filter((line) => /^(refused|GOT) /.test(line));
  for (const line of lines) t.diagnostic(line);
  assert.ok(lines.length >= tries, transcript);
  return lines.flatMap((line) => /^GOT +(.*?): /.exec(line)?.[1] ?? []);
}

type Environment = Readonly<Record<string, string>>;
/** Has condor_submit leave the opt-in out, as that of another machine does. */
const BY_THE_SCHEDD: Environment = { _CONDOR_APPEND_REQUIREMENTS: "True" };

describe("the token of an annex's nodes", { timeout: 300_000 }, () => {
  let sandbox: Sandbox;
  let accessPoint: SandboxMachine;
  let node: SandboxMachine;
  let bucket: string;
  let id: string;
  let stolen: string;

  const shell = (script: string): Promise<string> => accessPoint.run(["sh", "-c", script]);
  const show = async (): Promise<Shown> =>
    JSON.parse(await succeed(accessPoint, "credential", "show", "burst", "--json")) as Shown;
  const slot = async (attributes: string): Promise<string> =>
    (
      await shell(
        `condor_status -constraint 'CloudInstanceID == "${id}" && PartitionableSlot' -af:, ${attributes}`,
      )
    ).trim();

  before(async () => {
    await down(NAME);
    sandbox = await up({ name: NAME, localSlots: 1 });
    ({ accessPoint } = sandbox);
    await accessPoint.configure("32-local.config", "START = TARGET.MayUseAWS =!= True\n");
    bucket = await setUp(sandbox, { burst: {} });
    const common = await annexKnobs(sandbox);
    await configureAnnexes(accessPoint, { burst: common, other: common });
    await shell("rm -r /etc/updraft/credentials");
  });
  after(async () => {
    const held = await holdings(sandbox.directory);
    await sandbox.down();
    assert.deepEqual(await lastingLeftovers(held), []);
  });

  test("is made by the administrator, once, and shown by what it is good for and never itself", async () => {
    const without = await updraft(accessPoint, ["create", "burst", "--count", "1", "--yes"]);
    assert.equal(without.exitCode, 3);
    assert.match(without.stderr, /there is no file .*\n.*updraft credential create burst/);
    const said = await succeed(accessPoint, "credential", "create", "burst");
    assert.match(said, /^identity: annex-burst@pool\.test$/m);
    assert.match(said, /^good for: ADVERTISE_STARTD, ADVERTISE_MASTER$/m);
    const again = await updraft(accessPoint, ["credential", "create", "burst"]);
    assert.equal(again.exitCode, 3);
    assert.match(again.stderr, /has a token already.*\n.*updraft credential rotate burst/);
    assert.equal(
      (await shell(`stat -c '%a %U' ${TOKEN} /etc/updraft/credentials`)).trim(),
      "600 root\n700 root",
    );
    const token = (await shell(`cat ${TOKEN}`)).trim();
    const shown = await succeed(accessPoint, "credential", "show", "burst");
    for (const text of [said, shown, JSON.stringify(await show())])
      for (const part of token.split(".")) assert.ok(!text.includes(part), "the token itself is shown");
    const asAlice = await accessPoint.exec(["updraft", "credential", "show", "burst"], { user: "alice" });
    assert.equal(asAlice.exitCode, 4, asAlice.stderr);
    const makes = await accessPoint.exec(["updraft", "credential", "create", "other"], { user: "alice" });
    assert.equal(makes.exitCode, 4, makes.stderr);
  });

  test("may be made on another machine and carried over, and only what is right is taken", async () => {
    await succeed(accessPoint, "credential", "create", "other", "--file", "/root/carried");
    assert.equal((await shell("stat -c %a /root/carried")).trim(), "600");
    await succeed(accessPoint, "credential", "create", "other", "--from", "/root/carried");
    const carry = async (command: string): Promise<string> => {
      const piped = `${command} | updraft credential rotate other --from - --no-publish`;
      const { exitCode, stderr } = await accessPoint.exec(["sh", "-c", piped]);
      assert.equal(exitCode, 3, stderr);
      return stderr;
    };
    const create = "condor_token_create -identity annex-other@pool.test";
    const scopes = "-authz ADVERTISE_STARTD -authz ADVERTISE_MASTER";
    assert.match(
      await carry(`cat ${TOKEN}`),
      /its identity is "annex-burst@pool.test", not annex-other@pool.test/,
    );
    assert.match(await carry(`${create} ${scopes}`), /it never ends/);
    assert.match(await carry(`${create} -lifetime 9999`), /it is good for everything/);
    assert.match(await carry(`${create} ${scopes} -authz WRITE -lifetime 9999`), /it is good for "WRITE"/);
    assert.match(await carry("echo nonsense"), /it is no JSON web token/);
  });

  test("lets a node join that holds nothing of the pool's password", async () => {
    await succeed(accessPoint, "create", "burst", "--count", "1", "--lease", "1h", "--idle", "4m", "--yes");
    id = (await instancesOf(sandbox, "burst"))[0]?.id ?? "";
    node = sandbox.machine(id);
    assert.equal(await slot("AuthenticatedIdentity AuthenticationMethod"), "annex-burst@pool.test, IDTOKENS");
    assert.equal(
      (await node.run(["sh", "-c", "ls -A /etc/condor/passwords.d /etc/condor/tokens.d"])).trim(),
      "/etc/condor/passwords.d:\n\n/etc/condor/tokens.d:\nupdraft",
    );
    assert.equal((await node.run(["stat", "-c", "%a %U", NODE_TOKEN])).trim(), "600 root");
    stolen = await node.run(["cat", NODE_TOKEN]);
  });

  test("a hostile job on the node gets nothing of it, of the role, of other slots or of HTCondor", async (t) => {
    const jobs = { mode: "755", owner: "alice", group: "alice" };
    await accessPoint.writeFile("/home/alice/hostile.sh", await script("hostile-job.sh"), jobs);
    const victim =
      "#!/bin/sh\necho secret > victim.secret; chmod 600 victim.secret; touch ready; sleep 300\n";
    await accessPoint.writeFile("/home/alice/victim.sh", victim, jobs);
    const submit = async (executable: string, more: readonly string[]): Promise<string> => {
      const lines = [
        `executable = ${executable}`,
        "+MayUseAWS = true",
        "request_memory = 64",
        "request_disk = 1024",
        "should_transfer_files = yes",
        ...more,
        "queue\n",
      ];
      const stdin = lines.join("\n");
      const said = await accessPoint.run(["condor_submit", "-terse", "-"], {
        user: "alice",
        directory: "/home/alice",
        stdin,
      });
      return said.split(".")[0] ?? "";
    };
    const slept = await submit("victim.sh", []);
    await eventually("the victim runs", 60, () =>
      node.run(["sh", "-c", "ls /var/lib/condor/execute/dir_*/victim.secret"]),
    );
    const daemons = () => node.run(["pgrep", "-x", "condor_master|condor_startd"]);
    const before = await daemons();
    const cluster = await submit("hostile.sh", ["output = hostile.out", `arguments = ${S3}/${bucket}`]);
    await eventually("the hostile job is done", 90, async () =>
      assert.equal((await finishedJobs(accessPoint, cluster)).length, 1),
    );
    const transcript = await shell("cat /home/alice/hostile.out");
    assert.deepEqual(gotten(t, transcript, 45), []);
    assert.match(transcript, /^uid=\d+\(updraft-slot\d+\)/m);
    assert.equal(await daemons(), before);
    assert.equal(
      (await node.run(["sh", "-c", "cat /var/lib/condor/execute/dir_*/victim.secret"])).trim(),
      "secret",
    );
    await accessPoint.run(["condor_rm", slept]);
  });

  test("stolen, it is good for nothing but slots of its own annex", async (t) => {
    await accessPoint.writeFile("/home/alice/steal.sh", await script("stolen-token.sh"), { mode: "755" });
    await shell("install -d -o alice -g alice -m 700 /home/alice/.condor /home/alice/.condor/tokens.d");
    const mine = { mode: "600", owner: "alice", group: "alice" };
    await accessPoint.writeFile("/home/alice/.condor/tokens.d/stolen", stolen, mine);
    const { stdout } = await accessPoint.exec(
      ["/home/alice/steal.sh", `${S3}/${bucket}`, `${id}.ec2.internal`],
      { user: "alice" },
    );
    assert.deepEqual(gotten(t, stdout, 30), ["a slot of the annex itself"]);
    assert.equal((await shell("condor_q -allusers -af ClusterId")).trim(), "");
  });

  test("attracts jobs that have opted in and no others, whatever a slot says of itself", async () => {
    const thief = [
      "START = True",
      'AuthenticatedIdentity = "condor@pool.test"',
      "MayUseAWS = True",
      "STARTD_ATTRS = $(STARTD_ATTRS) AuthenticatedIdentity MayUseAWS\n",
    ];
    await node.configure("99-thief.config", thief.join("\n"));
    await eventually("the collector shows the thief's slot", 30, async () =>
      assert.equal(await slot("Start MayUseAWS AuthenticatedIdentity"), "true, true, annex-burst@pool.test"),
    );
    const elsewhere = 'Machine =!= "cm.pool.test"';
    const submit = async (
      user: string,
      environment: Environment,
      ...more: readonly string[]
    ): Promise<string> => {
      const lines = [
        "executable = /bin/sleep",
        "transfer_executable = false",
        "arguments = 3",
        "request_memory = 64",
        "request_disk = 1024",
        "should_transfer_files = yes",
        `requirements = ${elsewhere}`,
        ...more,
      ];
      const stdin = `${lines.join("\n")}\n`;
      const said = await accessPoint.run(["condor_submit", "-terse", "-"], { user, environment, stdin });
      return said.split(".")[0] ?? "";
    };
    const bystanders = [
      await submit("alice", {}, "queue 2"),
      await submit("alice", {}, "max_materialize = 1", "queue 2"),
      await submit("bob", {}, "+MayUseAWS = false", "queue 1"),
      await submit("alice", BY_THE_SCHEDD, "queue 1"),
    ];
    // More jobs than CPUs, and less of them in the end: claims are used again, and a part of the slot is left over.
    const optedIn = await submit("alice", {}, "+MayUseAWS = true", "queue 3");
    await eventually("the jobs that have opted in have run on the thief's slot", 60, async () => {
      const ran = await finishedJobs(accessPoint, optedIn);
      assert.deepEqual(
        ran.map(({ instanceId }) => instanceId),
        [id, id, id],
      );
    });
    await eventually("negotiation has passed over all others", 30, async () => {
      const [own, _alike, ...others] = bystanders.map((cluster) => `${cluster}.0`);
      const asked = [own, ...others];
      const told = await shell(`condor_q -allusers ${asked.join(" ")} -af 'LastRejMatchTime > QDate'`);
      assert.equal(told, "true\n".repeat(asked.length));
    });
    assert.equal(await shell("condor_q -allusers -af JobStatus NumJobStarts | sort -u"), "1 0\n");
    assert.match(
      await shell(`condor_q ${bystanders[0]} -better-analyze`),
      / 1 +regexp\("\^annex-",TARGET\.AuthenticatedIdentity\) isnt true/,
    );

    // It is this condition that keeps them away, and it is their owners' to change.
    const [own, factory, bobs, remote] = bystanders as [string, string, string, string];
    await accessPoint.run(["condor_qedit", `${own}.0`, "Requirements", elsewhere], { user: "alice" });
    await accessPoint.run(["condor_qedit", bobs, "MayUseAWS", "true"], { user: "bob" });
    await eventually("a job without it, and one that opts in later, run there", 60, async () => {
      const ran = [...(await finishedJobs(accessPoint, own)), ...(await finishedJobs(accessPoint, bobs))];
      assert.deepEqual(
        ran.map((job) => [job.id, job.instanceId]),
        [
          [`${own}.0`, id],
          [`${bobs}.0`, id],
        ],
      );
    });
    for (const other of [factory, remote]) assert.deepEqual(await finishedJobs(accessPoint, other), []);
    await accessPoint.run(["condor_rm", "-all"]);
    await node.configure("99-thief.config", "");
  });

  test("is refused by jobs that run on slots, and `check` tells when the jobs of an annex would refuse its nodes", async () => {
    const requirements = async (universe: string, environment: Environment): Promise<string> => {
      const stdin = `executable = /bin/true\nuniverse = ${universe}\nhold = true\nmachine_count = 1\nqueue\n`;
      const options = { user: "alice", environment, stdin };
      const said = await accessPoint.run(["condor_submit", "-terse", "-"], options);
      return shell(`condor_q ${said.split(".")[0]} -af:r Requirements`);
    };
    // Once, whoever has written it.
    for (const universe of ["vanilla", "parallel"])
      for (const environment of [{}, BY_THE_SCHEDD])
        assert.equal((await requirements(universe, environment)).match(/annex-/g)?.length, 1, universe);
    for (const universe of ["local", "scheduler"])
      assert.doesNotMatch(await requirements(universe, BY_THE_SCHEDD), /annex/, universe);
    await accessPoint.run(["condor_rm", "-all"]);

    const optIn = async (): Promise<string> => {
      const { stdout } = await updraft(accessPoint, ["check", "burst"]);
      return (stdout.match(/^\w+ +access point: opt-in: [^]*?(?=^\w)/gm) ?? []).join("");
    };
    assert.match(await optIn(), /^ok .* which is true: MY\.MayUseAWS =\?= true$/m);
    await accessPoint.configure("42-jobs.config", "UPDRAFT_burst_JOBS = WantCloud =?= true\n");
    const [remedy = ""] = /UPDRAFT_OPT_IN = .*(?=, then run)/.exec(await optIn()) ?? [];
    await accessPoint.configure("42-jobs.config", `UPDRAFT_burst_JOBS = WantCloud =?= true\n${remedy}\n`);
    assert.match(await optIn(), /^ok .* =\?= true\) \|\| \(MY\.WantCloud =\?= true\)$/m);
    assert.match(
      await requirements("vanilla", {}),
      /MY\.MayUseAWS =\?= true\) \|\| \(MY\.WantCloud =\?= true/,
    );
    await accessPoint.run(["condor_rm", "-all"]);
    await accessPoint.configure("42-jobs.config", "");
  });

  test("is not enough for leases that it does not outlive, which is said before anything is ordered or renewed", async () => {
    await succeed(accessPoint, "credential", "rotate", "burst", "--lifetime", "90m");
    const refused = async (...args: readonly string[]): Promise<string> => {
      const { exitCode, stderr } = await updraft(accessPoint, args);
      assert.equal(exitCode, 3, stderr);
      return stderr;
    };
    const remedy = /the token of annex burst ends at [^]*updraft credential rotate burst/;
    assert.match(await refused("create", "burst", "--count", "1", "--lease", "2h", "--yes"), remedy);
    assert.match(await refused("resize", "burst", "--count", "2", "--lease", "2h", "--yes"), remedy);
    assert.match(await refused("renew", "burst", "--lease", "2h", "--yes"), remedy);
    assert.match(await refused("check", "burst"), /findings (is|are) wrong/);
    const { stdout } = await updraft(accessPoint, ["check", "burst"]);
    assert.match(stdout, /^wrong +burst: credential: annex-burst@pool.test, until .*_LEASE is 8h/m);
    assert.match(stdout, /^ok +access point: central manager: /m);
    assert.match(
      await succeed(accessPoint, "status", "burst"),
      /^the token of annex burst ends in 1h.*rotate burst$/m,
    );
  });

  test("is replaced on living nodes, and can then be revoked with everything that was made of it", async () => {
    const ping = async (): Promise<number> => {
      const environment = { _condor_SEC_CLIENT_AUTHENTICATION_METHODS: "IDTOKENS" };
      const command = ["/usr/bin/condor_ping", "-type", "collector", "ADVERTISE_STARTD"];
      return (await accessPoint.exec(command, { user: "alice", environment })).exitCode;
    };
    // The guard reads its settings anew each time; five minutes would be long for a test.
    await node.run(["sed", "-i", 's/"everySeconds":[0-9]*/"everySeconds":2/', "/var/lib/updraft/guard.json"]);
    const said = await succeed(accessPoint, "credential", "rotate", "burst");
    const { sha256 } = await show();
    await eventually("the node has the new token", 30, async () =>
      assert.equal((await node.run(["sha256sum", NODE_TOKEN])).split(" ")[0], sha256),
    );
    assert.equal((await node.run(["stat", "-c", "%a %U", NODE_TOKEN])).trim(), "600 root");
    assert.match(await sandbox.consoleOutput(id), new RegExp(`new credential, sha256 ${sha256}`));
    const fetched = await accessPoint.run(["condor_token_fetch"], {
      user: "alice",
      environment: { _condor_SEC_CLIENT_AUTHENTICATION_METHODS: "IDTOKENS" },
    });
    assert.equal(await ping(), 0, "the old token is good until its end");
    const [revocation = ""] = /SEC_TOKEN_REVOCATION_EXPR = .*/.exec(said) ?? [];
    await accessPoint.configure("35-revoke.config", `${revocation}\n`);
    await eventually("the old token is refused", 10, async () => assert.notEqual(await ping(), 0));
    await accessPoint.writeFile("/home/alice/.condor/tokens.d/stolen", fetched, {
      mode: "600",
      owner: "alice",
      group: "alice",
    });
    assert.notEqual(await ping(), 0, "what was fetched with it is refused too");
  });

  test("goes on to advertise the node, its startd as a whole included, which tells of itself a minute late", async () => {
    const heard = Number(await slot("LastHeardFrom"));
    await node.run(["sh", "-c", "kill -HUP $(pgrep -x condor_startd)"]);
    await eventually("the slot and the startd are told anew", 75, async () => {
      assert.ok(Number(await slot("LastHeardFrom")) > heard);
      const startd = await shell(
        `condor_status -any -constraint 'MyType == "StartD" && AnnexName == "burst"' -af Name`,
      );
      assert.equal(startd.trim(), `${id}.ec2.internal`);
    });
  });
});
