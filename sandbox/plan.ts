import type { CloudSettings } from "./cloud/ports.ts";
import type { AccessPointRequest } from "./control.ts";
import type { Roots } from "./rootfs/roots.ts";

/** What `up` hands to the daemon, as a file. It holds no secret. */
export type Plan = {
  readonly name: string;
  readonly roots: Roots;
  /** Directory of the built programs. */
  readonly dist: string;
  readonly accessPoint: AccessPointRequest;
  readonly settings: Partial<CloudSettings>;
};

/** Last line of the steps file: the daemon is ready, or has given up. */
export type Outcome = { readonly ready: true } | { readonly gaveUp: string; readonly remedy: string };
