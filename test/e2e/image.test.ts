import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { imageId } from "../../sandbox/demo/annex.ts";
import { finishedJobs, submitJobs } from "../../sandbox/demo/jobs.ts";
import { down, up, type Sandbox, type SandboxMachine } from "../../sandbox/sandbox.ts";
import { eventually, setUp, succeed, type Instance } from "../support/updraft.ts";

const NAME = "e2e-image";
const RECIPE = new URL("../../bootstrap/image/install.sh", import.meta.url);
const DIRECTORY = "/usr/libexec/updraft";

describe("images", { timeout: 300_000 }, () => {
  let sandbox: Sandbox;

  before(async () => {
    await down(NAME);
    sandbox = await up({ name: NAME });
    await setUp(sandbox, { burst: {}, bare: { IMAGE_ID: imageId("archive"), HTCONDOR: "distribution" } });
  });
  after(() => sandbox.down());

  /** A node of the annex, after a job has run on it. */
  async function node(annex: string): Promise<SandboxMachine> {
    const { accessPoint } = sandbox;
    const create = ["create", annex, "--count", "1", "--lease", "1h", "--yes", "--json"];
    const { instances } = JSON.parse(await succeed(accessPoint, ...create)) as { instances: Instance[] };
    const [{ id, progress } = { id: "none", progress: "none" }] = instances;
    assert.equal(progress, "joined", await sandbox.consoleOutput(id));
    const job = await submitJobs(accessPoint, { count: 1, seconds: 0, mayUseAws: true });
    await eventually("the job is done", 60, async () => {
      const [done] = await finishedJobs(accessPoint, job);
      assert.equal(done?.instanceId, id);
    });
    return sandbox.machine(id);
  }

  const methods = async (): Promise<string> =>
    sandbox.accessPoint.run(["condor_status", "-af", "HasFileTransferPluginMethods"]);

  test("an image says what it holds, is nobody's, and its plugins need not be asked", async () => {
    const machine = await node("burst");
    const image = JSON.parse(await machine.run(["cat", `${DIRECTORY}/image.json`])) as Record<
      string,
      unknown
    >;
    const said = await machine.run(["condor_version"]);
    assert.ok(said.includes(String(image["htcondor"])));
    assert.match(String(image["programSha256"]), /^[0-9a-f]{64}$/);

    const ad = await machine.run(["cat", `${DIRECTORY}/slot.ad`]);
    for (const name of ["Arch", "OpSysAndVer", "CondorVersion", "HasFileTransferPluginMethods"]) {
      assert.match(ad, new RegExp(`^${name} = "`, "m"));
    }
    assert.doesNotMatch(ad, /^(Name|Machine|MyAddress|Cpus|Memory|Disk|\w*Time) =/m);

    const left = await machine.run([
      "sh",
      "-c",
      "cat /etc/machine-id; ls /etc/ssh/ssh_host_* /etc/condor/*.pem /etc/condor/tokens.d 2>/dev/null || :",
    ]);
    assert.doesNotMatch(left, /[0-9a-f]{32}|\.pem|ssh_host/);

    // What they answer is HTCondor's own answer, and at their work they are themselves.
    const plugins = (await machine.run(["condor_config_val", "FILETRANSFER_PLUGINS"])).split(/[\s,]+/);
    const ours = plugins.filter((plugin) => plugin.startsWith(`${DIRECTORY}/plugins/`));
    assert.ok(ours.length > 0);
    for (const plugin of ours) {
      const own = `/usr/libexec/condor/${plugin.split("/").at(-1) ?? ""}`;
      assert.equal(await machine.run([plugin, "-classad"]), await machine.run([own, "-classad"]));
      const [asked, itself] = await Promise.all([machine.exec([plugin, "-no"]), machine.exec([own, "-no"])]);
      assert.equal(asked.exitCode, itself.exitCode);
      assert.equal(asked.stdout, itself.stdout);
    }
    assert.match(await methods(), /\bbox\b/);
  });

  test("the recipe can be run again where a node is at work, and makes no image of it", async () => {
    const machine = sandbox.machine((await sandbox.instances())[0]?.instanceId ?? "");
    await machine.writeFile("/root/install.sh", await readFile(RECIPE), { mode: "755" });
    const again = await machine.run(["/root/install.sh", "--instance", `${DIRECTORY}/updraft-bootstrap`]);
    assert.match(again, /^this is ready for Updraft: HTCondor [\d.]+, updraft-bootstrap [0-9a-f]{64}$/m);
    const refused = await machine.exec(["/root/install.sh", `${DIRECTORY}/updraft-bootstrap`]);
    assert.equal(refused.exitCode, 5);
    assert.match(refused.stderr, /HTCondor is running here\nStop it first/);
    const usages = [[], ["--frob", "x"], ["--htcondor", "elsewhere", "x"], ["--htcondor"]];
    for (const usage of usages) {
      const { exitCode, stderr } = await machine.exec(["/root/install.sh", ...usage]);
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, /^usage: install\.sh /m);
    }
    assert.match(await methods(), /\bbox\b/);
    await succeed(sandbox.accessPoint, "delete", "burst", "--yes");
  });

  test("an image without HTCondor installs it at its boot, when it is told from where", async () => {
    const machine = await node("bare");
    const steps = await machine.run(["cat", "/run/updraft/node.json"]);
    assert.match(steps, /"HtcondorInstalled":/);
    assert.match(await machine.run(["cat", "/var/log/updraft-install.log"]), /this is ready for Updraft/);
    // Nothing but the boot may have started it, and nothing starts it unconfigured at the next.
    const { stdout } = await machine.exec([
      "sh",
      "-c",
      "ls /etc/systemd/system/*/condor.service /usr/sbin/policy-rc.d 2>/dev/null",
    ]);
    assert.equal(stdout, "");
  });
});
