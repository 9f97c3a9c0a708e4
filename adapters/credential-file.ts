import { chmod, lstat, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { readSecretFile } from "./files.ts";
import { directory, writeAtomically } from "./node-files.ts";

/** Where an access point keeps the token of an annex. Not in HTCondor's tokens.d, or its own daemons would use it. */
export type CredentialFile = {
  readonly path: string;
  exists(): Promise<boolean>;
  read(): Promise<Uint8Array>;
  /** Replaces it in one step; the directory is made if need be. */
  write(token: string): Promise<void>;
};

export function credentialFile(directoryPath: string, annex: string): CredentialFile {
  const path = join(directoryPath, `${annex}.token`);
  return {
    path,
    exists: async () => (await lstat(path).catch(() => undefined)) !== undefined,
    read: () =>
      readSecretFile(path, {
        absent: `Make one as root: updraft credential create ${annex}`,
        correct: `Remove it and make another one as root: updraft credential create ${annex}`,
      }),
    async write(token) {
      await failing(path, async () => {
        // What is above it is not for root alone: the hook's own AWS credentials may stand there.
        const parent = dirname(directoryPath);
        if ((await mkdir(parent, { recursive: true })) !== undefined) await chmod(parent, 0o755);
        await directory(directoryPath, 0o700);
      });
      const owner = (await lstat(directoryPath)).uid;
      const user = process.getuid?.() ?? 0;
      if (owner !== user) {
        throw new UpdraftError(
          "denied",
          `the directory ${directoryPath} belongs to user ${owner}, not to ${user}`,
          "Run this as the administrator who owns it, root as a rule, or set UPDRAFT_CREDENTIAL_DIR.",
        );
      }
      await writeSecret(path, token);
    },
  };
}

/** A file of whoever runs this, which nobody else may read. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await failing(path, () => writeAtomically(path, text, 0o600));
}

async function failing(path: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UpdraftError(
      code === "EACCES" || code === "EPERM" ? "denied" : "failed",
      `could not write ${path}: ${messageOf(error)}`,
      "Run this as the administrator (root), and check the directory and its free space.",
      error,
    );
  }
}
