import type { AttributeValue } from "./classad.ts";
import { checkOutlives } from "./credential.ts";
import { UpdraftError } from "./errors.ts";
import { limitedBy } from "./fleet-errors.ts";
import { isLive, isReleased } from "./instance.ts";
import { orderTags } from "./journal.ts";
import {
  BRISK,
  checkPlanRoom,
  fleetReasons,
  placeOrders,
  type OrderPorts,
  type Reconciled,
} from "./place-orders.ts";
import { planOrder, type PlanPorts } from "./plan-order.ts";
import type { Decision } from "./hook-decision.ts";
import type { Ec2 } from "./ports.ts";
import { checkPublished, findGround, type ConfigPorts, type Ground, type SetupPorts } from "./publish.ts";
import { heldBack } from "./refused-places.ts";
import { HOOK_USER } from "./supply.ts";
import { TAG, type Tags } from "./tags.ts";
import type { Held } from "./veto.ts";

export type ActPorts = Omit<OrderPorts, "ec2"> & SetupPorts & ConfigPorts & PlanPorts & { readonly ec2: Ec2 };

export type Acted = {
  readonly ordered: number;
  readonly released: number;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** What went wrong, and the word for it. */
  readonly trouble?: Held;
};

/** Tags are set before anything is ordered: they cost nothing. What one step could not do does not stop the others. */
export async function act(
  ports: ActPorts,
  ground: Ground,
  known: Reconciled,
  decision: Decision,
): Promise<Acted> {
  let trouble: Held | undefined;
  const attempt = async (step: () => Promise<void>): Promise<boolean> => {
    try {
      await step();
      return true;
    } catch (error) {
      if (!(error instanceof UpdraftError)) throw error;
      trouble ??= { limitedBy: WORDS[error.kind] ?? "EC2", reason: error.message };
      return false;
    }
  };
  const now = String(Math.floor(ports.clock.now()));
  const { withdraw, release } = decision;
  if (withdraw.length > 0) await attempt(() => ports.ec2.tag(withdraw, { [TAG.release]: "" }));
  const released =
    release.length > 0 && (await attempt(() => ports.ec2.tag(release, { [TAG.release]: now })));
  let ordered = 0;
  if (decision.order > 0) {
    await attempt(async () => {
      const placed = await order(ports, ground, known, nextOrder(ground, known, decision.order));
      ordered = placed.ordered;
      trouble ??= placed.trouble;
    });
  }
  return {
    ordered,
    released: released ? release.length : 0,
    attributes: ordered > 0 ? { LastOrder: Math.floor(ports.clock.now()) } : {},
    ...(trouble !== undefined && { trouble }),
  };
}

const WORDS: Readonly<Record<string, string>> = { denied: "Denied", config: "Setup", capacity: "Capacity" };

type NextOrder = { readonly count: number; readonly idleSeconds: number };

/**
 * Instances that are kept at all times come first, and do not end when they are idle; what else is needed is ordered by
 * the next run, which knows these.
 */
function nextOrder({ annex }: Ground, { instances, pending }: Reconciled, count: number): NextOrder {
  if (annex.minInstances === 0) return { count, idleSeconds: annex.idleSeconds };
  const isKept = (tags: Tags): boolean => Number(tags[TAG.idle]) >= annex.leaseSeconds;
  const live = instances.filter((one) => isLive(one) && !isReleased(one) && isKept(one.tags)).length;
  const unseen = pending.reduce((sum, one) => sum + (isKept(orderTags(one.entry)) ? one.unseen : 0), 0);
  const missing = Math.min(count, annex.minInstances - live - unseen);
  return missing > 0
    ? { count: missing, idleSeconds: annex.leaseSeconds }
    : { count, idleSeconds: annex.idleSeconds };
}

/** By the very same flow as `updraft create`, except that nobody waits. What the run looked by may be minutes old. */
async function order(
  ports: ActPorts,
  { annex, site }: Ground,
  known: Reconciled,
  { count, idleSeconds }: NextOrder,
): Promise<{ readonly ordered: number; readonly trouble: Held | undefined }> {
  const ground = await findGround(ports, annex, site);
  const { credential } = await checkPublished(ports, ground);
  const plan = await planOrder(ports, ground, {
    count,
    leaseSeconds: (longest) => Math.min(annex.leaseSeconds, longest),
    idleSeconds,
    instanceTypes: annex.instanceTypes,
    user: HOOK_USER,
  });
  checkOutlives(annex.name, credential.expires, ports.clock.now() + plan.leaseSeconds);
  checkPlanRoom(plan, known);
  const held = await heldBack(ports, plan);
  if (held !== undefined) return { ordered: 0, trouble: held };
  const placed = await placeOrders(ports, plan, BRISK);
  const ordered = placed.reduce((sum, one) => sum + one.instanceIds.length, 0);
  if (ordered >= count) return { ordered, trouble: undefined };
  const reasons = fleetReasons(placed);
  return {
    ordered,
    trouble: {
      limitedBy: limitedBy(placed.flatMap((one) => one.errors)),
      reason: `EC2 launched ${ordered} of ${count}${reasons.length === 0 ? "" : `: ${reasons.join("; ")}`}`,
    },
  };
}
