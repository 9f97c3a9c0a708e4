import { UpdraftError, messageOf } from "../errors.ts";
import type { Instance } from "../instance.ts";
import type { AnnexKnobs } from "../knobs.ts";
import type { BootReport } from "../node-boot.ts";
import {
  checkPlanRoom,
  fleetReasons,
  ours,
  placeOrders,
  reconcile,
  type OrderPorts,
} from "../place-orders.ts";
import { NOT_INCLUDED, orderCost } from "../cost.ts";
import { checkOutlives } from "../credential.ts";
import { usd } from "../liability.ts";
import { findTypes, planOrder, type OrderPlan, type PlanPorts } from "../plan-order.ts";
import { PLAIN_LINUX } from "../prices.ts";
import { PROBE_LEASE_SECONDS, isProbeReport, type ProbeReport } from "../probe.ts";
import type { ConfigPorts, SetupPorts } from "../publish.ts";
import type { Site } from "../site.ts";
import { reportKey } from "../storage.ts";
import { TAG } from "../tags.ts";
import { formatDuration } from "../time.ts";
import { checkMayLaunch, findPublished } from "../user-access.ts";
import { ok, wrong, type Finding, type Found } from "./findings.ts";

export type ProbeFlowPorts = OrderPorts & PlanPorts & SetupPorts & ConfigPorts;

export type ProbeTerms = {
  readonly type: string | undefined;
  readonly subnet: string | undefined;
  readonly user: string;
};

/** A probe, decided before anything is ordered: one instance of one type in one subnet, on demand. */
export async function planProbe(
  ports: ProbeFlowPorts,
  annex: AnnexKnobs,
  site: Site,
  terms: ProbeTerms,
): Promise<OrderPlan> {
  const { subnet } = terms;
  if (subnet !== undefined && !annex.subnets.includes(subnet)) {
    throw new UpdraftError(
      "usage",
      `${subnet} is no subnet of annex ${annex.name}`,
      `Give one of ${annex.subnets.join(", ")}.`,
    );
  }
  // A probe that waits for spot capacity would prove nothing about the network.
  const probing: AnnexKnobs = {
    ...annex,
    purchase: "on-demand",
    subnets: subnet === undefined ? annex.subnets.slice(0, 1) : [subnet],
    tags: { ...annex.tags, [TAG.probe]: "true" },
  };
  const ground = await findPublished(ports, annex, site);
  const plan = await planOrder(
    ports,
    { ...ground, annex: probing },
    {
      count: 1,
      leaseSeconds: (longest) => Math.min(PROBE_LEASE_SECONDS, longest),
      idleSeconds: annex.idleSeconds,
      instanceTypes: [terms.type ?? (await cheapest(ports, annex))],
      user: terms.user,
    },
  );
  checkMayLaunch(plan);
  checkOutlives(annex.name, ground.credentialExpires, ports.clock.now() + plan.leaseSeconds);
  return plan;
}

/** Where no price is known, the smallest is taken for the cheapest. */
async function cheapest(ports: PlanPorts, annex: AnnexKnobs): Promise<string> {
  const [book, types] = await Promise.all([
    ports.prices(annex.region),
    findTypes(ports.ec2, annex.instanceTypes, annex),
  ]);
  const price = (type: string): number | undefined => book.onDemand[PLAIN_LINUX]?.[type];
  const size = (one: (typeof types)[number]): number => one.gpus * 1e12 + one.cpus * 1e9 + one.memory;
  const [first] = [...types].sort((a, b) => {
    const [priceA, priceB] = [price(a.type), price(b.type)];
    return priceA !== undefined && priceB !== undefined ? priceA - priceB : size(a) - size(b);
  });
  return first?.type ?? "";
}

/** What a person reads before saying yes. */
export function describeProbe(plan: OrderPlan): string {
  const [subnet] = plan.subnets;
  const { worstCase, source } = orderCost(plan);
  return (
    `probe: 1 × on-demand ${plan.types[0]?.type ?? ""} in ${subnet?.id ?? ""} (${subnet?.zone ?? ""}), ` +
    `for at most ${formatDuration(plan.leaseSeconds)}: at most ${usd(worstCase)} USD (by ${source}; without ${NOT_INCLUDED})`
  );
}

const POLL_SECONDS = 2;
/** EC2 may show what was launched a little later. */
const VISIBLE_SECONDS = 60;

/**
 * Orders the probe, waits for its report, and in every case ends it. `interrupted` becomes true when the person who
 * waits has had enough; an order that is under way is finished first, so that what it launches is ended too.
 */
