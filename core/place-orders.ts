import type { Place } from "./capacity-memory.ts";
import { UpdraftError } from "./errors.ts";
import { refusalClass } from "./fleet-errors.ts";
import { isLive, isOurs, type Instance, type Owner } from "./instance.ts";
import {
  ABSENT_SECONDS,
  concerns,
  journalEntry,
  requestOf,
  settle,
  type Journal,
  type JournalEntry,
} from "./journal.ts";
import { totalPrice } from "./hourly-price.ts";
import { checkLiability, type Known, type NewOrder, type PendingOrder } from "./liability.ts";
import { knobName } from "./knobs.ts";
import { recordOrder, type Ledger } from "./ledger.ts";
import { order, type Market, type OrderTerms } from "./order.ts";
import { checkRoom, type OrderPlan } from "./plan-order.ts";
import type { Ec2, FleetError, LaunchedInstance, Report } from "./ports.ts";
import {
  again,
  heldBack,
  markets,
  noteRefusals,
  openPlaces,
  type PlacedError,
  type RefusalPorts,
} from "./refused-places.ts";
import { TAG } from "./tags.ts";
import { formatDuration, type UnixTime } from "./time.ts";

export type OrderPorts = RefusalPorts & {
  readonly ec2: Ec2;
  readonly journal: Journal;
  readonly ledger: Ledger;
  /** 16 lower-case letters or digits, never twice the same. */
  orderId(): string;
  readonly report: Report;
};

type ReconcilePorts = Pick<OrderPorts, "clock" | "journal" | "report"> & {
  readonly ec2: Pick<Ec2, "instances" | "createFleet">;
};

/** What is known after the journal has been reconciled with EC2. */
export type Reconciled = Known & {
  /** Instances of orders that count as placed though EC2 does not show them yet: the sum over `pending`. */
  readonly unseen: number;
};

type SettlePorts = Pick<OrderPorts, "clock" | "journal" | "report"> & {
  readonly ec2: Pick<Ec2, "instances">;
};

/** Looks for what earlier runs left, and forgets what is settled. */
export async function settleJournal(
  ports: SettlePorts,
  owner: Owner,
  region: string,
): Promise<Reconciled & { readonly unanswered: readonly JournalEntry[] }> {
  const entries = await readJournal(ports.journal);
  const instances = await ours(ports, owner);
  const now = ports.clock.now();
  const unanswered: JournalEntry[] = [];
  const pending: PendingOrder[] = [];
  for (const entry of entries) {
    if (!concerns(entry, owner, region)) continue;
    const settlement = settle(entry, instances, now);
    if (settlement.state === "pending") {
      pending.push({ entry, unseen: settlement.unseen });
      if (!settlement.answered) unanswered.push(entry);
      continue;
    }
    if (settlement.state === "absent") {
      ports.report(
        `order ${entry.orderId}: EC2 does not show ${settlement.missing} of ${entry.count} after ${formatDuration(ABSENT_SECONDS)}: they were not launched, or have ended`,
      );
    }
    await ports.journal.remove(entry.orderId);
  }
  return { ...known(now, instances, pending), unanswered };
}

const known = (
  at: UnixTime,
  instances: readonly Instance[],
  pending: readonly PendingOrder[],
): Reconciled => ({ at, instances, pending, unseen: pending.reduce((sum, { unseen }) => sum + unseen, 0) });

/** What the journal and EC2 say now; nothing is settled, sent or forgotten. */
export async function look(
  ports: Omit<SettlePorts, "report">,
  owner: Owner,
  region: string,
): Promise<Reconciled> {
  const entries = await readJournal(ports.journal);
  const instances = await ours(ports, owner);
  const now = ports.clock.now();
  const pending = entries.flatMap((entry) => {
    const settlement = concerns(entry, owner, region) ? settle(entry, instances, now) : undefined;
    return settlement?.state === "pending" ? [{ entry, unseen: settlement.unseen }] : [];
  });
  return known(now, instances, pending);
}

