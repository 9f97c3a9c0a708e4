import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { noInstance, onInstance } from "../support/on-instance.ts";
import { failed, HASTY, JOIN, MASTER, program, world } from "./world.ts";

const KILL_MASTER = ["pkill", "-x", "condor_master"];
const [NODE = "", SCRIPT = ""] = JOIN;
const CONFIG = "/etc/condor/config.d/60-updraft-node.config";

describe("a join that is disturbed", { skip: await noInstance("nft", "strace", "faketime") }, () => {
  it("is made up for by the next one, wherever it was killed", async () => {
    // It is killed as it puts the file of this number into its place; one thread puts them all.
    const killed = ["2", "4", "6", "8"].map((which) => {
      const kill = ["-e", "trace=rename", "-e", `inject=rename:signal=KILL:when=${which}`];
      return ["env", "UV_THREADPOOL_SIZE=1", "strace", "-f", "-qq", "-o", "/dev/null", ...kill, ...JOIN];
    });
    const files = { "/usr/sbin/condor_master": MASTER };
    const listing = ["sh", "-c", "cd /etc/condor && ls config.d passwords.d"];
    const { files: sound } = await onInstance(await world({ files, commands: [JOIN, KILL_MASTER] }));
    // systemd-sysusers, which makes them, puts files into their places too.
    const accounts = [
      "sh",
      "-c",
      "for slot in $(seq 0 9); do echo u updraft-slot$slot; done | systemd-sysusers -",
    ];
    const commands = [accounts, ...killed, JOIN, listing, KILL_MASTER];
    const result = await onInstance(await world({ files, commands }));
    assert.deepEqual(
      result.commands.map(({ status }) => status),
      [0, -1, -1, -1, -1, 0, 0, 0],
      JSON.stringify(result.commands),
    );
    assert.equal(result.files["/run/master"]?.content, "started\n");
    for (const path of [CONFIG, "/etc/condor/passwords.d/POOL", "/var/lib/updraft/join.json"]) {
      assert.equal(result.files[path]?.content, sound[path]?.content, path);
      assert.equal(result.files[path]?.mode, sound[path]?.mode, path);
    }
    // What a killed join had begun to write has a name that HTCondor passes over.
    assert.equal(
      result.commands[6]?.output,
      "config.d:\n50-updraft-annex.config\n60-updraft-node.config\n\npasswords.d:\nPOOL\n",
    );
  });

  it("waits for another that runs at the same time, and there is one HTCondor and one guard", async () => {
    const both = ["sh", "-c", '"$@" & "$@"; first=$?; wait $! && exit $first', "sh", ...JOIN];
    const guards = [
      "sh",
      "-c",
      `pgrep -fc '^${NODE} ${SCRIPT} guard$'; pgrep -fc '^/bin/sh -c .* updraft-guard'`,
    ];
    const files = { "/usr/sbin/condor_master": MASTER };
    const result = await onInstance(await world({ files, commands: [both, guards, KILL_MASTER] }));
    assert.equal(result.commands[0]?.status, 0, result.commands[0]?.output);
    assert.equal(result.files["/run/master"]?.content, "started\n");
    assert.equal(result.commands[1]?.output, "1\n1\n");
  });

  it("can be repeated without its arguments after a reboot, and makes the same node", async () => {
    const reboot = [
      "sh",
      "-c",
      "pkill -x condor_master; pkill -f '[u]pdraft-guard'; rm -r /run/updraft /run/master",
    ];
    const files = { "/usr/sbin/condor_master": MASTER };
    const rejoin = [NODE, SCRIPT, "rejoin"];
    const commands = [
      rejoin,
      JOIN,
      ["cat", CONFIG, "/etc/passwd"],
      reboot,
      rejoin,
      ["cat", CONFIG, "/etc/passwd"],
    ];
    const result = await onInstance(await world({ files, commands: [...commands, KILL_MASTER] }));
    assert.deepEqual(
      result.commands.map(({ status }) => status),
      [3, 0, 0, 0, 0, 0, 0],
      JSON.stringify(result.commands),
    );
    assert.match(result.commands[0]?.output ?? "", /not known: ENOENT.*\n.*user data/);
    assert.equal(result.commands[5]?.output, result.commands[2]?.output);
    assert.equal(result.files["/run/master"]?.content, "started\n");
    assert.equal(result.files["/run/systemctl"], undefined);
  });

  it("joins with a clock that is an hour wrong, and tells the right times", async () => {
    for (const offset of ["+3600", "-3600"]) {
      const wrong = ["faketime", "-f", `${offset}s`, ...JOIN];
      const lease = String(Math.round(Date.now() / 1000) + 600);
      const result = await onInstance(
        await world({ tags: { "htcondor:LeaseExpiration": lease }, commands: [wrong] }),
      );
      assert.equal(result.commands[0]?.status, 0, result.commands[0]?.output);
      const state = JSON.parse(result.files["/var/lib/updraft/guard.json"]?.content ?? "{}") as {
        node: { bootSteps: Record<string, number> };
      };
      const steps = Object.entries(state.node.bootSteps);
      assert.ok(steps.length > 10);
      for (const [name, at] of steps) assert.ok(Math.abs(at - Date.now() / 1000) < 60, `${offset} ${name}`);
    }
  });

  it("joins though metadata service and S3 are slow", async () => {
    const delaySeconds = { metadata: 0.5, s3: 1 };
    const { commands } = await onInstance(await world({ delaySeconds, commands: [JOIN] }));
    assert.equal(commands[0]?.status, 0, commands[0]?.output);
  });

  it("gives up in time when they are too slow", async () => {
    // Without the metadata service nobody has credentials to report with.
    const deaf = await onInstance(await world({ delaySeconds: { metadata: 30 }, commands: [HASTY] }));
    assert.equal(deaf.commands[0]?.status, 1);
    assert.match(
      deaf.console,
      /^updraft-bootstrap: \w+ failed after 1 attempts: it took longer than there was time/,
    );
    assert.equal(deaf.files["/run/systemctl"]?.content, "poweroff --force --force\n");
    assert.ok((deaf.commands[0]?.seconds ?? 99) < 25, `${deaf.commands[0]?.seconds} s`);
  });

  it("gives up when the metadata service does not know the instance", async () => {
    const { metadata, ...rest } = await world({ commands: [HASTY] });
    const found = { ...metadata };
    delete found["/latest/dynamic/instance-identity/document"];
    const result = await onInstance({ ...rest, metadata: found });
    assert.equal(result.commands[0]?.status, 1);
    assert.match(result.console, /Identity failed after \d attempts: .* status 404/);
    assert.equal(result.files["/run/systemctl"]?.content, "poweroff --force --force\n");
  });

  for (const [what, version] of [
    [
      "the image's record",
      { "/usr/libexec/updraft/image.json": { content: '{"format":1,"htcondor":"10.0.9"}', mode: "644" } },
    ],
    [
      "HTCondor itself",
      {
        "/usr/libexec/updraft/image.json": { content: "", mode: "644" },
        "/usr/bin/condor_version": program("echo '$CondorVersion: 10.0.9 2023-09-28 $'"),
      },
    ],
  ] as const) {
    it(`refuses an HTCondor that is too old by what ${what} says`, async () => {
      const result = await onInstance(await world({ files: version }));
      failed(result, "HtcondorFound", /has HTCondor 10\.0\.9, and 23\.0 is the oldest/);
      assert.match(result.console, /_IMAGE_ID/);
    });
  }

  it("says that the disk is full", async () => {
    const full = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", "/etc/condor/config.d"];
    const files = { "/etc/condor/config.d/00-mine.config": { content: "", mode: "644" } };
    const { commands, ...rest } = await onInstance(await world({ files, commands: [full, HASTY] }));
    failed({ ...rest, commands: commands.slice(1) }, "Files", /ENOSPC/);
    assert.match(rest.console, /larger root volume/);
  });

  it("ends a node that no collector accepts, and says what the collector said", async () => {
    const denied = program("echo 'Remote Mapping:   condor@password'; echo 'Authorized:   FALSE'");
    const result = await onInstance(
      await world({ files: { "/usr/bin/condor_ping": denied }, commands: [HASTY] }),
    );
    failed(
      result,
      "Accepted",
      /no collector accepts this node: .*condor@password is authenticated and not authorized/,
      "started",
    );
  });

  it("does not end a node that somebody has claimed though the collector does not answer", async () => {
    const config = `case $1 in COLLECTOR_HOST) echo 127.0.0.1:9 ;; STARTD_ADDRESS_FILE) echo /run/startd ;; esac`;
    const files = {
      "/usr/bin/condor_config_val": program(config),
      "/usr/bin/condor_status": program(String.raw`printf 'Claimed\tfalse\tundefined\n'`),
      "/run/startd": { content: "<127.0.0.1:1>\n", mode: "644" },
      "/usr/sbin/condor_master": MASTER,
    };
    const result = await onInstance(await world({ files, commands: [JOIN, KILL_MASTER] }));
    assert.equal(result.commands[0]?.status, 0, result.commands[0]?.output);
    assert.equal(result.files["/run/systemctl"], undefined);
  });
});