export async function carryOutProbe(
  ports: ProbeFlowPorts,
  plan: OrderPlan,
  control: { exclusively<T>(work: () => Promise<T>): Promise<T>; interrupted(): boolean },
): Promise<Finding[]> {
  const finding = (found: Found): Finding => ({ of: plan.annex.name, piece: "probe", ...found });
  let ids: readonly string[] = [];
  try {
    const placed = await control.exclusively(async () => {
      checkPlanRoom(plan, await reconcile(ports, plan.owner, plan.annex.region, true));
      return placeOrders(ports, plan);
    });
    ids = placed.flatMap((one) => one.instanceIds);
    const [id] = ids;
    if (id === undefined) {
      const why = fleetReasons(placed).join("; ");
      return [finding(wrong(`EC2 launched no probe: ${why}`, "Try another --type or --subnet, or later."))];
    }
    return (await outcome(ports, plan, id, control.interrupted)).map(finding);
  } finally {
    await end(ports, ids);
  }
}

async function outcome(
  ports: ProbeFlowPorts,
  plan: OrderPlan,
  id: string,
  interrupted: () => boolean,
): Promise<Found[]> {
  const { roleId } = plan.annexSetup;
  const storage = ports.storage(plan.accountSetup.bucket, plan.account);
  const started = ports.clock.now();
  let shown = "";
  for (;;) {
    const waited = ports.clock.now() - started;
    const bytes = await storage.get(reportKey(plan.annex.name, `${roleId}:${id}`));
    if (bytes !== undefined) return results(id, plan, new TextDecoder().decode(bytes));
    const instance = (await ours(ports, plan.owner)).find((one) => one.id === id);
    const line = instance === undefined ? "ordered" : instance.state;
    if (line !== shown) ports.report(`${formatDuration(waited)}: probe ${id} is ${line}`);
    shown = line;
    if (interrupted()) {
      throw new UpdraftError(
        "failed",
        "the probe was interrupted",
        "It is being ended; run the same command again.",
      );
    }
    if (over(instance, waited)) return [silent(id, plan, instance)];
    await ports.clock.sleep(POLL_SECONDS);
  }
}

function over(instance: Instance | undefined, waited: number): boolean {
  if (waited >= PROBE_LEASE_SECONDS) return true;
  return instance === undefined
    ? waited >= VISIBLE_SECONDS
    : !["pending", "running"].includes(instance.state);
}

/** What cannot even write its report has no way to S3, as a rule. */
function silent(id: string, plan: OrderPlan, instance: Instance | undefined): Found {
  const place = plan.subnets[0]?.id ?? "";
  return wrong(
    `probe ${id} in ${place} ${instance === undefined ? "is gone" : `is ${instance.state}`} and has reported nothing: it has not reached S3, or not come up`,
    `Give ${place} a way to S3; what the instance printed says more: aws ec2 get-console-output --instance-id ${id}`,
  );
}

function results(id: string, plan: OrderPlan, text: string): Found[] {
  const place = plan.subnets[0]?.id ?? "";
  let report: BootReport | ProbeReport;
  try {
    report = JSON.parse(text) as BootReport | ProbeReport;
  } catch {
    return [wrong(`probe ${id} wrote a report that cannot be read`, "Run the same command again.")];
  }
  if (!isProbeReport(report)) {
    return [wrong(`probe ${id} failed at its step ${report.step}: ${report.reason}`, report.remedy)];
  }
  return report.tests.map(({ name, passed, what }) =>
    passed ? ok(`${name}: ${what}`) : wrong(`${name}: ${what}`, remedy(name, place)),
  );
}

function remedy(name: string, subnet: string): string {
  const [kind] = name.split(" ");
  switch (kind) {
    case "name":
      return `Let the name service of the VPC of ${subnet} know it, or put addresses into COLLECTOR_HOST and publish again.`;
    case "credential":
      return "See the central manager's ALLOW_ADVERTISE_STARTD and _MASTER (condor-config/central-manager.config), and publish the pool's present credential.";
    default:
      return `Open a way from ${subnet} to there: routes, firewalls and security groups on both sides; or name other subnets.`;
  }
}

/** The probe ends itself, and its lease does: this is the first of three ends. */
async function end(ports: ProbeFlowPorts, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  try {
    await ports.ec2.terminate(ids);
    ports.report(`probe ${ids.join(", ")} is being terminated`);
  } catch (error) {
    ports.report(`could not terminate the probe (${messageOf(error)}): its lease ends it`);
  }
}
