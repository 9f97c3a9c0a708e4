import { parse, stringify } from "ini";
import { isAnnexName } from "./annex.ts";
import type { UnixTime } from "./time.ts";

/** What a node reads first: `annexes/<annex>/annex.ini`. It holds no secret. */
export type Manifest = {
  readonly annex: string;
  /** The pool's trust domain. */
  readonly pool: string;
  /** COLLECTOR_HOST as the node shall use it. */
  readonly collectors: string;
  readonly maxLeaseSeconds: number;
  /** Length of a lease's last stretch, in which jobs that would not finish are refused. */
  readonly drainSeconds: number;
  /** A node serves jobs though it could not close the instance metadata service to them. */
  readonly allowOpenMetadata: boolean;
  /** A node advertises its public address, at which the pool's machines reach it. */
  readonly direct: boolean;
  /** sha256 of `config/<sha256>.tar.gz`, in lower-case hexadecimal. */
  readonly configSha256: string;
  readonly credential: {
    readonly kind: CredentialKind;
    readonly sha256: string;
    /** When it ends: always of an idtoken, never of a password. */
    readonly expires?: UnixTime | undefined;
  };
};

export type CredentialKind = "idtoken" | "password";

const FORMAT = "1";
const OPEN_METADATA = "allow-open-metadata";
const DIRECT = "direct";
const SHA256 = /^[0-9a-f]{64}$/;

export function formatManifest(manifest: Manifest): string {
  return stringify({
    updraft: {
      format: FORMAT,
      annex: manifest.annex,
      pool: manifest.pool,
      collectors: manifest.collectors,
      "max-lease-seconds": String(manifest.maxLeaseSeconds),
      "drain-seconds": String(manifest.drainSeconds),
      // Only what differs from the rule is written: a node's program of an earlier version does not know the key.
      ...(manifest.allowOpenMetadata && { [OPEN_METADATA]: "true" }),
      ...(manifest.direct && { [DIRECT]: "true" }),
    },
    config: { sha256: manifest.configSha256 },
    credential: {
      kind: manifest.credential.kind,
      sha256: manifest.credential.sha256,
      ...(manifest.credential.expires !== undefined && { expires: String(manifest.credential.expires) }),
    },
  });
}

/** Reads a manifest; a string is what is wrong with it. Keys that it does not know are refused: they may matter. */
export function parseManifest(text: string): Manifest | string {
  const sections = parse(text) as Record<string, unknown>;
  const known: Record<string, readonly string[]> = {
    updraft: [
      "format",
      "annex",
      "pool",
      "collectors",
      "max-lease-seconds",
      "drain-seconds",
      OPEN_METADATA,
      DIRECT,
    ],
    config: ["sha256"],
    credential: ["kind", "sha256", "expires"],
  };
  for (const [name, section] of Object.entries(sections)) {
    const keys = Object.hasOwn(known, name) ? known[name] : undefined;
    if (keys === undefined || typeof section !== "object" || section === null) return `unknown entry ${name}`;
    const unknown = Object.keys(section).find((key) => !keys.includes(key));
    if (unknown !== undefined) return `unknown key ${unknown} in [${name}]`;
  }
  const value = (section: string, key: string): string => {
    const found = (sections[section] as Record<string, unknown> | undefined)?.[key];
    return typeof found === "string" ? found : "";
  };
  if (value("updraft", "format") !== FORMAT)
    return `format is "${value("updraft", "format")}", not ${FORMAT}`;
  const annex = value("updraft", "annex");
  if (!isAnnexName(annex)) return `annex "${annex}" is not a name`;
  const pool = value("updraft", "pool");
  if (!/^[A-Za-z0-9._:-]{1,255}$/.test(pool)) return `pool "${pool}" is not a trust domain`;
  const collectors = value("updraft", "collectors");
  if (!/^[A-Za-z0-9._:,?=&$+<>[\] -]{1,2000}$/.test(collectors))
    return `collectors "${collectors}" is not a list of hosts`;
  const maxLease = value("updraft", "max-lease-seconds");
  if (!/^[1-9]\d{0,8}$/.test(maxLease)) return `max-lease-seconds "${maxLease}" is not a number of seconds`;
  const drain = value("updraft", "drain-seconds");
  if (!/^\d{1,9}$/.test(drain)) return `drain-seconds "${drain}" is not a number of seconds`;
  const switches = sections["updraft"] as Record<string, unknown>;
  for (const key of [OPEN_METADATA, DIRECT]) {
    if (![undefined, true].includes(switches[key] as boolean | undefined))
      return `${key} "${String(switches[key])}" is not true`;
  }
  const configSha256 = value("config", "sha256");
  if (!SHA256.test(configSha256)) return `config sha256 "${configSha256}" is not a sha256`;
  const kind = value("credential", "kind");
  if (kind !== "idtoken" && kind !== "password")
    return `credential kind "${kind}" is neither idtoken nor password`;
  const sha256 = value("credential", "sha256");
  if (!SHA256.test(sha256)) return `credential sha256 "${sha256}" is not a sha256`;
  const expires = value("credential", "expires");
  if (kind === "idtoken" ? !/^[1-9]\d{0,11}$/.test(expires) : expires !== "")
    return `credential expires "${expires}" is no time, or one of a credential that never ends`;
  return {
    annex,
    pool,
    collectors,
    maxLeaseSeconds: Number(maxLease),
    drainSeconds: Number(drain),
    allowOpenMetadata: switches[OPEN_METADATA] === true,
    direct: switches[DIRECT] === true,
    configSha256,
    credential: { kind, sha256, ...(expires !== "" && { expires: Number(expires) }) },
  };
}
