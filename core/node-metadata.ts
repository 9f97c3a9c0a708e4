/** Where EC2's instance metadata service answers. */
export const METADATA_ADDRESSES = { ip: "169.254.169.254", ip6: "fd00:ec2::254" } as const;

const TABLE = "updraft";

/**
 * Rules for `nft -f -` that close the metadata service to everyone but root on this machine, and to whatever is
 * forwarded through it (containers). The table is replaced in one transaction, so running it twice changes nothing.
 */
export const METADATA_RULES = `table inet ${TABLE} {}
delete table inet ${TABLE}
table inet ${TABLE} {
  chain output {
    type filter hook output priority 0; policy accept;
    ip daddr ${METADATA_ADDRESSES.ip} meta skuid 0 accept
    ip daddr ${METADATA_ADDRESSES.ip} reject
    ip6 daddr ${METADATA_ADDRESSES.ip6} meta skuid 0 accept
    ip6 daddr ${METADATA_ADDRESSES.ip6} reject
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ip daddr ${METADATA_ADDRESSES.ip} drop
    ip6 daddr ${METADATA_ADDRESSES.ip6} drop
  }
}
`;

/** The same by `iptables` and `ip6tables`, where a machine has no nft. */
export const IPTABLES = [
  { program: "iptables", address: `${METADATA_ADDRESSES.ip}/32`, unreachable: "icmp-port-unreachable" },
  { program: "ip6tables", address: `${METADATA_ADDRESSES.ip6}/128`, unreachable: "icmp6-port-unreachable" },
] as const;

export type Iptables = (typeof IPTABLES)[number];

/** The rules, as `iptables -S` shows them too; each must be the first of its chain. */
function iptablesRules({ address, unreachable }: Iptables): Readonly<Record<string, string>> {
  return {
    OUTPUT: `-d ${address} -m owner ! --uid-owner 0 -j REJECT --reject-with ${unreachable}`,
    FORWARD: `-d ${address} -j DROP`,
  };
}

/** Chains whose first rule, in the listing of `iptables -S`, is not the one that closes the metadata service. */
export function openChains(listing: string, kind: Iptables): string[] {
  const lines = listing.split("\n").map((line) => line.trim());
  return Object.entries(iptablesRules(kind))
    .filter(
      ([chain, rule]) => lines.find((line) => line.startsWith(`-A ${chain} `)) !== `-A ${chain} ${rule}`,
    )
    .map(([chain]) => chain);
}

/** Input of `iptables-restore --noflush` that puts the rules of these chains before all others, in one transaction. */
export function closingRules(chains: readonly string[], kind: Iptables): string {
  const rules = iptablesRules(kind);
  return ["*filter", ...chains.map((chain) => `-I ${chain} 1 ${rules[chain] ?? ""}`), "COMMIT", ""].join(
    "\n",
  );
}

export const LIST_METADATA_RULES = ["-j", "list", "table", "inet", TABLE] as const;

/** What is missing in nft's own listing (`nft -j list table …`); undefined when the service is closed. */
export function missingMetadataRule(listing: string): string | undefined {
  const { chains, rules } = readListing(listing);
  for (const hook of ["output", "forward"]) {
    if (!chains.some((chain) => chain.name === hook && chain.hook === hook && chain.type === "filter")) {
      return `no chain at the hook ${hook}`;
    }
    for (const address of Object.values(METADATA_ADDRESSES)) {
      const verdicts = rules
        .filter(({ chain, expr }) => chain === hook && matches(expr, "daddr", address))
        .map(({ expr }) => verdict(expr));
      const wanted = hook === "output" ? ["accept for root", "closed"] : ["closed"];
      if (verdicts.join() !== wanted.join()) return `${address} is open at the hook ${hook}`;
    }
  }
  return undefined;
}

type Expression = Record<string, unknown>;
type Listing = {
  chains: { name?: unknown; hook?: unknown; type?: unknown }[];
  rules: { chain?: unknown; expr: Expression[] }[];
};

function readListing(listing: string): Listing {
  const objects =
    (JSON.parse(listing) as { nftables?: Record<string, Record<string, unknown>>[] }).nftables ?? [];
  return {
    chains: objects.flatMap(({ chain }) => (chain === undefined ? [] : [chain])),
    rules: objects.flatMap(({ rule }) =>
      rule === undefined
        ? []
        : [{ chain: rule["chain"], expr: Array.isArray(rule["expr"]) ? rule["expr"] : [] }],
    ),
  };
}

function matches(expr: Expression[], field: string, value: string | number): boolean {
  return expr.some(({ match }) => {
    const { op, left, right } = (match ?? {}) as { op?: string; left?: object; right?: unknown };
    return op === "==" && right === value && JSON.stringify(left ?? {}).includes(`"${field}"`);
  });
}

function verdict(expr: Expression[]): string {
  const closing = expr.some((part) => "reject" in part || "drop" in part);
  if (closing) return expr.length === 2 ? "closed" : "closed for some";
  const root = expr.length === 3 && (matches(expr, "skuid", 0) || matches(expr, "skuid", "root"));
  return root && expr.some((part) => "accept" in part) ? "accept for root" : "something else";
}
