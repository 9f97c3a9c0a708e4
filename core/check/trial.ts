import { UpdraftError } from "../errors.ts";
import type { AnnexKnobs } from "../knobs.ts";
import { instanceTags, order, type FleetRequest, type OrderTerms } from "../order.ts";
import { findTypes } from "../plan-order.ts";
import type { CloudFormation, Ec2 } from "../ports.ts";
import type { Site } from "../site.ts";
import { annexSetup, annexStack } from "../stacks.ts";
import { TAG, type Tags } from "../tags.ts";
import type { UnixTime } from "../time.ts";
import { ok, wrong, type Found } from "./findings.ts";
import type { TrialAnswer, Trials } from "./ports.ts";

export type TrialPorts = {
  readonly cloudFormation: Pick<CloudFormation, "stack">;
  readonly ec2: Pick<Ec2, "instanceTypes">;
  readonly trials: Trials;
  imageId(image: string): Promise<string>;
  now(): UnixTime;
};

/** EC2's answers to the orders of an annex, as they are placed and as they must never be. */
export type Trial = Readonly<
  Record<"fleet" | "launch" | "fleetWithoutLease" | "launchWithoutLease", TrialAnswer>
>;

/** Tries an order of one instance by both calls that can launch; none is carried out. */
export async function tryOrders(ports: TrialPorts, annex: AnnexKnobs, site: Site): Promise<Trial> {
  const stack = await ports.cloudFormation.stack(annexStack(annex.name));
  const setup = annexSetup(stack, annex.name, site.pool);
  const [types, imageId] = await Promise.all([
    findTypes(ports.ec2, annex.instanceTypes.slice(0, 1), annex),
    ports.imageId(annex.image),
  ]);
  const now = Math.floor(ports.now());
  const terms: OrderTerms = {
    id: "trial",
    annex: annex.name,
    pool: site.pool,
    schedd: site.schedd,
    owner: "updraft-check",
    market: annex.purchase === "spot" ? "spot" : "on-demand",
    count: 1,
    orderedAt: now,
    leaseExpiration: now + annex.leaseSeconds,
    idleSeconds: annex.idleSeconds,
    maxPrice: annex.maxPrice,
    imageId,
    subnets: annex.subnets.slice(0, 1),
    types,
    template: setup.template,
    burstableTemplate: setup.burstableTemplate,
    tags: annex.tags,
  };
  const { request } = order(terms);
  const tags = instanceTags(terms);
  const [type] = types;
  const launch = (tags: Tags): Promise<TrialAnswer> =>
    ports.trials.launch({
      template: type?.burstable === true ? setup.burstableTemplate : setup.template,
      imageId,
      type: type?.type ?? "",
      subnet: annex.subnets[0] ?? "",
      group: stack?.outputs["SecurityGroup"] ?? "",
      tags,
    });
  const { [TAG.lease]: _, ...leaseless } = tags;
  const [fleet, launched, fleetWithoutLease, launchWithoutLease] = await Promise.all([
    ports.trials.fleet(request),
    launch(tags),
    ports.trials.fleet(withoutLease(request)),
    launch(leaseless),
  ]);
  return { fleet, launch: launched, fleetWithoutLease, launchWithoutLease };
}

function withoutLease(request: FleetRequest): FleetRequest {
  return {
    ...request,
    TagSpecifications: request.TagSpecifications.map((one) => ({
      ...one,
      Tags: one.Tags.filter((tag) => tag.Key !== TAG.lease),
    })),
  };
}

/** EC2's word for "it would have been done". */
const WOULD = "DryRunOperation";
const REFUSED = "UnauthorizedOperation";

/** Whether orders would be placed. `whose` begins the sentence; `remedy` is for a refusal. */
export function mayOrder(trial: Trial, whose: string, remedy: string): Found[] {
  const calls = { CreateFleet: trial.fleet, RunInstances: trial.launch };
  const found = Object.entries(calls).flatMap(([call, { code, message }]): Found[] => {
    if (code === WOULD) return [];
    const what = `${whose} cannot order by ${call}: ${code}: ${message}`;
    return [
      code === REFUSED
        ? { ...wrong(what, remedy), denied: true }
        : wrong(what, "Correct what EC2 objects to; nothing was launched by trying."),
    ];
  });
  return found.length === 0 ? [ok(`${whose} may order (dry run of CreateFleet and RunInstances)`)] : found;
}

/** Whether the guard of the policies holds: without a lease nothing may be launched. */
export function mustHaveLease(trial: Trial, whose: string, remedy: string): Found[] {
  const calls = { CreateFleet: trial.fleetWithoutLease, RunInstances: trial.launchWithoutLease };
  const open = Object.entries(calls).filter(([, { code }]) => code === WOULD);
  return open.length === 0
    ? [ok(`${whose} may launch nothing without a lease`)]
    : open.map(([call]) => wrong(`${whose} may launch instances without a lease by ${call}`, remedy));
}

/** What `updraft-schedd --credentials` prints: whose its credentials are, and what EC2 says to its orders. */
export type CredentialReport = {
  readonly arn: string;
  readonly annexes: Readonly<
    Record<
      string,
      { readonly trial: Trial } | { readonly refused: { kind: string; message: string; remedy: string } }
    >
  >;
};

export function parseCredentialReport(text: string): CredentialReport {
  try {
    const report = JSON.parse(text) as CredentialReport;
    if (typeof report.arn === "string" && typeof report.annexes === "object") return report;
  } catch {
    // What it is instead matters little: an older hook, or none of ours.
  }
  throw new UpdraftError(
    "config",
    "the hook does not say whose credentials it has",
    "Install the same version of Updraft everywhere on this machine.",
  );
}
