import { reportLine } from "./boot-report.ts";
import { describeCost } from "./cost.ts";
import { checkOutlives } from "./credential.ts";
import { UpdraftError } from "./errors.ts";
import { LATE_AFTER_SECONDS, counts, join, type Seen, type Slot } from "./instance.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { checkLiability, type Liability } from "./liability.ts";
import { changeOf, look, ours, type OrderPorts, type Placed } from "./place-orders.ts";
import { planOrder, type OrderPlan, type OrderRequest, type PlanPorts } from "./plan-order.ts";
import type { Slots } from "./ports.ts";
import { getReadable, planPublication, type PublishPorts, type Publication } from "./publish.ts";
import type { Site } from "./site.ts";
import { reportKey } from "./storage.ts";
import { formatDuration, formatTime, type UnixTime } from "./time.ts";
import { checkMayLaunch, findPublished } from "./user-access.ts";

export type CreatePorts = PublishPorts & PlanPorts & OrderPorts & { readonly slots: Slots };

/** Everything that a create will do, decided before anything is done. An ordinary user publishes nothing. */
export type CreatePlan = OrderPlan & Partial<Publication> & { readonly liability: Liability };

/** Checks everything that can be checked without changing anything. */
export async function planCreate(
  ports: CreatePorts,
  annex: AnnexKnobs,
  site: Site,
  request: OrderRequest,
): Promise<CreatePlan> {
  const find = site.person === undefined ? planPublication : findPublished;
  const ground = await find(ports, annex, site);
  const plan = await planOrder(ports, ground, request);
  checkMayLaunch(plan);
  checkOutlives(annex.name, ground.credentialExpires, ports.clock.now() + plan.leaseSeconds);
  const known = await look(ports, plan.owner, annex.region);
  return { ...ground, ...plan, liability: checkLiability(plan.pricing, known, changeOf(plan)) };
}

/** The plan as a person reads it before saying yes. */
export function describePlan(plan: CreatePlan, now: UnixTime): string[] {
  const { annex, site } = plan;
  const ends = formatTime(now + plan.leaseSeconds);
  return [
    `annex ${annex.name} of pool ${site.pool}, schedd ${site.schedd}, in account ${plan.account}, ${annex.region}`,
    `order: ${plan.count} × ${annex.purchase}, of ${plan.types.map((type) => type.type).join(", ")}`,
    `in: ${plan.subnets.map((subnet) => `${subnet.id} (${subnet.zone})`).join(", ")}`,
    `image: ${plan.image.id}${plan.image.name === "" ? "" : ` (${plan.image.name})`}`,
    `lease: ${formatDuration(plan.leaseSeconds)}, until ${ends}; ends sooner when idle for ${formatDuration(plan.idleSeconds)}`,
    `instances alive now: ${plan.alreadyLive} of at most ${annex.maxInstances}`,
    ...describeCost(plan, plan.liability),
  ];
}

const WATCH_SECONDS = 3;

/** Shows instances ordered → running → joined until every one of the orders has joined or is gone, or time is up. */
export async function watch(
  ports: CreatePorts,
  plan: CreatePlan,
  placed: readonly Placed[],
  timeoutSeconds: number,
): Promise<Seen[]> {
  const ids = new Set(placed.flatMap((one) => one.instanceIds));
  const started = ports.clock.now();
  const seenOnce = new Set<string>();
  let shown = "";
  let slots: readonly Slot[] = [];
  for (;;) {
    const now = ports.clock.now();
    const instances = (await ours(ports, plan.owner)).filter((one) => ids.has(one.id));
    for (const one of instances) seenOnce.add(one.id);
    try {
      slots = await ports.slots(plan.annex.name);
    } catch (error) {
      // The instances are ordered and go on without us: a collector that is away for a moment ends no waiting.
      if (!(error instanceof UpdraftError)) throw error;
      ports.report(`the collector does not answer: ${error.message}`);
    }
    const seen = join(instances, slots, now, LATE_AFTER_SECONDS);
    const line = progressLine(seen, ids.size - instances.length);
    if (line !== shown) ports.report(`${formatDuration(now - started)}: ${line}`);
    shown = line;
    const settled = seen.filter((one) =>
      ["joined", "claimed", "ending", "gone"].includes(one.progress),
    ).length;
    // EC2 forgets a terminated instance after a while: one that was seen and is not there any more is gone.
    const forgotten = [...seenOnce].filter((id) => !instances.some((one) => one.id === id)).length;
    if (settled + forgotten >= ids.size || now - started >= timeoutSeconds) return seen;
    await ports.clock.sleep(WATCH_SECONDS);
  }
}

function progressLine(seen: readonly Seen[], invisible: number): string {
  const count = counts(seen);
  const parts = [
    `${count.ordered + invisible} ordered`,
    `${count.running} running`,
    `${count.joined + count.claimed} joined`,
  ];
  if (count.late > 0) parts.push(`${count.late} late`);
  if (count.ending + count.gone > 0) parts.push(`${count.ending + count.gone} ended`);
  return parts.join(", ");
}

/** What an instance that could not boot wrote about it; undefined when it wrote nothing. */
export async function bootReport(
  ports: CreatePorts,
  plan: CreatePlan,
  instanceId: string,
): Promise<string | undefined> {
  const storage = ports.storage(plan.accountSetup.bucket, plan.account);
  const bytes = await getReadable(
    storage,
    reportKey(plan.annex.name, `${plan.annexSetup.roleId}:${instanceId}`),
  );
  return bytes === undefined ? undefined : reportLine(new TextDecoder().decode(bytes).trim());
}
