import { UpdraftError } from "./errors.ts";
import { isOurs, type Instance, type Owner } from "./instance.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { leaseExpiration } from "./lease.ts";
import { checkLiability, findPricing, usd, type Liability, type PricingPorts } from "./liability.ts";
import { counted } from "./plural.ts";
import type { Clock, Ec2, Report } from "./ports.ts";
import { look, ours } from "./place-orders.ts";
import { launchable } from "./plan-order.ts";
import { TAG } from "./tags.ts";
import { formatDuration, formatTime, type UnixTime } from "./time.ts";

export type RenewPorts = {
  readonly clock: Clock;
  readonly ec2: Pick<Ec2, "instances" | "tag">;
  readonly report: Report;
  /** Throws when leases so long could cost more than the annex may; undefined when nobody knows. */
  checkCost(renewal: Renewal): Promise<Liability | undefined>;
};

/** Leases that are to end at `until`, and those that are not. */
export type Renewal = {
  readonly owner: Owner;
  readonly until: UnixTime;
  readonly maxLeaseSeconds: number;
  readonly renew: readonly Instance[];
  readonly skipped: readonly Skipped[];
};

export type Skipped = {
  readonly instance: Instance;
  /** `kept`: its lease ends no sooner already. `refused`: it could not be renewed. */
  readonly outcome: "kept" | "refused";
  readonly reason: string;
};

/** Before its lease's end a node drains, and nobody can tell any more whether a renewal reaches it in time. */
export const LAST_MINUTES_SECONDS = 300;

export type RenewRequest = {
  readonly until: UnixTime;
  /** The longest lease that the account's enforcer believes. */
  readonly maxLeaseSeconds: number;
  /** Only these; all of the annex when empty. */
  readonly instanceIds: readonly string[];
  readonly shorten: boolean;
};

/** Decides for every instance of the annex that lives. Refuses ids that are none of the annex's. */
export async function planRenewal(
  ports: Pick<RenewPorts, "clock" | "ec2">,
  owner: Owner,
  request: RenewRequest,
): Promise<Renewal> {
  const { until, maxLeaseSeconds, instanceIds } = request;
  const all = await ours(ports, owner);
  const strange = instanceIds.find((id) => !all.some((one) => one.id === id));
  if (strange !== undefined) {
    throw new UpdraftError(
      "usage",
      `annex ${owner.annex} has no instance ${strange}`,
      `Give ids that \`updraft status ${owner.annex}\` shows.`,
    );
  }
  const now = ports.clock.now();
  const renew: Instance[] = [];
  const skipped: Skipped[] = [];
  for (const instance of all) {
    const named = instanceIds.includes(instance.id);
    if (instanceIds.length > 0 && !named) continue;
    const live = instance.state === "pending" || instance.state === "running";
    // Nobody expects that what has ended lives on, unless it is asked for by name.
    if (!live && !named) continue;
    const skip = live ? obstacle(instance, request, now) : refused(`it is ${instance.state}`);
    if (skip === undefined) renew.push(instance);
    else skipped.push({ instance, ...skip });
  }
  return { owner, until, maxLeaseSeconds, renew, skipped };
}

type Obstacle = Pick<Skipped, "outcome" | "reason">;

const refused = (reason: string): Obstacle => ({ outcome: "refused", reason });

function obstacle(
  { tags }: Instance,
  { until, maxLeaseSeconds, shorten }: RenewRequest,
  now: UnixTime,
): Obstacle | undefined {
  const lease = leaseExpiration(tags, now, maxLeaseSeconds);
  // One that nobody believes is mended by this.
  if (lease === undefined) return undefined;
  if (lease - now < LAST_MINUTES_SECONDS) {
    return refused(
      lease <= now
        ? "its lease is over"
        : `its lease ends in ${formatDuration(lease - now)}: in the last ${formatDuration(LAST_MINUTES_SECONDS)} the node may be draining already`,
    );
  }
  if (lease === until) return { outcome: "kept", reason: "its lease ends then already" };
  return lease > until && !shorten
    ? { outcome: "kept", reason: `its lease lasts until ${formatTime(lease)} already` }
    : undefined;
}

/** What all that is ordered may cost with this renewal. Without a limit an unknown price stands in nobody's way. */
export async function checkRenewalCost(
  ports: PricingPorts & Parameters<typeof look>[0] & { imageId(image: string): Promise<string> },
  annex: AnnexKnobs,
  maxLeaseSeconds: number,
  renewal: Renewal,
): Promise<Liability | undefined> {
  try {
    const known = await look(ports, renewal.owner, annex.region);
    const image = await launchable(ports.ec2, annex, await ports.imageId(annex.image));
    const pricing = await findPricing(ports, annex, image, maxLeaseSeconds, known.instances);
    return checkLiability(pricing, known, {
      instanceIds: renewal.renew.map((one) => one.id),
      leaseExpiration: renewal.until,
    });
  } catch (error) {
    if (error instanceof UpdraftError && annex.maxLiability === undefined) return undefined;
    throw error;
  }
}

