import type { UnixTime } from "./time.ts";

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
  /** Times of the steps of the boot, by name, in Unix seconds with fractions. */
  readonly bootSteps: Readonly<Record<string, UnixTime>>;
};

export const NODE_STATE_PATH = "/run/updraft/node.json";
