import { UpdraftError } from "../errors.ts";
import type { Estimate } from "../model/estimate.ts";
import {
  checkHours,
  checkParameters,
  SYMBOLS,
  type ModelParameters,
  type ModelVariant,
} from "../model/parameters.ts";
import { parseDuration } from "../time.ts";

export type RateName = keyof ModelParameters;
export type InputName = RateName | "spinUpDelay" | "lease";

/** A value in hours or per hour, where it is from, and its interval when it was estimated. */
export type Input = {
  readonly value: number;
  readonly from: string;
  readonly estimate?: Estimate;
};

export type Inputs = {
  readonly parameters: ModelParameters;
  readonly variant: ModelVariant;
  /** Hours. */
  readonly spinUpDelay: number;
  /** Hours. */
  readonly lease: number | undefined;
  readonly given: Readonly<Partial<Record<InputName, Input>>>;
};

export const RATES = Object.keys(SYMBOLS) as RateName[];

/** `submissionRate` as an option of the command line. */
export const optionOf = (name: string): string => name.replace(/[A-Z]/g, (one) => `-${one.toLowerCase()}`);

/** `submissionRate` as the hook publishes it in the schedd's ad. */
export const attributeOf = (annex: string, name: string): string =>
  `Annex_${annex}_${name.charAt(0).toUpperCase()}${name.slice(1)}`;

/** What is estimated, and so may stand in the schedd's ad. */
const PUBLISHED: readonly InputName[] = [...RATES, "spinUpDelay"];

/** Every attribute of the schedd's ad that can stand for an option. */
export const attributesOf = (annex: string): string[] =>
  PUBLISHED.flatMap((name) =>
    ["", "Low", "High", "Source"].map((part) => `${attributeOf(annex, name)}${part}`),
  );

/** What a pool's own ad and knobs say, for what no option gives. */
export type LivePool = {
  readonly annex: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly leaseSeconds: number;
  readonly idleSeconds: number;
};

/**
 * The parameters: options first, then what the hook has published, then knobs; σ_RT without any of them is that of the
 * lease. Throws `usage` naming every option that is bad, or everything that is missing and the options that give it.
 */
export function readInputs(option: (name: string) => string | undefined, live?: LivePool): Inputs {
  const given: Partial<Record<InputName, Input>> = live === undefined ? {} : known(live);
  const bad: string[] = [];
  for (const name of [...RATES, "spinUpDelay", "lease"] as const) {
    const text = option(optionOf(name));
    if (text === undefined) continue;
    const rate = name !== "spinUpDelay" && name !== "lease";
    const value = rate ? parseRate(text) : hours(text);
    const from = `--${optionOf(name)}`;
    if (value !== undefined) given[name] = { value, from };
    else if (rate)
      bad.push(`${from} "${text}" is no rate: a number per hour such as 12, or 1/TIME such as 1/5m`);
    else bad.push(`${from} "${text}" is no duration such as 5m or 8h`);
  }
  const variant = readVariant(option, bad);
  if (bad.length > 0) throw new UpdraftError("usage", bad.join("; "), "See updraft model --help.");
  if (given.lease !== undefined) {
    checkHours("the lease", given.lease.value);
    given.runningTerminationRate ??= { value: 1 / given.lease.value, from: `1/lease, ${given.lease.from}` };
  }
  const missing = PUBLISHED.filter((name) => given[name] === undefined);
  if (missing.length > 0) throw incomplete(missing, live);
  const value = (name: InputName): number => given[name]?.value ?? Number.NaN;
  const parameters = Object.fromEntries(RATES.map((name) => [name, value(name)])) as ModelParameters;
  checkParameters(parameters);
  const spinUpDelay = value("spinUpDelay");
  if (!(spinUpDelay > 0)) {
    throw new UpdraftError(
      "usage",
      `the spin-up delay is ${spinUpDelay} hours, but no instance joins at once`,
      "Give the time from an order to joining, such as --spin-up-delay 5m.",
    );
  }
  checkHours("the spin-up delay", spinUpDelay);
  return { parameters, variant, spinUpDelay, lease: given.lease?.value, given };
}

/** `12`, `0.5` or `-3` per hour, or `1/20m`; undefined when it is neither. Whether the models can use it, they say. */
function parseRate(text: string): number | undefined {
  const inverse = /^1\/(.+)$/.exec(text.trim());
  if (inverse !== null) {
    const seconds = parseDuration(inverse[1] ?? "");
    return seconds === undefined ? undefined : 3600 / seconds;
  }
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : undefined;
}

function hours(text: string): number | undefined {
  const seconds = parseDuration(text);
  return seconds === undefined ? undefined : seconds / 3600;
}

/** As HTCondor and the guard do it, unless an option says otherwise. */
const VARIANTS = {
  matching: ["min", "mass-action"],
  evicted: ["requeued", "lost"],
  idleEnd: ["timer", "rate"],
} as const;

function readVariant(option: (name: string) => string | undefined, bad: string[]): ModelVariant {
  const choose = <T extends string>(name: string, [first, second]: readonly [T, T]): T => {
    const text = option(optionOf(name)) ?? first;
    if (text !== first && text !== second)
      bad.push(`--${optionOf(name)} "${text}" is neither ${first} nor ${second}`);
    return text === second ? second : first;
  };
  return {
    matching: choose("matching", VARIANTS.matching),
    evicted: choose("evicted", VARIANTS.evicted),
    idleEnd: choose("idleEnd", VARIANTS.idleEnd),
  };
}

function known({
  annex,
  attributes,
  leaseSeconds,
  idleSeconds,
}: LivePool): Partial<Record<InputName, Input>> {
  const found: Partial<Record<InputName, Input>> = {
    idleTerminationRate: { value: 3600 / idleSeconds, from: `UPDRAFT_${annex}_IDLE` },
    lease: { value: leaseSeconds / 3600, from: `UPDRAFT_${annex}_LEASE` },
  };
  for (const name of PUBLISHED) {
    const from = attributeOf(annex, name);
    const [value, low, high] = ["", "Low", "High"].map((part) => attributes[from + part]);
    const source = attributes[`${from}Source`];
    if (typeof value !== "number") continue;
    const known = source === "measured" || source === "shrunk" || source === "prior";
    found[name] = {
      value,
      from: known ? `${from} (${source})` : from,
      ...(known &&
        typeof low === "number" &&
        typeof high === "number" && { estimate: { value, low, high, source, events: 0, exposure: 0 } }),
    };
  }
  return found;
}

function incomplete(missing: readonly InputName[], live: LivePool | undefined): UpdraftError {
  const options = missing.map((name) => `--${optionOf(name)} ${name === "spinUpDelay" ? "TIME" : "RATE"}`);
  const message =
    live === undefined
      ? `the model lacks ${missing.join(", ")}`
      : `the schedd's ad does not have ${missing.map((name) => attributeOf(live.annex, name)).join(", ")}: the hook has not published ${missing.length === 1 ? "it" : "them"}`;
  return new UpdraftError("usage", message, `Give ${options.join(" ")}; see updraft model --help.`);
}
