/**
 * Instance tags. Their keys are legal in instance metadata (no blank, no `/`), and they are set in the
 * launching call itself, so that no instance can exist without its lease.
 */
export const TAG = {
  annex: "htcondor:AnnexName",
  /** End of the lease in Unix seconds. The lease is this tag and nothing else. */
  lease: "htcondor:LeaseExpiration",
  order: "htcondor:OrderId",
  orderedAt: "htcondor:OrderedAt",
  /** The pool's trust domain, not an address. */
  pool: "htcondor:Pool",
  schedd: "htcondor:Schedd",
  idle: "htcondor:IdleSeconds",
  project: "htcondor:Project",
  owner: "htcondor:Owner",
  /** Set later: end when unclaimed. An empty value withdraws it. */
  release: "htcondor:Release",
  /** The instance tests its surroundings, reports and ends; it takes no job. */
  probe: "htcondor:Probe",
} as const;

export type Tags = Readonly<Record<string, string>>;
