import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { directory, writeAtomically } from "../adapters/node-files.ts";
import type { CredentialKind } from "../core/manifest.ts";

/** Where HTCondor reads it, as its packages have it: every token in tokens.d, and SEC_PASSWORD_FILE. */
const PLACES: Readonly<Record<CredentialKind, string>> = {
  idtoken: "/etc/condor/tokens.d/updraft",
  password: "/etc/condor/passwords.d/POOL",
};

/** How often a node looks whether its credential has been replaced. */
export const REFRESH_SECONDS = 300;

/** For root alone, and whole or not there. HTCondor reads it anew whenever it authenticates. */
export async function installCredential(kind: CredentialKind, credential: Uint8Array): Promise<void> {
  for (const place of Object.values(PLACES)) await directory(dirname(place), 0o700);
  await writeAtomically(PLACES[kind], credential, 0o600);
  // What an earlier boot of this instance may have left authenticates it no more.
  const other = kind === "idtoken" ? "password" : "idtoken";
  await rm(PLACES[other], { force: true });
}

/** sha256 of what is installed; undefined when there is none. */
export async function installedSha256(kind: CredentialKind): Promise<string | undefined> {
  try {
    return createHash("sha256")
      .update(await readFile(PLACES[kind]))
      .digest("hex");
  } catch {
    return undefined;
  }
}
