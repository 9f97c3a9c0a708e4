import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { link, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { Script } from "node:vm";
import { bundleScript } from "../../scripts/build/bundle.ts";
import { compiled } from "../../scripts/build/executable.ts";
import { DIST, PROJECT } from "../../scripts/build/paths.ts";

async function scratch(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "updraft-bundle-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test("of the AWS SDK's schemas the bundle of the hook has those of operations that are used", async (t) => {
  const script = await bundleScript("hook", join(PROJECT, "scripts/schedd-main.ts"), await scratch(t));
  const source = await readFile(script, "utf8");
  assert.match(source, /DescribeInstancesRequest/);
  assert.doesNotMatch(source, /AcceptVpcEndpointConnections/);
});

test("a program's code is taken by a Node with the same options, and a program that is not ASCII is refused", async (t) => {
  const directory = await scratch(t);
  const entry = join(directory, "entry.ts");
  await writeFile(
    entry,
    'export const greeting = "grüße";\nprocess.emit("updraft-test" as never, greeting as never);\n',
  );
  const script = await bundleScript("greet", entry, directory);
  const cachedData = await readFile(
    await compiled(
      script,
      process.execArgv.filter((one) => one.startsWith("--max")),
    ),
  );
  const source = await readFile(script, "latin1");
  const program = new Script(source, { filename: script, cachedData });
  assert.equal(program.cachedDataRejected, false);
  const heard: unknown[] = [];
  process.once("updraft-test" as never, ((greeting: unknown) => heard.push(greeting)) as never);
  (program.runInThisContext() as (...given: unknown[]) => void)({}, () => undefined, { exports: {} });
  assert.deepEqual(heard, ["grüße"]);
  await writeFile(script, `${source}// grüße`);
  await assert.rejects(compiled(script, []), /characters that are not ASCII/);
});

test("of the hook what a run needs is compiled, and nothing else", async (t) => {
  const script = await bundleScript("hook", join(PROJECT, "scripts/schedd-main.ts"), await scratch(t));
  const size = async (rehearsed: boolean): Promise<number> =>
    (await readFile(await compiled(script, [], rehearsed))).length;
  const all = await size(false);
  const needed = await size(true);
  assert.ok(needed < all, `${needed} of ${all} bytes`);
  // A run that ended before it asked AWS and HTCondor would leave out far more.
  assert.ok(needed > all / 2, `${needed} of ${all} bytes`);
});

test("the executable under another name than its programs' runs none of them, and names them", async (t) => {
  const other = join(await mkdtemp(join(DIST, "other-")), "condor_q");
  t.after(() => rm(dirname(other), { recursive: true, force: true }));
  await link(join(DIST, "access-point/updraft"), other);
  const { status, stdout, stderr } = spawnSync(other, ["--version"], { encoding: "utf8" });
  assert.deepEqual(
    [status, stdout, stderr],
    [2, "", "updraft: this executable has no program condor_q\n  Run it as updraft or updraft-schedd.\n"],
  );
});
