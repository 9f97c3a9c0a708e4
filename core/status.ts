import { viewAnnex, type State, type View, type ViewPorts } from "./annex-view.ts";
import { bootReports, type ReportPorts } from "./boot-report.ts";
import { expiryWarning } from "./credential.ts";
import { UpdraftError } from "./errors.ts";
import { MINIMUM_SECONDS } from "./history.ts";
import type { Instance, Owner, Seen } from "./instance.ts";
import { concerns, settle, type JournalEntry } from "./journal.ts";
import { leaseExpiration, LONGEST_MAX_LEASE_SECONDS } from "./lease.ts";
import type { Manifest } from "./manifest.ts";
import { publishedCredential } from "./published-credential.ts";
import { NO_RATES, type Rates } from "./rates.ts";
import { LEASE_MARGIN_SECONDS } from "./liability.ts";
import { TAG } from "./tags.ts";
import { formatDuration, type UnixTime } from "./time.ts";

/** What the hook last published about an annex. */
export type HookSaid = {
  readonly limitedBy: string;
  readonly reason: string;
  readonly measuredAt: UnixTime | undefined;
  readonly error: string | undefined;
};

export type StatusPorts = ViewPorts &
  ReportPorts & {
    hookSaid(schedd: string, annex: string): Promise<HookSaid | undefined>;
    rates(instances: readonly Instance[]): Promise<Rates>;
  };

export type AnnexStatus = {
  readonly rows: readonly StatusRow[];
  readonly counts: StateCounts;
  readonly hook: HookSaid | undefined;
  readonly bootReports: readonly BootReportRow[];
  readonly orders: readonly OrderRow[];
  /** What is published for its nodes; undefined when nothing can be read. */
  readonly credential: Pick<Manifest["credential"], "kind" | "expires"> | undefined;
};

/** What an instance wrote about its boot that failed. */
export type BootReportRow = {
  readonly annex: string;
  readonly id: string;
  readonly state: State;
  readonly report: string;
};

/** States in which an instance may have written why. */
const TROUBLED: ReadonlySet<State> = new Set(["late", "lost", "ending", "gone"]);

/** Everything that is known of an annex's instances, but for those that are gone and forgotten. */
export async function annexStatus(
  ports: StatusPorts,
  owner: Owner,
  region: string,
  entries: readonly JournalEntry[],
): Promise<AnnexStatus> {
  const [views, hook, credential] = await Promise.all([
    viewAnnex(ports, owner),
    ports.hookSaid(owner.schedd, owner.annex),
    credentialOf(ports, owner.annex, region),
  ]);
  const now = ports.clock.now();
  const instances = views.flatMap((one) => one.seen ?? []);
  const unsettled = entries.filter(
    (entry) => concerns(entry, owner, region) && settle(entry, instances, now).state === "pending",
  );
  const shown = views.filter((one) => one.state !== "gone");
  const rates = await ports.rates(shown.flatMap((one) => one.seen ?? []));
  const troubled = views.filter((one) => TROUBLED.has(one.state));
  const said = await bootReports(
    ports,
    owner.annex,
    region,
    troubled.map((one) => one.id),
  );
  return {
    rows: shown.map((one) => viewRow(owner.annex, one, now, rates)),
    counts: countStates(shown),
    hook,
    bootReports: troubled.flatMap(({ id, state }) => {
      const report = said.get(id);
      return report === undefined ? [] : [{ annex: owner.annex, id, state, report }];
    }),
    orders: unsettled.map(orderRow),
    credential: credential && {
      kind: credential.kind,
      ...(credential.expires !== undefined && { expires: credential.expires }),
    },
  };
}

/** Who may not read it is told the rest all the same. */
async function credentialOf(
  ports: StatusPorts,
  annex: string,
  region: string,
): Promise<Manifest["credential"] | undefined> {
  try {
    return await publishedCredential(ports, annex, region);
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    return undefined;
  }
}