async function readJournal(journal: Journal): Promise<readonly JournalEntry[]> {
  const { entries, unreadable } = await journal.read();
  if (unreadable.length === 0) return entries;
  throw new UpdraftError(
    "failed",
    `the journal of orders cannot be read: ${unreadable.join("; ")}`,
    "Nothing is ordered until it can. Each file is named for its order: when `updraft status` shows that order's instances, or none ten minutes later, the file may be removed.",
  );
}

/**
 * First thing in every run that orders, under the lock. With `replay`, an order whose answer nobody has read is sent
 * again as it was, which by its token is the same order; without, it is only looked for.
 */
export async function reconcile(
  ports: ReconcilePorts,
  owner: Owner,
  region: string,
  replay: boolean,
): Promise<Reconciled> {
  const { unanswered, ...found } = await settleJournal(ports, owner, region);
  if (!replay) return found;
  const now = ports.clock.now();
  const repeatable = unanswered.filter((entry) => now - entry.orderedAt < ABSENT_SECONDS);
  if (repeatable.length === 0) return found;
  for (const entry of repeatable) {
    ports.report(`order ${entry.orderId}: nobody has read its answer; sending the same request again`);
    try {
      await send(ports, entry, { attempts: 1, sentBefore: true });
    } catch (error) {
      if (!(error instanceof UpdraftError)) throw error;
      // Refused now; what it may have launched before still counts until it is seen or absent.
      ports.report(`order ${entry.orderId}: ${error.message}`);
    }
  }
  return settleJournal(ports, owner, region);
}

/** Throws when the plan's instances are too many, or could cost too much, beside what there is. */
export function checkPlanRoom(plan: OrderPlan, known: Reconciled): void {
  checkRoom(plan.annex, known.instances.filter(isLive).length + known.unseen, plan.count);
  checkLiability(plan.pricing, known, changeOf(plan));
}

/** What the plan would add to the liability. */
export function changeOf(plan: OrderPlan): NewOrder {
  return { count: plan.count, leaseSeconds: plan.leaseSeconds, hourly: totalPrice(plan.price) };
}

export type Placed = {
  readonly orderId: string;
  readonly market: Market;
  readonly instanceIds: readonly string[];
  /** The same with type and zone, as far as EC2 told them. */
  readonly launched: readonly LaunchedInstance[];
  readonly errors: readonly PlacedError[];
};

/** How long to stay with an order whose outcome is not known, and with EC2 when it does not know our profile yet. */
export type Patience = { readonly attempts: number; readonly newProfileSeconds: number };

/** A person waits; a hook leaves the rest to the journal and its next run. */
export const PATIENT: Patience = { attempts: 4, newProfileSeconds: 120 };
export const BRISK: Patience = { attempts: 1, newProfileSeconds: 0 };

/**
 * Orders the plan's instances where EC2 has not just refused: one order, or spot and then on-demand for what spot did
 * not give. Throws when EC2 has refused everywhere.
 */
export async function placeOrders(
  ports: OrderPorts,
  plan: OrderPlan,
  patience: Patience = PATIENT,
): Promise<Placed[]> {
  const held = await heldBack(ports, plan);
  if (held !== undefined) {
    throw new UpdraftError(
      "capacity",
      held.reason,
      `Wait until then, add instance types or subnets in other zones, or run updraft create ${plan.annex.name} with --ask-again.`,
    );
  }
  const placed: Placed[] = [];
  let missing = plan.count;
  for (const market of markets(plan)) {
    const { open, refused, why } = await openPlaces(ports, plan, market);
    if (open.length === 0) {
      ports.report(`${market} is not ordered: ${why}`);
      continue;
    }
    if (placed.length > 0) {
      ports.report(`spot gave ${plan.count - missing} of ${plan.count}: ordering ${missing} on-demand`);
    }
    let one: Placed;
    try {
      one = await placeOrder(ports, plan, { market, count: missing, refused }, patience);
    } catch (error) {
      // What spot gave is there and must be told; an order whose outcome is not known is more than a refusal.
      const spot = placed.at(-1);
      const isRefusal = error instanceof UpdraftError && error.kind !== "failed";
      if (!isRefusal || spot === undefined || spot.instanceIds.length === 0) throw error;
      return [{ ...spot, errors: [...spot.errors, { code: "on-demand", message: error.message }] }];
    }
    placed.push(one);
    missing -= one.instanceIds.length;
    // What is not allowed on spot is not allowed on-demand either.
    if (missing <= 0 || one.errors.some((error) => refusalClass(error) === "denied")) break;
  }
  return placed;
}

