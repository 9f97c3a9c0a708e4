import { imds } from "../adapters/imds.ts";
import { nodeS3 } from "../adapters/node-s3.ts";
import { uptime } from "../adapters/uptime.ts";
import { UpdraftError } from "../core/errors.ts";
import { anchorOf, timeAt, type Anchor } from "../core/true-time.ts";
import type { UnixTime } from "../core/time.ts";
import { checkCredential, fetchCredential, fetchManifest } from "./configuration.ts";
import { console } from "./console.ts";
import { installCredential, installedSha256 } from "./credential-files.ts";
import { readSettings } from "./guard-files.ts";

/** Installs the credential that the annex's manifest names now, when it is another than the node has. */
export async function refreshCredential(): Promise<void> {
  const settings = await readSettings();
  if (settings?.source === undefined) {
    throw new UpdraftError(
      "config",
      "this instance has not joined an annex, or an older version of updraft-bootstrap has made it join",
      "Run updraft-bootstrap join first, as the instance's user data does.",
    );
  }
  const { node, source } = settings;
  const { bucket, region, s3Endpoint, kind } = source;
  // This machine's clock may be wrong, and a good token must not be refused for that.
  let anchor: Anchor | undefined;
  const metadata = imds(process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"], (...answer) => {
    anchor = anchorOf(...answer) ?? anchor;
  });
  const now = (): UnixTime => (anchor === undefined ? Date.now() / 1000 : timeAt(anchor, uptime()));
  const storage = nodeS3({
    region,
    bucket,
    credentials: () => metadata.credentials(),
    now,
    ...(s3Endpoint !== undefined && { endpoint: s3Endpoint }),
  });
  const manifest = await fetchManifest(storage, node.annex);
  // HTCondor here was configured for one kind, and a manifest of another pool is none of this node's.
  if (manifest.annex !== node.annex || manifest.pool !== node.pool || manifest.credential.kind !== kind)
    return;
  if (manifest.credential.sha256 === (await installedSha256(kind))) return;
  const credential = await fetchCredential(storage, manifest);
  checkCredential({ manifest, credential }, now());
  await installCredential(kind, credential);
  console(`installed the annex's new credential, sha256 ${manifest.credential.sha256}`);
}
