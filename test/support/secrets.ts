import { readdirSync, readFileSync, lstatSync } from "node:fs";
import { join } from "node:path";

/** HTCondor stores the pool password XORed with these bytes, over and over. */
const SCRAMBLE = Buffer.from([0xde, 0xad, 0xbe, 0xef]);

function scrambled(secret: Buffer): Buffer {
  return Buffer.from(secret.map((byte, index) => byte ^ (SCRAMBLE[index % SCRAMBLE.length] ?? 0)));
}

/** The password in a file of HTCondor's. */
export const plainPassword = (stored: Buffer): string => scrambled(stored).toString("utf8");

/** Every spelling in which a secret could leak: plain, as HTCondor stores it, and both in base64 and hexadecimal. */
export function spellings(secret: string): Buffer[] {
  const plain = Buffer.from(secret);
  return [plain, scrambled(plain)].flatMap((bytes) => [
    bytes,
    // Without the padding and the last group, which depend on what follows.
    Buffer.from(bytes.toString("base64").slice(0, Math.floor((bytes.length * 8) / 6) - 1)),
    Buffer.from(bytes.toString("hex")),
  ]);
}

export function holds(text: Buffer, secret: string): boolean {
  return spellings(secret).some((spelling) => text.includes(spelling));
}

/** Whether a trace made by `strace --strings-in-hex=all` shows the secret in any argument or environment of an execve. */
export function traceHolds(trace: string, secret: string): boolean {
  const escaped = (bytes: Buffer): string =>
    [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  return spellings(secret).some((spelling) => trace.includes(escaped(spelling)));
}

export type Finding = { readonly path: string; readonly mode: number };

/** Files below a directory that hold the secret; links are not followed, and `readable` chooses by mode. */
export function filesHolding(
  directory: string,
  secret: string,
  readable: (mode: number) => boolean,
): Finding[] {
  const findings: Finding[] = [];
  const walk = (path: string): void => {
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined) return;
    if (status.isDirectory()) for (const name of readdirSync(path)) walk(join(path, name));
    else if (
      status.isFile() &&
      readable(status.mode) &&
      status.size < 50e6 &&
      holds(readFileSync(path), secret)
    ) {
      findings.push({ path, mode: status.mode & 0o777 });
    }
  };
  walk(directory);
  return findings;
}

export const worldReadable = (mode: number): boolean => (mode & 0o004) !== 0;
export const anyMode = (): boolean => true;
