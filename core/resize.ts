import { isAlive, viewAnnex, type View, type ViewPorts } from "./annex-view.ts";
import { UpdraftError } from "./errors.ts";
import type { Owner } from "./instance.ts";
import { leaseExpiration } from "./lease.ts";
import { counted } from "./plural.ts";
import type { Ec2, Report } from "./ports.ts";
import { TAG } from "./tags.ts";
import { formatDuration } from "./time.ts";

export type ResizePorts = ViewPorts & {
  readonly ec2: Pick<Ec2, "instances" | "tag">;
  readonly report: Report;
};

export type ResizePlan = {
  /** How many the annex shall have. */
  readonly count: number;
  /** Instances that stay unless something is done, those of orders that EC2 does not show yet included. */
  readonly staying: number;
  readonly unseen: number;
  /** Released before, and needed after all. */
  readonly withdraw: readonly string[];
  readonly order: number;
  /** Unclaimed or not joined yet: they end at once. */
  readonly release: readonly string[];
  /** Busy: they end when their jobs do. */
  readonly releaseBusy: readonly string[];
  /** Beyond the count, and busy: they stay because nobody said that they may go. */
  readonly busyLeft: number;
  /** Released before and not gone yet. */
  readonly leaving: readonly string[];
};

/** What it takes to have `count` instances. A busy one is released only with `busy`, and never before an unclaimed one. */
export function planResize(views: readonly View[], unseen: number, count: number, busy: boolean): ResizePlan {
  const alive = views.filter(isAlive);
  const leaving = alive.filter((one) => one.released);
  const stay = alive.filter((one) => !one.released);
  const staying = stay.length + unseen;
  const missing = Math.max(0, count - staying);
  // Those that work are surely still there; an unclaimed one may be about to end.
  const withdraw = [...leaving.filter((one) => one.busy), ...leaving.filter((one) => !one.busy)].slice(
    0,
    missing,
  );
  const surplus = Math.max(0, staying - count);
  const release = stay
    .filter((one) => !one.busy)
    .sort(leastMissed)
    .slice(0, surplus);
  const busyOnes = stay.filter((one) => one.busy).sort(nearestEnd);
  const tooMany = Math.min(busyOnes.length, surplus - release.length);
  return {
    count,
    staying,
    unseen,
    withdraw: withdraw.map((one) => one.id),
    order: missing - withdraw.length,
    release: release.map((one) => one.id),
    releaseBusy: busy ? busyOnes.slice(0, tooMany).map((one) => one.id) : [],
    busyLeft: busy ? 0 : tooMany,
    leaving: leaving.filter((one) => !withdraw.includes(one)).map((one) => one.id),
  };
}

/** What serves nobody goes first: out of reach, then not there yet, the youngest first, then idle, the longest first. */
function leastMissed(a: View, b: View): number {
  return (
    rank(a) - rank(b) ||
    (rank(a) === 1 ? (b.seen?.launched ?? 0) - (a.seen?.launched ?? 0) : 0) ||
    (a.idleSince ?? Number.POSITIVE_INFINITY) - (b.idleSince ?? Number.POSITIVE_INFINITY) ||
    nearestEnd(a, b)
  );
}

function rank({ state }: View): number {
  if (state === "lost" || state === "late") return 0;
  return state === "ordered" || state === "running" ? 1 : 2;
}

function nearestEnd(a: View, b: View): number {
  return end(a) - end(b) || (a.id < b.id ? -1 : 1);
}

function end({ seen }: View): number {
  return (seen && leaseExpiration(seen.tags, 0, Number.POSITIVE_INFINITY)) ?? 0;
}

/** The plan as a person reads it before saying yes. */
export function describeResize(annex: string, plan: ResizePlan): string[] {
  const lines = [
    `annex ${annex}: ${counted(plan.staying, "instance")} now${plan.unseen === 0 ? "" : ` (EC2 does not show ${plan.unseen} of them yet)`}, ${plan.count} wanted`,
  ];
  const ids = (text: string, found: readonly string[]): void => {
    if (found.length > 0) lines.push(`${text}: ${found.join(", ")}`);
  };
  ids("released before, and stay after all", plan.withdraw);
  ids("released before, and still to end", plan.leaving);
  if (plan.order > 0) lines.push(`to order: ${plan.order}`);
  ids("to release, unclaimed", plan.release);
  ids("to release, busy (each ends when its jobs do)", plan.releaseBusy);
  if (plan.busyLeft > 0) {
    lines.push(
      `busy and to stay: ${plan.busyLeft} more than wanted; with --busy they end when their jobs do`,
    );
  }
  return lines;
}