/** What to do about an annex's credential before it ends; undefined when nothing is. */
export function describeCredential(
  annex: string,
  { rows, credential }: Pick<AnnexStatus, "rows" | "credential">,
  now: UnixTime,
): string | undefined {
  if (credential?.expires === undefined) return undefined;
  const lastLease = Math.max(0, ...rows.flatMap((row) => row.leaseExpiration ?? []));
  if (lastLease > credential.expires)
    return `the token of annex ${annex} ends before the lease of an instance; run as root: updraft credential rotate ${annex}`;
  return expiryWarning(annex, credential.expires, now);
}

type Counted = Exclude<State, "gone">;
export type StateCounts = Readonly<Record<Counted | "released", number>>;

const STATES = [
  "ordered",
  "running",
  "late",
  "joined",
  "idle",
  "claimed",
  "draining",
  "lost",
  "ending",
  "ghost",
] as const satisfies readonly Counted[];

/** How many there are in each state; those released count in their state too. */
export function countStates(views: readonly View[]): StateCounts {
  const count = (state: Counted): number => views.filter((one) => one.state === state).length;
  return {
    ...(Object.fromEntries(STATES.map((state) => [state, count(state)])) as Record<Counted, number>),
    released: views.filter((one) => one.released && one.state !== "gone").length,
  };
}