const UNKNOWN_PAUSE_SECONDS = 5;
const NEW_PROFILE_PAUSE_SECONDS = 10;

type Part = {
  readonly market: Market;
  readonly count: number;
  /** Where EC2 is not asked. */
  readonly refused: readonly Place[];
};

async function placeOrder(
  ports: OrderPorts,
  plan: OrderPlan,
  { market, count, refused }: Part,
  patience: Patience,
): Promise<Placed> {
  const until = ports.clock.now() + patience.newProfileSeconds;
  for (;;) {
    const now = Math.floor(ports.clock.now());
    const next = order({ ...terms(plan, ports.orderId(), market, count, now), refused });
    ports.report(`order ${next.id}: ${count} × ${market}`);
    const entry = journalEntry(next, plan.owner, plan.annex.region, now);
    const sent = await send(ports, entry, { attempts: patience.attempts, sentBefore: false });
    const placed = sent.answer ? sent : await seenAfterAll(ports, plan, sent);
    const result: Placed = {
      orderId: next.id,
      market,
      instanceIds: placed.answer?.instanceIds ?? [],
      launched: placed.answer?.launched ?? [],
      errors:
        placed.errors.length > 0
          ? await noteRefusals(ports, plan, market, placed.errors)
          : priceReached(plan, market, count, placed),
    };
    await recordOrder(ports, plan, result, now);
    // A new instance profile is not visible everywhere at once.
    const newProfile =
      result.instanceIds.length === 0 &&
      result.errors.length > 0 &&
      result.errors.every((error) => /invalid iam instance profile/i.test(error.message));
    if (!newProfile || ports.clock.now() >= until) return result;
    ports.report("EC2 does not see the new instance profile yet: ordering again");
    await ports.clock.sleep(NEW_PROFILE_PAUSE_SECONDS);
  }
}

/** EC2 launches no more where an on-demand fleet's total price is reached, and gives no reason. */
function priceReached(
  { annex }: OrderPlan,
  market: Market,
  count: number,
  { answer }: Pick<Sent, "answer">,
): FleetError[] {
  const missing = count - (answer?.instanceIds.length ?? 0);
  if (market !== "on-demand" || annex.maxPrice === undefined || missing === 0) return [];
  const knob = knobName(annex.name, "MAX_PRICE");
  return [
    {
      code: "MaxTotalPrice",
      message: `${missing} more would probably cost more than ${knob} = ${annex.maxPrice} allows: see updraft prices --annex ${annex.name}`,
    },
  ];
}

type Sent = {
  readonly entry: JournalEntry;
  readonly answer:
    | { readonly instanceIds: readonly string[]; readonly launched: readonly LaunchedInstance[] }
    | undefined;
  readonly errors: readonly FleetError[];
  readonly reason: string;
};

/**
 * Sends an entry's request, which is on the disk before it leaves, until its outcome is known or the attempts are
 * used up. A definite refusal is thrown, and forgotten by the journal.
 */
