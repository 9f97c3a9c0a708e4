import { isAnnexName } from "./annex.ts";
import { UpdraftError } from "./errors.ts";
import { leaseExpiration } from "./lease.ts";
import type { Manifest } from "./manifest.ts";
import { TAG, type Tags } from "./tags.ts";
import { DEFAULT_IDLE_SECONDS, type NodeAddresses } from "./node-config.ts";
import type { UnixTime } from "./time.ts";

/** What the instance metadata service says of this instance, checked. */
export type NodeIdentity = {
  readonly instanceId: string;
  readonly instanceType: string;
  readonly imageId: string;
  readonly region: string;
  readonly zone: string;
};

/** What the tags of this instance say, checked. */
export type NodeOrder = {
  readonly annex: string;
  readonly pool: string;
  readonly schedd: string;
  readonly orderId: string;
  readonly orderedAt: UnixTime;
  readonly idleSeconds: number;
};

const WORD = /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/;

/** Reads the identity document; what it does not say as it should is thrown as worth another try. */
export function readIdentity(document: string): NodeIdentity {
  const fields = parseObject(document);
  const word = (name: string): string => {
    const value = fields?.[name];
    if (typeof value === "string" && WORD.test(value)) return value;
    throw new UpdraftError(
      "failed",
      `the identity document of the instance metadata service has no ${name} that can be read`,
      "Look at the service from the instance: latest/dynamic/instance-identity/document.",
    );
  };
  return {
    instanceId: word("instanceId"),
    instanceType: word("instanceType"),
    imageId: word("imageId"),
    region: word("region"),
    zone: word("availabilityZone"),
  };
}

/** Reads the tags; `annex` is the one that the user data names. Tags that are wrong stay wrong: no other try. */
export function readOrder(tags: Tags, annex: string): NodeOrder {
  const tagged = tags[TAG.annex];
  if (tagged === undefined) {
    // Tags come with the launch, but the metadata service may not be allowed to show them.
    throw new UpdraftError(
      "failed",
      `the instance metadata service shows no tag ${TAG.annex}`,
      "Instance tags must be enabled in the metadata options of the launch template.",
    );
  }
  if (!isAnnexName(tagged) || tagged !== annex) {
    throw refused(`the tag ${TAG.annex} says "${tagged}", the user data says "${annex}"`);
  }
  const word = (key: string, pattern: RegExp): string => {
    const value = tags[key] ?? "";
    if (!pattern.test(value)) throw refused(`the tag ${key} says "${value}"`);
    return value;
  };
  const idle = tags[TAG.idle] === undefined ? DEFAULT_IDLE_SECONDS : Number(word(TAG.idle, /^[1-9]\d{0,8}$/));
  return {
    annex,
    pool: word(TAG.pool, /^[A-Za-z0-9._:-]{1,255}$/),
    schedd: word(TAG.schedd, /^[^\s"\\]{0,255}$/),
    orderId: word(TAG.order, /^[^\s"\\]{0,64}$/),
    orderedAt: Number(word(TAG.orderedAt, /^\d{0,12}$/)),
    idleSeconds: idle,
  };
}

/** End of the lease, once the manifest has said how long one may be. */
export function readLease(tags: Tags, now: UnixTime, maxLeaseSeconds: number): UnixTime {
  const expiration = leaseExpiration(tags, now, maxLeaseSeconds);
  if (expiration === undefined) {
    throw refused(
      `the tag ${TAG.lease} says "${tags[TAG.lease] ?? ""}", which is no time up to ${maxLeaseSeconds} s from now`,
    );
  }
  if (expiration <= now) throw refused(`the lease ended ${Math.round(now - expiration)} s ago`);
  return expiration;
}

/** The manifest must be that of this annex and of the pool that ordered the instance. */
export function checkManifest(manifest: Manifest, order: NodeOrder): void {
  if (manifest.annex !== order.annex) {
    throw refused(`the manifest is that of annex "${manifest.annex}", the tags say "${order.annex}"`);
  }
  if (manifest.pool !== order.pool) {
    throw refused(`the manifest is that of pool "${manifest.pool}", the tags say "${order.pool}"`);
  }
}

/** Where the pool's machines are to reach this instance; without a public address they never would. */
export function requirePublicAddress(addresses: NodeAddresses | undefined): NodeAddresses {
  const address = /^\d{1,3}(\.\d{1,3}){3}$/;
  if (addresses !== undefined && address.test(addresses.publicIp) && address.test(addresses.privateIp))
    return addresses;
  throw new UpdraftError(
    "failed",
    `the annex's _DIRECT_FROM wants nodes to be reached at their public addresses, and the instance metadata service ${
      addresses === undefined ? "knows of none" : "gives no IPv4 address for it"
    }`,
    "Run updraft setup --annex, which puts _PUBLIC_IP into effect, or remove _DIRECT_FROM and run updraft publish.",
  );
}

/** A host name that no other node has, in the form that EC2 itself uses for names by instance id. */
export function hostName({ instanceId, region }: NodeIdentity): string {
  return `${instanceId}.${region === "us-east-1" ? "ec2.internal" : `${region}.compute.internal`}`;
}

function refused(why: string): UpdraftError {
  return new UpdraftError(
    "config",
    why,
    "Order instances with updraft create, which sets every tag in the launch.",
  );
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
