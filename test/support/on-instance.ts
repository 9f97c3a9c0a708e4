import { execFile, spawn } from "node:child_process";
import { mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PROJECT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

export type InstanceWorld = {
  readonly tags: Readonly<Record<string, string>>;
  /** What the metadata service answers beside token, tags and credentials, by path. */
  readonly metadata: Readonly<Record<string, string>>;
  /** How long the metadata service, or S3, thinks about each answer. */
  readonly delaySeconds?: { readonly metadata?: number; readonly s3?: number };
  /** What S3 holds, by key, in base64. */
  readonly objects: Readonly<Record<string, string>>;
  /** Files of the machine before it boots; mode in octal. */
  readonly files: Readonly<Record<string, { readonly content: string; readonly mode: string }>>;
  readonly commands: readonly (readonly string[])[];
  /** Files to show afterwards. */
  readonly show: readonly string[];
};

export type InstanceResult = {
  readonly commands: { readonly status: number; readonly output: string; readonly seconds: number }[];
  readonly requests: string[];
  readonly stored: Record<string, string>;
  readonly files: Record<string, { content: string; mode: string; uid: number; inode: number }>;
  console: string;
};

/** Why programs cannot be tried on a machine of their own here; false when they can. */
export async function noInstance(...programs: readonly string[]): Promise<string | false> {
  if (process.getuid?.() !== 0) return "needs root for namespaces of its own";
  for (const program of ["unshare", "ip", ...programs]) {
    const found = await new Promise<boolean>((resolve) => {
      execFile("sh", ["-c", 'PATH="/usr/sbin:/sbin:$PATH" command -v "$1"', "sh", program], (error) =>
        resolve(error === null),
      );
    });
    if (!found) return `needs ${program}`;
  }
  return false;
}

/** Runs commands as root on a machine of its own that is thrown away afterwards. */
export async function onInstance(world: InstanceWorld): Promise<InstanceResult> {
  const directory = await mkdtemp(join(tmpdir(), "updraft-instance-"));
  try {
    const namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"];
    const machine = spawn(
      "unshare",
      [...namespaces, "sh", `${PROJECT}/test/support/machine.sh`, directory, PROJECT].concat([
        process.execPath,
        `${PROJECT}/test/support/instance.ts`,
      ]),
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    machine.stdin.end(JSON.stringify(world));
    let output = "";
    machine.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const status = await new Promise<number | null>((resolve) => machine.on("close", resolve));
    if (status !== 0) throw new Error(`the machine ended with status ${status}: ${output}`);
    return JSON.parse(output) as InstanceResult;
  } finally {
    await rmdir(directory);
  }
}
