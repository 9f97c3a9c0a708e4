import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { annexKnobs, configureAnnexes, type AnnexKnobs } from "../../sandbox/demo/annex.ts";
import type { Sandbox, SandboxMachine } from "../../sandbox/sandbox.ts";

export type Ran = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string };

/** Runs `updraft` on an access point, whatever its exit status. */
export async function updraft(
  accessPoint: SandboxMachine,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  return accessPoint.exec(["updraft", ...args], { timeoutSeconds: 300, environment });
}

/** The same, which must succeed; returns what it said on standard output. */
export async function succeed(accessPoint: SandboxMachine, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await updraft(accessPoint, args);
  assert.equal(exitCode, 0, `updraft ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Describes annexes on the first access point, sets them up, and returns the bucket's name. */
export async function setUp(
  sandbox: Sandbox,
  annexes: Readonly<Record<string, AnnexKnobs>>,
): Promise<string> {
  const common = await annexKnobs(sandbox);
  await configureAnnexes(
    sandbox.accessPoint,
    Object.fromEntries(Object.entries(annexes).map(([name, knobs]) => [name, { ...common, ...knobs }])),
  );
  const said = JSON.parse(await succeed(sandbox.accessPoint, "setup", "--region", "us-east-1", "--json")) as {
    bucket: string;
  };
  for (const name of Object.keys(annexes)) await succeed(sandbox.accessPoint, "setup", "--annex", name);
  return said.bucket;
}

/** Waits until the probe passes, and fails with its last complaint. */
export async function eventually<T>(what: string, seconds: number, probe: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`, { cause: error });
      await sleep(500);
    }
  }
}

export type Instance = { readonly id: string; readonly progress: string; readonly ec2State: string };

/** An annex's instances as `updraft status` tells them. */
export async function instancesOf(sandbox: Sandbox, annex: string): Promise<readonly Instance[]> {
  const told = await succeed(sandbox.accessPoint, "status", annex, "--json");
  return (JSON.parse(told) as { instances: Instance[] }).instances;
}