/** Undefined when something can be done, or need not be. */
export function shrinkProblem(annex: string, plan: ResizePlan): UpdraftError | undefined {
  if (plan.staying <= plan.count || plan.release.length + plan.releaseBusy.length > 0) return undefined;
  const why = [
    ...(plan.busyLeft > 0
      ? [`${counted(plan.busyLeft, "instance")} ${plan.busyLeft === 1 ? "is" : "are"} busy`]
      : []),
    ...(plan.unseen > 0 ? [`EC2 does not show ${plan.unseen} yet`] : []),
  ];
  return new UpdraftError(
    "failed",
    `annex ${annex}: nothing can be released, because ${why.join(" and ")}`,
    plan.busyLeft > 0
      ? "Give --busy, and they end when their jobs do; or wait until they are idle."
      : "Run the same command again in a moment.",
  );
}

/** The same at the moment of doing, and never more than was agreed to. */
export function withinAgreed(now: ResizePlan, agreed: ResizePlan): ResizePlan {
  return {
    ...now,
    order: Math.max(0, Math.min(now.order, agreed.order + agreed.withdraw.length - now.withdraw.length)),
    release: now.release.slice(0, agreed.release.length + agreed.releaseBusy.length),
    releaseBusy: now.releaseBusy.slice(0, agreed.releaseBusy.length),
  };
}

export type Shrunk = {
  /** Gone, or about to be. */
  readonly ended: readonly string[];
  /** They took a job before they could end, and stay. */
  readonly stayed: readonly string[];
  /** Released and unclaimed, and not gone within the time. */
  readonly left: readonly string[];
  /** Released, and at work. */
  readonly busy: readonly string[];
};

const POLL_SECONDS = 3;

/** Releases instances. A release ends nothing by itself: the node, which alone knows whether it is claimed, ends when it is not. */
export async function release(ports: ResizePorts, plan: ResizePlan): Promise<void> {
  const ids = [...plan.release, ...plan.releaseBusy];
  if (ids.length === 0) return;
  await ports.ec2.tag(ids, { [TAG.release]: String(Math.floor(ports.clock.now())) });
  ports.report(`released: ${ids.join(", ")}`);
}

export async function withdraw(
  ports: Pick<ResizePorts, "ec2" | "report">,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await ports.ec2.tag(ids, { [TAG.release]: "" });
  ports.report(`released no more: ${ids.join(", ")}`);
}

/** Waits until what was released unclaimed has ended. One that turns out to be busy stays, unless busy ones may go. */
export async function watchRelease(
  ports: ResizePorts,
  owner: Owner,
  plan: ResizePlan,
  { busy, timeoutSeconds }: { readonly busy: boolean; readonly timeoutSeconds: number },
): Promise<Shrunk> {
  const waited = new Set([...plan.release, ...plan.releaseBusy, ...plan.leaving]);
  if (waited.size === 0) return { ended: [], stayed: [], left: [], busy: [] };
  const own = new Set(plan.release);
  const stayed = new Set<string>();
  const started = ports.clock.now();
  let shown = "";
  for (;;) {
    const views = await lookAgain(ports, owner);
    const alive = (views ?? []).filter((one) => waited.has(one.id) && isAlive(one) && !stayed.has(one.id));
    const caught = busy ? [] : alive.filter((one) => one.busy && own.has(one.id)).map((one) => one.id);
    if (caught.length > 0) {
      ports.report(`took a job before they could end: ${caught.join(", ")}`);
      await withdraw(ports, caught);
      for (const id of caught) stayed.add(id);
    }
    const atWork = alive.filter((one) => one.busy && !stayed.has(one.id)).map((one) => one.id);
    const left = alive.filter((one) => !one.busy).map((one) => one.id);
    const elapsed = ports.clock.now() - started;
    const ended = [...waited].filter((id) => !alive.some((one) => one.id === id) && !stayed.has(id));
    const line = `${ended.length} ended, ${left.length} still to end${atWork.length === 0 ? "" : `, ${atWork.length} at work`}`;
    if (views !== undefined && line !== shown) {
      ports.report(`${formatDuration(elapsed)}: ${line}`);
      shown = line;
    }
    if ((views !== undefined && left.length === 0) || elapsed >= timeoutSeconds) {
      return views === undefined
        ? { ended: [], stayed: [...stayed], left: [...waited], busy: [] }
        : { ended, stayed: [...stayed], left, busy: atWork };
    }
    await ports.clock.sleep(POLL_SECONDS);
  }
}

/** A neighbour that is away for a moment ends no waiting. */
async function lookAgain(ports: ResizePorts, owner: Owner): Promise<View[] | undefined> {
  try {
    return await viewAnnex(ports, owner);
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    ports.report(error.message);
    return undefined;
  }
}