async function send(
  ports: Pick<OrderPorts, "clock" | "journal" | "report"> & { readonly ec2: Pick<Ec2, "createFleet"> },
  first: JournalEntry,
  { attempts, sentBefore }: { readonly attempts: number; readonly sentBefore: boolean },
): Promise<Sent> {
  let reason = "";
  let entry = first;
  for (let attempt = 1; attempt <= attempts; attempt++) {
    if (attempt > 1) {
      ports.report(
        `order ${entry.orderId}: the outcome is not known (${reason}); sending the same request again`,
      );
      await ports.clock.sleep(UNKNOWN_PAUSE_SECONDS);
    }
    entry = { ...entry, sentAt: ports.clock.now() };
    await ports.journal.write(entry);
    let result;
    try {
      result = await ports.ec2.createFleet(requestOf(entry));
    } catch (error) {
      // Refused, not lost; but what was sent before may still have had an effect.
      if (error instanceof UpdraftError && attempt === 1 && !sentBefore) {
        await ports.journal.remove(entry.orderId);
      }
      throw error;
    }
    if (result.outcome === "answered") {
      const answered = { ...entry, answer: { at: ports.clock.now(), instanceIds: result.instanceIds } };
      if (result.instanceIds.length === 0) await ports.journal.remove(entry.orderId);
      else await ports.journal.write(answered);
      const { instanceIds, launched = [], errors } = result;
      return { entry, answer: { instanceIds, launched }, errors, reason: "" };
    }
    reason = result.reason;
  }
  return { entry, answer: undefined, errors: [], reason };
}

/** Looks for the instances of an order whose answer was lost. */
async function seenAfterAll(
  ports: OrderPorts,
  plan: OrderPlan,
  { entry, reason }: Sent,
): Promise<Pick<Sent, "answer" | "errors">> {
  const found = (await ours(ports, plan.owner)).filter((one) => one.tags[TAG.order] === entry.orderId);
  if (found.length > 0) {
    return { answer: { instanceIds: found.map((one) => one.id), launched: found }, errors: [] };
  }
  throw new UpdraftError(
    "failed",
    `nobody knows yet whether order ${entry.orderId} was placed: ${reason}`,
    `It counts as placed for ten minutes; the next run sends the same request again. Look with \`updraft status ${plan.annex.name}\`; what was launched ends with its lease.`,
  );
}

function terms(plan: OrderPlan, id: string, market: Market, count: number, now: UnixTime): OrderTerms {
  const { annex, site, annexSetup } = plan;
  return {
    id,
    annex: annex.name,
    pool: site.pool,
    schedd: site.schedd,
    owner: plan.user,
    project: plan.project,
    market,
    count,
    orderedAt: now,
    leaseExpiration: now + plan.leaseSeconds,
    idleSeconds: plan.idleSeconds,
    maxPrice: annex.maxPrice,
    imageId: plan.image.id,
    subnets: plan.subnets.map((subnet) => subnet.id),
    types: plan.types,
    template: annexSetup.template,
    burstableTemplate: annexSetup.burstableTemplate,
    tags: annex.tags,
  };
}

/** The annex's instances, terminated ones included as long as EC2 shows them. */
export async function ours(
  ports: { readonly ec2: Pick<Ec2, "instances"> },
  owner: Owner,
): Promise<Instance[]> {
  return (await ports.ec2.instances(owner)).filter((one) => isOurs(one, owner));
}

/** Why a fleet gave fewer than were asked for, each reason once, with the places that it is about. */
export function fleetReasons(placed: readonly Placed[]): string[] {
  const about = new Map<string, Set<string>>();
  for (const { code, message, market, type, zone, until } of placed.flatMap((one) => one.errors)) {
    const reason = `${code}: ${message}`;
    const found = about.get(reason) ?? new Set();
    about.set(reason, found);
    if (type !== undefined) found.add([type, market, zone && `in ${zone}`].filter(Boolean).join(" "));
    // Last, because a set keeps the order of adding.
    if (until !== undefined) found.delete(again(until));
    if (until !== undefined) found.add(again(until));
  }
  return [...about].map(([reason, places]) =>
    places.size === 0 ? reason : `${reason} (${[...places].join(", ")})`,
  );
}