/** What the renewal does to the liability, in a line. */
export function describeRenewalCost(cost: Liability | undefined): string {
  if (cost === undefined) return "liability: not known";
  const limit = cost.limit === undefined ? "without a limit" : `of at most ${usd(cost.limit)}`;
  return `liability: ${usd(cost.before)} USD now, ${usd(cost.after)} USD after it, ${limit}`;
}

/** The plan as a person reads it before saying yes. */
export function describeRenewal(renewal: Renewal, now: UnixTime): string[] {
  const { owner, until, maxLeaseSeconds, renew, skipped } = renewal;
  return [
    `annex ${owner.annex}: ${counted(renew.length, "lease")} to end at ${formatTime(until)}, in ${formatDuration(until - now)}`,
    ...renew.map(({ id, tags }) => {
      const lease = leaseExpiration(tags, now, maxLeaseSeconds);
      return `${id}: ${lease === undefined ? "its lease cannot be believed" : `now until ${formatTime(lease)}`}`;
    }),
    ...skipped.map(({ instance, reason }) => `${instance.id}: left alone, ${reason}`),
  ];
}

/** How one instance fared. */
export type RenewalRow = {
  readonly id: string;
  readonly outcome: "renewed" | "kept" | "refused" | "failed";
  /** As EC2 shows it in the end. */
  readonly leaseExpiration: UnixTime | undefined;
  readonly reason: string | undefined;
};

/** Read back so often, because EC2 may show a tag some seconds after it took it. */
const READINGS = 5;
const READING_PAUSE_SECONDS = 2;

/** Tags the instances, then reads back: what EC2 shows is what counts. Doing it again changes nothing. */
export async function carryOutRenewal(ports: RenewPorts, renewal: Renewal): Promise<RenewalRow[]> {
  const { owner, until, maxLeaseSeconds, renew, skipped } = renewal;
  // Under the lock: what was ordered since the plan counts too.
  if (renew.length > 0) await ports.checkCost(renewal);
  const failures = new Map<string, string>();
  await tagAll(
    ports,
    renew.map((one) => one.id),
    until,
    failures,
  );
  const shown = await readBack(ports, owner, renew, until, failures);
  const now = ports.clock.now();
  const lease = (instance: Instance | undefined): UnixTime | undefined =>
    instance && leaseExpiration(instance.tags, now, maxLeaseSeconds);
  return [
    ...renew.map(({ id }): RenewalRow => {
      const seen = shown.find((one) => one.id === id);
      const found = lease(seen);
      const reason =
        seen === undefined || !(seen.state === "pending" || seen.state === "running")
          ? "it has ended meanwhile"
          : found === until
            ? undefined
            : (failures.get(id) ?? "EC2 does not show the new lease");
      return { id, outcome: reason === undefined ? "renewed" : "failed", leaseExpiration: found, reason };
    }),
    ...skipped.map(({ instance, outcome, reason }): RenewalRow => {
      return { id: instance.id, outcome, leaseExpiration: lease(instance), reason };
    }),
  ];
}

/** What EC2 refuses for one refuses the whole call, so a refused batch is halved down to it. */
async function tagAll(
  ports: RenewPorts,
  ids: readonly string[],
  until: UnixTime,
  failures: Map<string, string>,
): Promise<void> {
  if (ids.length === 0) return;
  try {
    await ports.ec2.tag(ids, { [TAG.lease]: String(until) });
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    // A network that is away or a limit of requests is not the fault of one of them.
    if (ids.length === 1 || error.kind === "failed") {
      for (const id of ids) failures.set(id, error.message);
      return;
    }
    const half = Math.ceil(ids.length / 2);
    await tagAll(ports, ids.slice(0, half), until, failures);
    await tagAll(ports, ids.slice(half), until, failures);
  }
}

async function readBack(
  ports: RenewPorts,
  owner: Owner,
  renew: readonly Instance[],
  until: UnixTime,
  failures: ReadonlyMap<string, string>,
): Promise<Instance[]> {
  if (renew.length === 0) return [];
  const expected = renew.filter(({ id }) => !failures.has(id));
  for (let reading = 1; ; reading++) {
    const shown = (await ports.ec2.instances(owner)).filter((one) => isOurs(one, owner));
    const behind = expected.filter(({ id }) => {
      const seen = shown.find((one) => one.id === id);
      return seen !== undefined && seen.tags[TAG.lease] !== String(until);
    });
    if (behind.length === 0 || reading === READINGS) return shown;
    await ports.clock.sleep(READING_PAUSE_SECONDS);
  }
}

/** What became of the whole, for the exit status; undefined when every lease is as wanted. */
export function renewalProblem(annex: string, rows: readonly RenewalRow[]): UpdraftError | undefined {
  const bad = rows.filter((row) => row.outcome === "refused" || row.outcome === "failed");
  if (bad.length === 0) return undefined;
  return new UpdraftError(
    "failed",
    `${bad.length} of ${counted(rows.length, "lease")} could not be renewed: ${bad.map((row) => row.id).join(", ")}`,
    `Run the same command again for those that failed; what drains is replaced by: updraft create ${annex} --count ${bad.length}`,
  );
}
