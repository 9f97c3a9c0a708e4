import { createHash } from "node:crypto";
import { createTarGzip } from "nanotar";
import { formatManifest } from "../../core/manifest.ts";
import { configKey, credentialKey, manifestKey } from "../../core/storage.ts";
import { PROJECT, type InstanceWorld } from "../support/on-instance.ts";

export const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");
export const base64 = (data: Uint8Array | string): string => Buffer.from(data).toString("base64");

export const CREDENTIAL = "scrambled \u0000 password";
export const JOIN = [
  process.execPath,
  `${PROJECT}/scripts/node-main.ts`,
  "join",
  "--annex=burst",
  "--bucket=updraft-bucket",
  "--region=us-east-1",
  "--role-id=AROATEST",
  "--s3-endpoint=http://127.0.0.1:9000",
  "--timeout=2",
];

/** An instance as EC2 would have booted it, whose annex is as it should be; `change` makes it differ. */
export async function world(change: {
  tarball?: Uint8Array;
  tags?: Record<string, string>;
  objects?: Record<string, string>;
  files?: InstanceWorld["files"];
  commands?: InstanceWorld["commands"];
  metadata?: Record<string, string>;
  collectors?: string;
  /** The annex's token; nodes have the pool's password without one. */
  token?: string;
}): Promise<InstanceWorld> {
  const tarball =
    change.tarball ??
    (await createTarGzip([{ name: "50-updraft-annex.config", data: 'AnnexName = "burst"\n' }]));
  const manifest = formatManifest({
    annex: "burst",
    pool: "pool.test",
    collectors: "cm.pool.test",
    maxLeaseSeconds: 604800,
    drainSeconds: 600,
    configSha256: sha256(tarball),
    credential:
      change.token === undefined
        ? { kind: "password", sha256: sha256(CREDENTIAL) }
        : { kind: "idtoken", sha256: sha256(change.token), expires: 1_999_999_999 },
  });
  const credential = change.token ?? CREDENTIAL;
  return {
    tags: {
      "htcondor:AnnexName": "burst",
      "htcondor:LeaseExpiration": String(Math.round(Date.now() / 1000) + 3600),
      "htcondor:OrderId": "order-1",
      "htcondor:OrderedAt": "1790000000",
      "htcondor:Pool": "pool.test",
      "htcondor:Schedd": "ap.pool.test",
      "htcondor:IdleSeconds": "300",
      "unknown:Tag": "x",
      ...change.tags,
    },
    metadata: {
      "/latest/dynamic/instance-identity/document": JSON.stringify({
        instanceId: "i-0123456789abcdef0",
        instanceType: "c7i.large",
        imageId: "ami-00000000000000001",
        region: "us-east-1",
        availabilityZone: "us-east-1a",
      }),
      "/latest/meta-data/instance-life-cycle": "spot",
      ...change.metadata,
    },
    objects: {
      [manifestKey("burst")]: base64(manifest),
      [configKey("burst", sha256(tarball))]: base64(tarball),
      [credentialKey("burst", sha256(credential))]: base64(credential),
      ...change.objects,
    },
    files: {
      "/etc/condor/condor_config": { content: "", mode: "644" },
      "/usr/sbin/condor_master": { content: "#!/bin/sh\necho started >>/run/master\n", mode: "755" },
      // Recorded, not done: a real power-off has its place in the end-to-end tests.
      "/usr/bin/systemctl": { content: '#!/bin/sh\necho "$*" >>/run/systemctl\n', mode: "755" },
      ...change.files,
    },
    commands: change.commands ?? [JOIN],
    show: [
      "/etc/condor/passwords.d/POOL",
      "/etc/condor/tokens.d/updraft",
      "/etc/condor/config.d/50-updraft-annex.config",
      "/etc/condor/config.d/60-updraft-node.config",
      "/usr/libexec/updraft/node-shutdown",
      "/usr/libexec/updraft/updraft-bootstrap",
      "/usr/libexec/updraft/updraft-startd",
      "/run/updraft/node.json",
      "/var/lib/updraft/guard.json",
      "/var/lib/updraft/lease.json",
      "/run/master",
      "/run/systemctl",
      "/run/joined",
    ],
  };
}