/** `2 idle, 1 claimed, 1 released`; "none" when there is nothing to count. */
export function describeCounts(counts: StateCounts): string {
  const parts = [...STATES, "released" as const]
    .filter((state) => counts[state] > 0)
    .map((state) => `${counts[state]} ${state}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}

/** One instance as status tells it, for people and for --json. */
export type StatusRow = {
  readonly annex: string;
  readonly id: string;
  /** What EC2 and the collector say of its progress; `state` says more. */
  readonly progress: string;
  readonly state: State;
  readonly ec2State: string;
  readonly type: string;
  readonly zone: string;
  readonly market: "spot" | "on-demand" | undefined;
  readonly privateIp: string | undefined;
  readonly launched: UnixTime | undefined;
  readonly leaseExpiration: UnixTime | undefined;
  readonly order: string | undefined;
  readonly slots: readonly string[];
  readonly released: boolean;
  readonly idleSince: UnixTime | undefined;
  /** Jobs that the schedd believes to be running there. */
  readonly jobs: readonly string[];
  /** USD so far, with disk and public address; undefined: not known. */
  readonly cost: number | undefined;
  /** USD that it may still cost until its lease has ended; undefined: not known. */
  readonly worstLeft: number | undefined;
};

/** An instance as EC2 and the collector alone know it, such as one that has just been ordered. */
export function statusRow(annex: string, seen: Seen, now: UnixTime): StatusRow {
  const view: View = {
    id: seen.id,
    seen,
    state: seen.progress,
    slots: seen.slots,
    released: false,
    busy: false,
    idleSince: undefined,
    jobs: [],
  };
  return viewRow(annex, view, now, NO_RATES);
}

export function viewRow(annex: string, view: View, now: UnixTime, rates: Rates): StatusRow {
  const { seen } = view;
  const lease = seen && leaseExpiration(seen.tags, now, LONGEST_MAX_LEASE_SECONDS);
  const alive = seen !== undefined && seen.progress !== "gone";
  const hours = alive ? Math.max(MINIMUM_SECONDS, now - seen.launched) / 3600 : 0;
  const hoursLeft = lease === undefined ? undefined : Math.max(0, lease - now + LEASE_MARGIN_SECONDS) / 3600;
  return {
    annex,
    id: view.id,
    progress: seen?.progress ?? "gone",
    state: view.state,
    ec2State: seen?.state ?? "unknown",
    type: seen?.type ?? "",
    zone: seen?.zone ?? "",
    market: seen && (seen.spot ? "spot" : "on-demand"),
    privateIp: seen?.privateIp,
    launched: seen?.launched,
    leaseExpiration: lease,
    order: seen?.tags[TAG.order],
    slots: view.slots.map((slot) => slot.name),
    released: view.released,
    idleSince: view.idleSince,
    jobs: view.jobs,
    cost: alive ? dollars(rates.hourly(seen), hours) : undefined,
    worstLeft: alive ? dollars(rates.worst(seen), hoursLeft) : undefined,
  };
}

function dollars(hourly: number | undefined, hours: number | undefined): number | undefined {
  return hourly === undefined || hours === undefined
    ? undefined
    : Math.round(hourly * hours * 10_000) / 10_000;
}

const HEADING = [
  "ANNEX",
  "INSTANCE",
  "STATE",
  "TYPE",
  "ZONE",
  "MARKET",
  "ADDRESS",
  "AGE",
  "LEASE LEFT",
  "SLOTS",
  "COST",
  "WORST LEFT",
  "NOTE",
];

/** A table's cells, heading first. */
export function statusTable(rows: readonly StatusRow[], now: UnixTime): string[][] {
  const usd = (amount: number | undefined): string => (amount === undefined ? "?" : amount.toFixed(2));
  const word = (text: string | undefined): string => (text === undefined || text === "" ? "-" : text);
  return [
    HEADING,
    ...rows.map((row) => [
      row.annex,
      row.id,
      row.state,
      word(row.type),
      word(row.zone),
      word(row.market),
      word(row.privateIp),
      row.launched === undefined ? "-" : formatDuration(now - row.launched),
      leaseLeft(row, now),
      String(row.slots.length),
      usd(row.cost),
      usd(row.worstLeft),
      note(row, now),
    ]),
  ];
}

function leaseLeft({ progress, leaseExpiration }: StatusRow, now: UnixTime): string {
  if (progress === "gone") return "-";
  return leaseExpiration === undefined ? "unreadable" : formatDuration(leaseExpiration - now);
}

function note(row: StatusRow, now: UnixTime): string {
  const parts = [];
  if (row.released) parts.push("released");
  if (row.idleSince !== undefined) parts.push(`idle for ${formatDuration(now - row.idleSince)}`);
  if (row.state === "ghost") {
    const who = [
      ...(row.slots.length > 0 ? ["the collector shows its slots"] : []),
      ...(row.jobs.length > 0 ? [`the schedd has ${row.jobs.join(", ")} running there`] : []),
    ];
    parts.push(
      `EC2 ${row.ec2State === "unknown" ? "does not list it" : "has terminated it"}, but ${who.join(" and ")}`,
    );
  }
  if (row.state === "lost") parts.push("it had joined, and the collector shows no slot of it");
  return parts.length === 0 ? "-" : parts.join("; ");
}

/** What all of them cost so far and at worst still; undefined parts are told as unknown. */
export function describeMoney(rows: readonly StatusRow[]): string {
  const sum = (field: "cost" | "worstLeft"): string => {
    const alive = rows.filter((row) => row.state !== "ghost");
    const known = alive.flatMap((row) => row[field] ?? []);
    const total = `${known.reduce((total, amount) => total + amount, 0).toFixed(2)} USD`;
    if (known.length === alive.length) return total;
    return known.length === 0 ? "not known" : `${total} and ${alive.length - known.length} of unknown price`;
  };
  return `cost so far ${sum("cost")}, worst case left ${sum("worstLeft")}`;
}

/** What the hook last said of an annex. */
export function describeHook(annex: string, said: HookSaid, now: UnixTime): string {
  const age = said.measuredAt === undefined ? "" : `, ${formatDuration(now - said.measuredAt)} ago`;
  return `hook of annex ${annex} (${said.limitedBy}${age}): ${said.reason}`;
}

/** An order of the journal whose instances are not all known to be there. */
export type OrderRow = Pick<JournalEntry, "annex" | "market" | "count" | "orderedAt" | "sentAt"> & {
  readonly id: string;
  /** Undefined: nobody has read the answer. */
  readonly instanceIds: readonly string[] | undefined;
};

export function orderRow({
  orderId,
  annex,
  market,
  count,
  orderedAt,
  sentAt,
  answer,
}: JournalEntry): OrderRow {
  return { id: orderId, annex, market, count, orderedAt, sentAt, instanceIds: answer?.instanceIds };
}

export function describeOrder(order: OrderRow, now: UnixTime): string {
  const what = `order ${order.id} of annex ${order.annex}: ${order.count} × ${order.market}, sent ${formatDuration(now - order.sentAt)} ago`;
  return order.instanceIds === undefined
    ? `${what}; nobody has read the answer`
    : `${what}; EC2 does not show all of ${order.instanceIds.join(", ")} yet`;
}
