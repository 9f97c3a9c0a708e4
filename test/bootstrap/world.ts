import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createTarGzip } from "nanotar";
import { formatManifest } from "../../core/manifest.ts";
import { configKey, credentialKey, manifestKey } from "../../core/storage.ts";
import { PROJECT, type InstanceResult, type InstanceWorld } from "../support/on-instance.ts";

export const sha256 = (data: Uint8Array | string): string => createHash("sha256").update(data).digest("hex");
export const base64 = (data: Uint8Array | string): string => Buffer.from(data).toString("base64");

export const CREDENTIAL = "scrambled \u0000 password";
const join = (seconds: number) => [
  process.execPath,
  `${PROJECT}/scripts/node-main.ts`,
  "join",
  "--annex=burst",
  "--bucket=updraft-bucket",
  "--region=us-east-1",
  "--role-id=AROATEST",
  "--s3-endpoint=http://127.0.0.1:9000",
  `--timeout=${seconds}`,
];
/** With more time than it needs, also where much else runs. */
export const JOIN = join(30);
/** For what no time would mend. */
export const HASTY = join(3);

export const program = (content: string) => ({ content: `#!/bin/sh\n${content}\n`, mode: "755" });

/** Stands for condor_master: a program of that name that stays, as the daemon does. */
export const MASTER = program(
  "echo started >>/run/master; cp /bin/sleep /run/condor_master; /run/condor_master 60 &",
);

const REPORT = "reports/burst/AROATEST:i-0123456789abcdef0";

/** What must be so after every boot that failed: reported in both places, powered off; `HTCondor` says whether it ran. */
export function failed(
  result: InstanceResult,
  step: string,
  reason: RegExp,
  htcondor: "never started" | "started" = "never started",
): void {
  const [join] = result.commands;
  assert.equal(join?.status, 1, join?.output);
  assert.equal(result.files["/run/master"] !== undefined, htcondor === "started", "HTCondor");
  assert.equal(result.files["/run/systemctl"]?.content, "poweroff --force --force\n");
  assert.match(result.console, reason);
  assert.match(result.console, /powering off/);
  const report = JSON.parse(result.stored[REPORT] ?? "{}") as Record<string, unknown>;
  assert.equal(report["step"], step);
  assert.match(String(report["reason"]), reason);
  assert.ok(Number(report["failedAt"]) >= Number(report["startedAt"]));
  assert.notEqual(report["remedy"], "");
}

/** An instance as EC2 would have booted it, whose annex is as it should be; `change` makes it differ. */
export async function world(change: {
  tarball?: Uint8Array;
  tags?: Record<string, string>;
  objects?: Record<string, string>;
  files?: InstanceWorld["files"];
  commands?: InstanceWorld["commands"];
  metadata?: Record<string, string>;
  collectors?: string;
  allowOpenMetadata?: boolean;
  direct?: boolean;
  delaySeconds?: InstanceWorld["delaySeconds"];
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
    allowOpenMetadata: change.allowOpenMetadata ?? false,
    direct: change.direct ?? false,
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
      "/usr/libexec/updraft/image.json": { content: '{"format":1,"htcondor":"23.9.6"}', mode: "644" },
      // A collector that answers, where the machine's S3 listens, and lets the node in.
      "/usr/bin/condor_config_val": {
        content: '#!/bin/sh\n[ "$1" = COLLECTOR_HOST ] && echo 127.0.0.1:9000\n',
        mode: "755",
      },
      "/usr/bin/condor_ping": { content: "#!/bin/sh\necho 'Authorized:   TRUE'\n", mode: "755" },
      // Recorded, not done: a real power-off has its place in the end-to-end tests.
      "/usr/bin/systemctl": { content: '#!/bin/sh\necho "$*" >>/run/systemctl\n', mode: "755" },
      ...change.files,
    },
    commands: change.commands ?? [JOIN],
    ...(change.delaySeconds !== undefined && { delaySeconds: change.delaySeconds }),
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
      "/var/lib/updraft/join.json",
      "/run/master",
      "/run/systemctl",
      "/run/joined",
    ],
  };
}
