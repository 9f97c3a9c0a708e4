import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { NodeStorage } from "../adapters/node-s3.ts";
import { checkAnnexToken } from "../core/credential.ts";
import { messageOf, UpdraftError } from "../core/errors.ts";
import { parseManifest, type Manifest } from "../core/manifest.ts";
import {
  MAX_TARBALL_BYTES,
  MAX_UNPACKED_BYTES,
  readConfigTarball,
  type ConfigFile,
} from "../core/node-tarball.ts";
import type { UnixTime } from "../core/time.ts";
import { configKey, credentialKey, manifestKey } from "../core/storage.ts";

/** What an annex gives its nodes, verified by the checksums in its manifest. */
export type Configuration = {
  readonly manifest: Manifest;
  readonly files: readonly ConfigFile[];
  readonly credential: Uint8Array;
};

const MAX_MANIFEST_BYTES = 64 * 1024;
const MAX_CREDENTIAL_BYTES = 64 * 1024;
const REMEDY = "Run updraft create for this annex again, which writes its objects anew.";

export async function fetchManifest(storage: NodeStorage, annex: string): Promise<Manifest> {
  const manifest = parseManifest(
    new TextDecoder().decode(await storage.get(manifestKey(annex), MAX_MANIFEST_BYTES)),
  );
  if (typeof manifest !== "string") return manifest;
  throw new UpdraftError("failed", `the manifest ${manifestKey(annex)} cannot be used: ${manifest}`, REMEDY);
}

/** Refuses a token that is not this annex's, that is good for more than a node needs, or that has ended. */
export function checkCredential(
  { manifest, credential }: Pick<Configuration, "manifest" | "credential">,
  now: UnixTime,
): void {
  if (manifest.credential.kind !== "idtoken") return;
  checkAnnexToken(new TextDecoder().decode(credential), manifest.annex, undefined, now);
}

/** What the manifest names, verified. */
export function fetchCredential(
  storage: NodeStorage,
  { annex, credential: { sha256 } }: Manifest,
): Promise<Uint8Array> {
  return verified(storage, credentialKey(annex, sha256), sha256, MAX_CREDENTIAL_BYTES);
}

/** Reads all of it anew each time: a checksum may only be wrong because the annex was being rewritten. */
export async function fetchConfiguration(storage: NodeStorage, annex: string): Promise<Configuration> {
  const manifest = await fetchManifest(storage, annex);
  const { configSha256 } = manifest;
  const [tarball, secret] = await Promise.all([
    verified(storage, configKey(annex, configSha256), configSha256, MAX_TARBALL_BYTES),
    fetchCredential(storage, manifest),
  ]);
  const files = readConfigTarball(unpack(tarball));
  if (typeof files === "string") {
    throw new UpdraftError("config", `the configuration tarball is refused: ${files}`, REMEDY);
  }
  return { manifest, files, credential: secret };
}

async function verified(
  storage: NodeStorage,
  key: string,
  sha256: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const data = await storage.get(key, maxBytes);
  if (createHash("sha256").update(data).digest("hex") === sha256) return data;
  throw new UpdraftError(
    "failed",
    `${key} does not have the checksum that its name and the manifest say`,
    REMEDY,
  );
}

function unpack(tarball: Uint8Array): Uint8Array {
  try {
    // The bound ends a small archive that would unpack to gigabytes.
    return gunzipSync(tarball, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (error) {
    throw new UpdraftError(
      "config",
      `the configuration tarball cannot be unpacked: ${messageOf(error)}`,
      REMEDY,
    );
  }
}
