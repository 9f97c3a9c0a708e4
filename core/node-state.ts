import type { EndReason } from "./end-of-life.ts";
import type { Stage } from "./guard.ts";
import type { CredentialKind } from "./manifest.ts";
import type { LastStretch } from "./last-stretch.ts";
import type { UnixTime } from "./time.ts";
import type { Anchor } from "./true-time.ts";

/**
 * What root on a node knows and HTCondor may publish: a root-owned, world-readable JSON file that
 * updraft-startd (user condor) turns into slot attributes. No secret ever stands in it.
 */
export type NodeState = {
  readonly format: 1;
  readonly annex: string;
  readonly pool: string;
  readonly schedd: string;
  readonly instanceId: string;
  readonly instanceType: string;
  readonly imageId: string;
  readonly region: string;
  readonly zone: string;
  readonly interruptible: boolean;
  readonly orderId: string;
  readonly orderedAt: UnixTime;
  /** End of the lease as last read. */
  readonly leaseExpiration: UnixTime;
  /** How long before the node's end HTCondor must begin to end it by itself when the guard does not. */
  readonly htcondorEndSeconds?: number;
  /** Times of the steps of the boot, by name, in Unix seconds with fractions. */
  readonly bootSteps: Readonly<Record<string, UnixTime>>;
  /** Of the guard, once it runs. */
  readonly guard?: GuardState;
};

/** What the guard knows about the node's end; written anew every few seconds. */
export type GuardState = {
  readonly endsAt: UnixTime;
  readonly endReason: EndReason;
  readonly stage: Stage;
  readonly released: boolean;
  readonly rebalanceRecommended: boolean;
  /** The true time when this was written; with the uptime since then it is the true time later on. */
  readonly anchor: Anchor;
};

/** The place in S3 that a node's credential comes from. */
export type CredentialSource = {
  readonly kind: CredentialKind;
  readonly bucket: string;
  readonly region: string;
  readonly s3Endpoint?: string;
  readonly everySeconds: number;
};

/** What join hands to the guard; on disk, so that it outlives a reboot. */
export type GuardSettings = {
  readonly format: 1;
  readonly maxLeaseSeconds: number;
  readonly idleSeconds: number;
  readonly stretch: LastStretch;
  /** Where the node looks whether its credential has been replaced; written by versions that do so. */
  readonly source?: CredentialSource;
  readonly node: NodeState;
};

export const NODE_STATE_PATH = "/run/updraft/node.json";
/** There while HTCondor may run here; a reboot takes it away. condor-config/updraft-condor.conf names it too. */
export const READY_PATH = "/run/updraft/ready";
export const GUARD_DIRECTORY = "/var/lib/updraft";
/** Written by join. */
export const GUARD_SETTINGS_PATH = `${GUARD_DIRECTORY}/guard.json`;
/** What join was asked for, for a reboot; condor-config/updraft-join.service names it too. */
export const JOIN_OPTIONS_PATH = `${GUARD_DIRECTORY}/join.json`;
/** Written by the guard: the last that it has learnt. */
export const KNOWLEDGE_PATH = `${GUARD_DIRECTORY}/lease.json`;
