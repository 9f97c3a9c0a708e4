import { describeRefusal, refused, remember, type CapacityMemory, type Place } from "./capacity-memory.ts";
import { limitedBy, refusal, type Refusal } from "./fleet-errors.ts";
import type { Market } from "./order.ts";
import type { OrderPlan } from "./plan-order.ts";
import type { Clock, FleetError, Refusals } from "./ports.ts";
import type { UnixTime } from "./time.ts";
import type { Held } from "./veto.ts";

export type RefusalPorts = {
  readonly clock: Clock;
  /** Without it nothing is remembered, and EC2 is asked everywhere every time. */
  readonly refusals?: Refusals;
};

/** An error of a fleet, with the time until which EC2 is not asked there again. */
export type PlacedError = FleetError & { readonly until?: UnixTime };

/** In the order in which they are asked. */
export function markets({ annex }: OrderPlan): readonly Market[] {
  return annex.purchase === "spot-then-on-demand" ? ["spot", "on-demand"] : [annex.purchase];
}

function places(plan: OrderPlan): Place[] {
  return plan.types.flatMap(({ type }) => plan.subnets.map(({ id, zone }) => ({ type, subnet: id, zone })));
}

type RefusedPlace = Place & { readonly market: Market; readonly why: Refusal };

function refusedPlaces(
  plan: OrderPlan,
  market: Market,
  memory: CapacityMemory,
  now: UnixTime,
): RefusedPlace[] {
  return places(plan).flatMap((place) => {
    const why = refused(memory, plan.annex.region, market, place, now);
    return why === undefined ? [] : [{ ...place, market, why }];
  });
}

/** The places of a plan: where EC2 may be asked now and where not, with the reasons. */
export async function openPlaces(
  ports: RefusalPorts,
  plan: OrderPlan,
  market: Market,
): Promise<{ readonly open: readonly Place[]; readonly refused: readonly Place[]; readonly why: string }> {
  const not = refusedPlaces(plan, market, await remembered(ports), ports.clock.now());
  const isRefused = (place: Place): boolean =>
    not.some(({ type, subnet }) => type === place.type && subnet === place.subnet);
  return {
    open: places(plan).filter((place) => !isRefused(place)),
    refused: not,
    why: reasons(not).join("; "),
  };
}

async function remembered(ports: Pick<RefusalPorts, "refusals">): Promise<CapacityMemory> {
  return (await ports.refusals?.read()) ?? [];
}

/** Where EC2 would not be asked now, a line for each reason. */
export async function refusedLines(ports: RefusalPorts, plan: OrderPlan): Promise<string[]> {
  const memory = await remembered(ports);
  const now = ports.clock.now();
  const not = markets(plan).flatMap((market) => refusedPlaces(plan, market, memory, now));
  return reasons(not).map((reason) => `not asked for: ${reason}`);
}

/** Why EC2 would be asked for nothing at all now, because it refused every type and zone a short while ago. */
export async function heldBack(ports: RefusalPorts, plan: OrderPlan): Promise<Held | undefined> {
  const memory = await remembered(ports);
  const all = markets(plan);
  const not = all.flatMap((market) => refusedPlaces(plan, market, memory, ports.clock.now()));
  if (not.length === 0 || not.length < all.length * places(plan).length) return undefined;
  const next = Math.min(...not.map((place) => place.why.until));
  return {
    limitedBy: limitedBy(not.map(({ why }) => ({ code: why.code, message: "" }))),
    reason: `EC2 refused every type and zone of this order a short while ago, and is asked again from ${utc(next)} on: ${reasons(not).join("; ")}`,
  };
}

function reasons(not: readonly RefusedPlace[]): string[] {
  return [...new Set(not.map(({ why }) => `${describeRefusal(why)} until ${utc(why.until)} (${why.code})`))];
}

/** Every place by its subnet's zone, and until when it is not asked for again; remembered for the next orders. */
export async function noteRefusals(
  ports: RefusalPorts,
  plan: OrderPlan,
  market: Market,
  errors: readonly FleetError[],
): Promise<PlacedError[]> {
  const now = ports.clock.now();
  const { region } = plan.annex;
  const noted = errors.map((error) => {
    const zone = error.zone ?? plan.subnets.find(({ id }) => id === error.subnet)?.zone;
    const located: FleetError = { ...error, market, ...(zone !== undefined && { zone }) };
    const why = refusal(located, region, now);
    return { why, error: why === undefined ? located : { ...located, until: why.until } };
  });
  const refusals = noted.flatMap(({ why }) => why ?? []);
  if (refusals.length > 0) {
    await ports.refusals?.write(remember(await remembered(ports), refusals, now));
  }
  return noted.map(({ error }) => error);
}

/** How a person is told. */
export function again(until: UnixTime): string {
  return `not asked for again until ${utc(until)}`;
}

function utc(time: UnixTime): string {
  return new Date(time * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}
