/** A pool of the sandbox: one machine is its central manager and its access point. */
export type Pool = {
  /** Its trust domain; the machine is `cm.<domain>`. */
  readonly domain: string;
  readonly address: string;
  /** Slots of its own that take any job; 0 for none. */
  readonly localSlots: number;
};

export const centralManager = (pool: Pool): string => `cm.${pool.domain}`;

/** What an administrator would have written: password and token authentication, both names of the pool password allowed. */
export function poolConfig(pool: Pool): string {
  const { domain, localSlots } = pool;
  const daemons = `condor_pool@${domain} condor@${domain} condor@password`;
  return lines({
    CONDOR_HOST: centralManager(pool),
    UID_DOMAIN: domain,
    TRUST_DOMAIN: domain,
    DAEMON_LIST: ["MASTER", "COLLECTOR", "NEGOTIATOR", "SCHEDD", ...(localSlots > 0 ? ["STARTD"] : [])].join(
      " ",
    ),
    NETWORK_INTERFACE: pool.address,
    SEC_PASSWORD_DIRECTORY: "/etc/condor/passwords.d",
    SEC_PASSWORD_FILE: "/etc/condor/passwords.d/POOL",
    SEC_DEFAULT_AUTHENTICATION_METHODS: "FS, PASSWORD, IDTOKENS",
    ALLOW_DAEMON: daemons,
    ALLOW_NEGOTIATOR: daemons,
    ALLOW_ADVERTISE_STARTD: daemons,
    ALLOW_ADVERTISE_MASTER: daemons,
    ALLOW_ADVERTISE_SCHEDD: daemons,
    ALLOW_ADMINISTRATOR: `root@${domain} condor@${domain}`,
    ...(localSlots > 0 && { NUM_CPUS: String(localSlots), NUM_SLOTS: String(localSlots) }),
  });
}

/** Tests should not wait for what a real pool does every few minutes. */
export const FAST_CONFIG = lines({
  NEGOTIATOR_INTERVAL: "5",
  NEGOTIATOR_MIN_INTERVAL: "1",
  NEGOTIATOR_CYCLE_DELAY: "1",
  SCHEDD_INTERVAL: "5",
  SCHEDD_MIN_INTERVAL: "1",
  UPDATE_INTERVAL: "5",
  MASTER_UPDATE_INTERVAL: "5",
  COLLECTOR_UPDATE_INTERVAL: "5",
  NEGOTIATOR_UPDATE_INTERVAL: "5",
});

function lines(knobs: Readonly<Record<string, string>>): string {
  return Object.entries(knobs)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}
