import { UpdraftError } from "./errors.ts";
import type { Setting } from "./knobs.ts";

/** An ordinary user of the access point: neither root nor the user that HTCondor runs as. */
export type Person = {
  /** As their jobs have it: `alice@pool.example.org`. */
  readonly user: string;
};

/** The pool and access point that this program runs on. */
export type Site = {
  /** Who asks, when it is an ordinary user: they cannot read the pool's credential, and what they order is for them. */
  readonly person?: Person;
  /** The trust domain: the pool's name, not an address. */
  readonly pool: string;
  /** TRUST_DOMAIN: who issues the pool's tokens. */
  readonly trustDomain: string;
  /** The schedd's name as HTCondor publishes it. */
  readonly schedd: string;
  /** UID_DOMAIN: a job's User is its owner's name, `@`, and this. */
  readonly userDomain: string;
  readonly condorHost: string;
  /** COLLECTOR_HOST as it stands here; nodes use the same. */
  readonly collectors: string;
  readonly passwordFile: string;
  readonly negotiatorIntervalSeconds: number;
  /** How often a startd tells the collector of its slots. */
  readonly updateIntervalSeconds: number;
  /** The schedd's own directory: it belongs to the user that HTCondor runs as. */
  readonly spool: string;
  /** Where the schedd keeps its ad, by which HTCondor's programs find it. */
  readonly scheddAdFile: string;
  /** Environment of HTCondor's programs with which they deal with this schedd and no other. */
  readonly environment: Readonly<Record<string, string>>;
};

/** Where a program finds a schedd of its machine, and where that one keeps what it has done. */
const SCHEDD_FILES = ["SCHEDD_ADDRESS_FILE", "SCHEDD_SUPER_ADDRESS_FILE", "SCHEDD_DAEMON_AD_FILE", "HISTORY"];

/** Which knobs are read: a regular expression that the whole name matches. */
export const SETTINGS = [
  "UPDRAFT_.*|TRUST_DOMAIN|UID_DOMAIN|FULL_HOSTNAME|SCHEDD_NAME|CONDOR_HOST|COLLECTOR_HOST",
  "SEC_PASSWORD_FILE|SEC_PASSWORD_DIRECTORY|NEGOTIATOR_INTERVAL|UPDATE_INTERVAL|SPOOL",
  ...SCHEDD_FILES,
].join("|");

const LOCAL_ONLY = /^(localhost(\.localdomain)?|127\.[\d.]+|\[?::1\]?|0\.0\.0\.0)(:\d+)?(\?|$)/i;

export function site(settings: readonly Setting[]): Site {
  const value = (name: string): string | undefined =>
    settings.find((setting) => setting.name.toUpperCase() === name)?.value;
  const host = value("FULL_HOSTNAME");
  if (host === undefined) {
    throw new UpdraftError(
      "config",
      "HTCondor does not know this machine's name (FULL_HOSTNAME)",
      "Give the machine a host name that resolves, then run `condor_config_val FULL_HOSTNAME`.",
    );
  }
  const pool = value("UPDRAFT_POOL") ?? value("TRUST_DOMAIN") ?? value("UID_DOMAIN");
  if (pool === undefined || !/^[A-Za-z0-9._:-]{1,255}$/.test(pool)) {
    throw new UpdraftError(
      "config",
      pool === undefined ? "the pool has no trust domain" : `"${pool}" is not a trust domain`,
      "Set UPDRAFT_POOL or TRUST_DOMAIN to a name of letters, digits, dots and hyphens, the same on every access point of the pool.",
    );
  }
  const collectors = value("COLLECTOR_HOST") ?? value("CONDOR_HOST");
  if (collectors === undefined) {
    throw new UpdraftError(
      "config",
      "the pool has no collector: neither COLLECTOR_HOST nor CONDOR_HOST is set",
      "Set CONDOR_HOST to the central manager's name.",
    );
  }
  const local = collectors.split(/[\s,]+/).find((name) => LOCAL_ONLY.test(name));
  if (local !== undefined) {
    throw new UpdraftError(
      "config",
      `COLLECTOR_HOST is ${local}, which is this machine and nothing that an instance could reach`,
      "Set CONDOR_HOST to a name or address of the central manager that instances can reach.",
    );
  }
  const directory = value("SEC_PASSWORD_DIRECTORY") ?? "/etc/condor/passwords.d";
  const spool = value("SPOOL") ?? "/var/lib/condor/spool";
  const files = SCHEDD_FILES.flatMap((name) => {
    const path = value(name);
    return path === undefined ? [] : [[`_CONDOR_${name}`, path] as const];
  });
  return {
    pool,
    trustDomain: value("TRUST_DOMAIN") ?? value("UID_DOMAIN") ?? pool,
    schedd: scheddName(value("SCHEDD_NAME"), host),
    userDomain: value("UID_DOMAIN") ?? host,
    condorHost: value("CONDOR_HOST") ?? collectors.split(/[\s,]+/)[0] ?? collectors,
    collectors,
    passwordFile: value("SEC_PASSWORD_FILE") ?? `${directory}/POOL`,
    negotiatorIntervalSeconds: seconds(value("NEGOTIATOR_INTERVAL")) ?? DEFAULT_NEGOTIATOR_INTERVAL,
    updateIntervalSeconds: seconds(value("UPDATE_INTERVAL")) ?? DEFAULT_UPDATE_INTERVAL,
    spool,
    scheddAdFile: value("SCHEDD_DAEMON_AD_FILE") ?? `${spool}/.schedd_classad`,
    // The schedd that users' programs ask by default may be another.
    environment: { ...Object.fromEntries(files), _CONDOR_SCHEDD_HOST: "" },
  };
}

const DEFAULT_NEGOTIATOR_INTERVAL = 60;
const DEFAULT_UPDATE_INTERVAL = 300;

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,6}$/.test(text) ? Number(text) : undefined;
}

/** As HTCondor builds a daemon's name: a name without `@` gets the host, except the host's own name. */
function scheddName(name: string | undefined, host: string): string {
  if (name === undefined || name === host) return host;
  return name.includes("@") ? name : `${name}@${host}`;
}
