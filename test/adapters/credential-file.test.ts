import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { credentialFile, writeSecret } from "../../adapters/credential-file.ts";
import { createToken } from "../../adapters/token-create.ts";
import { UpdraftError } from "../../core/errors.ts";

async function place(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "updraft-credential-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

test("a token is kept where only its owner reads it, and replaced in one step", async (t) => {
  const directory = join(await place(t), "made", "credentials");
  const file = credentialFile(directory, "burst");
  assert.equal(await file.exists(), false);
  await file.write("first\n");
  await file.write("second\n");
  assert.equal(await file.exists(), true);
  assert.equal(new TextDecoder().decode(await file.read()), "second\n");
  assert.deepEqual([await mode(directory), await mode(file.path)], ["700", "600"]);
  assert.equal(await mode(join(directory, "..")), "755", "others' files may stand beside it");
  assert.deepEqual(await readdir(directory), ["burst.token"]);
});

test("a directory that others could look into is closed, and a token that others may read is refused", async (t) => {
  const directory = await place(t);
  await chmod(directory, 0o755);
  const file = credentialFile(directory, "burst");
  await file.write("token\n");
  assert.equal(await mode(directory), "700");
  await chmod(file.path, 0o644);
  await assert.rejects(file.read(), { kind: "denied", message: /others may read it/ });
});

test("where there is no token, what makes one is said", async (t) => {
  await assert.rejects(credentialFile(await place(t), "burst").read(), {
    kind: "config",
    remedy: "Make one as root: updraft credential create burst",
  });
});

test("what cannot be written is told with its place", async (t) => {
  const directory = await place(t);
  await writeFile(join(directory, "taken"), "");
  await assert.rejects(credentialFile(join(directory, "taken"), "burst").write("token"), {
    kind: "failed",
    message: /could not write .*burst\.token/,
  });
  await assert.rejects(writeSecret(join(directory, "none", "x"), "token"), /could not write/);
  await writeSecret(join(directory, "carried"), "token");
  assert.equal(await mode(join(directory, "carried")), "600");
  assert.equal(await readFile(join(directory, "carried"), "utf8"), "token");
});

test("a token that HTCondor does not sign is told with what to do where the key is", async () => {
  const failing = (kind: "failed" | "config") => async () => {
    throw new UpdraftError(kind, "no key", "see");
  };
  assert.equal(await createToken(async (program, args) => `${program} ${args.join(" ")}`, ["a", "b"]), "a b");
  await assert.rejects(createToken(failing("failed"), ["a"]), {
    kind: "denied",
    message: /did not sign a token: no key/,
    remedy: /--file FILE; then on the access point with --from FILE/,
  });
  await assert.rejects(createToken(failing("config"), ["a"]), { kind: "config", message: "no key" });
});
