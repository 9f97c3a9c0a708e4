import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { programKey } from "../../core/storage.ts";
import { userData } from "../../core/user-data.ts";
import { noInstance, onInstance } from "../support/on-instance.ts";
import { base64, sha256, world } from "./world.ts";

// Stands for the executable: what user data does with it is to verify and to run it.
const program = '#!/bin/sh\nprintf "%s\\n" "$@" >/run/joined\n';
const parameters = {
  annex: "burst",
  bucket: "updraft-bucket",
  region: "us-east-1",
  roleId: "AROATEST",
  programSha256: sha256(program),
  bootSeconds: 300,
  s3Endpoint: "http://127.0.0.1:9000",
};
const script = userData(parameters);
const files = { "/var/user-data": { content: script, mode: "755" } };
const commands = [["/var/user-data"]];
const image = "/usr/libexec/updraft/updraft-bootstrap";
const stored = { [programKey(sha256(program))]: base64(program) };

describe("user data on an instance", { skip: await noInstance("curl", "strace") }, () => {
  it("runs the executable of the image when it is the right one, and asks nobody", async () => {
    const {
      commands: ran,
      requests,
      files: found,
    } = await onInstance(
      await world({ files: { ...files, [image]: { content: program, mode: "755" } }, commands }),
    );
    assert.equal(ran[0]?.status, 0, ran[0]?.output);
    assert.deepEqual(requests, []);
    const joined = found["/run/joined"]?.content.split("\n") ?? [];
    assert.deepEqual(joined.slice(0, 10), [
      "join",
      "--annex",
      "burst",
      "--bucket",
      "updraft-bucket",
      "--region",
      "us-east-1",
      "--role-id",
      "AROATEST",
      "--started-at",
    ]);
    assert.match(joined[10] ?? "", /^\d{10}\.\d{9}$/);
    assert.deepEqual(joined.slice(11), ["--timeout", "300", "--s3-endpoint", "http://127.0.0.1:9000", ""]);
  });

  for (const [what, extra] of [
    ["the image has none", {}],
    ["the image has another one", { [image]: { content: "#!/bin/sh\nexit 9\n", mode: "755" } }],
  ] as const) {
    it(`fetches the executable with a signed request when ${what}`, async () => {
      const {
        commands: ran,
        requests,
        files: found,
      } = await onInstance(await world({ files: { ...files, ...extra }, objects: stored, commands }));
      assert.equal(ran[0]?.status, 0, ran[0]?.output);
      assert.equal(requests.at(-1), `s3 GET ${programKey(sha256(program))}`);
      assert.match(found["/run/joined"]?.content ?? "", /^join\n/);
      const [bootstrap, startd] = [found[image], found["/usr/libexec/updraft/updraft-startd"]];
      assert.equal(bootstrap?.content, program);
      assert.equal(bootstrap?.mode, "755");
      assert.equal(startd?.inode, bootstrap?.inode);
    });
  }

  it("lets no secret stand in an argument or the environment of any program", async () => {
    const traced = [
      "strace",
      "-f",
      "-v",
      "-s",
      "4096",
      "-e",
      "trace=execve",
      "-o",
      "/run/updraft-trace",
      "/var/user-data",
    ];
    const planted = ["env", "PLANTED=secret+access/key", "true"];
    const trace = ["cat", "/run/updraft-trace"];
    const found = async (command: string[]): Promise<string> => {
      const result = await onInstance(await world({ files, objects: stored, commands: [command, trace] }));
      assert.equal(result.commands[0]?.status, 0, result.commands[0]?.output);
      return result.commands[1]?.output ?? "";
    };
    // The search must first find a secret that stands there.
    assert.match(await found([...traced.slice(0, -1), ...planted]), /secret\+access\/key/);
    const clean = await found(traced);
    assert.match(clean, /execve\("[^"]*curl"/);
    for (const secret of ["secret+access/key", "session//token==", "the-token", "ASIATEST"]) {
      assert.ok(!clean.includes(secret), `${secret} was an argument`);
    }
  });

  it("says why and powers off when the executable cannot be had in time", async () => {
    const hasty = {
      "/var/user-data": { content: userData({ ...parameters, bootSeconds: 3 }), mode: "755" },
    };
    for (const objects of [{}, { [programKey(sha256(program))]: base64("another program") }]) {
      const result = await onInstance(await world({ files: hasty, objects, commands }));
      assert.equal(result.commands[0]?.status, 1);
      assert.match(result.console, /S3 (does not give|gives for) http[^\n]*\nupdraft: powering off/);
      assert.equal(result.files["/run/systemctl"]?.content, "poweroff --force --force\n");
      assert.equal(result.files[image], undefined, "an unverified executable was left");
    }
  });

  it("powers off when the executable itself fails", async () => {
    const broken = "#!/bin/sh\nexit 9\n";
    const content = script.replaceAll(sha256(program), sha256(broken));
    const result = await onInstance(
      await world({
        files: { "/var/user-data": { content, mode: "755" }, [image]: { content: broken, mode: "755" } },
        commands,
      }),
    );
    assert.match(result.console, /updraft-bootstrap ended with status 9\nupdraft: powering off/);
    assert.equal(result.files["/run/systemctl"]?.content, "poweroff --force --force\n");
  });
});
