import { ANNEX_NAME_RULE, isAnnexName } from "./annex.ts";
import { attributeNames } from "./classad.ts";
import { UpdraftError } from "./errors.ts";
import { HTCONDOR_SOURCE, HTCONDOR_SOURCE_RULE } from "./htcondor-source.ts";
import { MIN_LEASE_SECONDS } from "./lease.ts";
import type { CredentialKind } from "./manifest.ts";
import {
  blocks,
  boolean,
  duration,
  expect,
  Expected,
  expression,
  instanceTypeList,
  integer,
  list,
  listOf,
  matching,
  oneOf,
  optIn,
  owners,
  positive,
  slotAttributes,
  tags,
  type Reader,
} from "./knob-values.ts";
import { nearest } from "./nearest.ts";
import { BOOT_SECONDS, LONGEST_BOOT_SECONDS } from "./node-boot.ts";
import { DEFAULT_OPT_IN } from "./opt-in.ts";
import type { Owners } from "./start-expression.ts";
import type { Tags } from "./tags.ts";

/** A knob as condor_config_val shows it: the expanded value and where it was set. */
export type Setting = { readonly name: string; readonly value: string; readonly source: string };

export type KnobProblem = {
  readonly name: string;
  /** Undefined when the knob is missing. */
  readonly value: string | undefined;
  readonly source: string | undefined;
  readonly expected: string;
};

export type Purchase = "spot" | "on-demand" | "spot-then-on-demand";

export type AnnexKnobs = {
  readonly name: string;
  readonly region: string;
  readonly subnets: readonly string[];
  readonly publicIp: boolean;
  /** CIDR blocks from which HTCondor on a node is reached directly, at its public address; none: the node calls back. */
  readonly directFrom: readonly string[];
  /** An AMI's id, or the name of an SSM parameter (with a leading `/`) that holds one. */
  readonly image: string;
  /** Where HTCondor's packages come from when the image has none; undefined: it must have it. */
  readonly htcondorSource: string | undefined;
  readonly instanceTypes: readonly string[];
  readonly purchase: Purchase;
  /** USD per instance and hour. */
  readonly maxPrice: number | undefined;
  readonly keyName: string | undefined;
  readonly maxInstances: number;
  /** Kept at all times, whether there are jobs or not. */
  readonly minInstances: number;
  /** Jobs of one user that are ordered for and run there at a time, at most. */
  readonly ownerMaxJobs: number | undefined;
  readonly leaseSeconds: number;
  readonly idleSeconds: number;
  readonly jobs: string;
  readonly owners: Owners;
  /** Undefined: two negotiation cycles. */
  readonly minWaitSeconds: number | undefined;
  readonly credential: CredentialKind;
  /** USD. */
  readonly maxLiability: number | undefined;
  /** Machine-hours that one job-hour of waiting is worth. */
  readonly waitValue: number;
  /** More instances may be ordered than the waiting jobs need. */
  readonly spares: boolean;
  readonly expectedRuntime: string | undefined;
  readonly drainSeconds: number;
  /** An instance that has not joined the pool by then ends itself. */
  readonly bootSeconds: number;
  /** A node serves jobs though it could not close the instance metadata service to them. */
  readonly allowOpenMetadata: boolean;
  /** Attribute name to ClassAd literal. */
  readonly slotAttributes: Readonly<Record<string, string>>;
  readonly tags: Tags;
  readonly configDirectory: string | undefined;
  readonly mode: "advise" | "act";
};

export type Knobs = {
  readonly pool: string | undefined;
  readonly stop: boolean;
  /** Expression over the job, each attribute with MY.: which jobs may match slots of annexes at all. */
  readonly optIn: string;
  /** Where hook and commands keep the journal of orders and the hook its memory. */
  readonly stateDirectory: string;
  /** Where the annexes' tokens are, which only root reads. */
  readonly credentialDirectory: string;
  readonly annexes: readonly AnnexKnobs[];
};

export const GLOBAL_KNOBS = ["ANNEXES", "POOL", "STOP", "OPT_IN", "STATE_DIR", "CREDENTIAL_DIR"];

export const DEFAULT_STATE_DIRECTORY = "/var/lib/updraft";
export const DEFAULT_CREDENTIAL_DIRECTORY = "/etc/updraft/credentials";

const credential: Reader<CredentialKind> = oneOf("idtoken", "password");
const purchase: Reader<Purchase> = oneOf("spot", "on-demand", "spot-then-on-demand");
const mode: Reader<"advise" | "act"> = oneOf("advise", "act");
const region = matching(/^[a-z]{2}(-[a-z]+){1,3}-\d$/, "an AWS region such as us-east-1");
const directory = matching(/^\/[^\0\r\n]*$/, "the absolute path of a directory");
const SUBNET = /^subnet-[0-9a-f]{8,17}$/;
const IMAGE = /^(ami-[0-9a-z]{8,17}|\/[\w./-]{1,1000})$/;

/** In less HTCondor may not even start. */
const SHORTEST_BOOT_SECONDS = 10;

/** Marks a knob that must be written. */
const REQUIRED = Symbol("required");

type AnnexTable = {
  [Field in Exclude<keyof AnnexKnobs, "name">]: {
    knob: string;
    read: Reader<NonNullable<AnnexKnobs[Field]>>;
    otherwise: AnnexKnobs[Field] | typeof REQUIRED;
    example: string;
  };
};

/** Every knob of an annex: how it is read, and what holds when it is not written. */
const ANNEX_TABLE: AnnexTable = {
  region: { knob: "REGION", read: region, otherwise: REQUIRED, example: "us-east-1" },
  subnets: {
    knob: "SUBNETS",
    read: listOf(SUBNET, "subnets such as subnet-0123456789abcdef0, separated by commas"),
    otherwise: REQUIRED,
    example: "subnet-0123456789abcdef0",
  },
  publicIp: { knob: "PUBLIC_IP", read: boolean, otherwise: false, example: "true" },
  directFrom: { knob: "DIRECT_FROM", read: blocks, otherwise: [], example: "203.0.113.0/24" },
  image: {
    knob: "IMAGE_ID",
    read: matching(IMAGE, "an AMI such as ami-0123456789abcdef0, or an SSM parameter that starts with /"),
    otherwise: REQUIRED,
    example: "ami-0123456789abcdef0",
  },
  htcondorSource: {
    knob: "HTCONDOR",
    read: matching(HTCONDOR_SOURCE, HTCONDOR_SOURCE_RULE),
    otherwise: undefined,
    example: "distribution",
  },
  instanceTypes: {
    knob: "INSTANCE_TYPES",
    read: instanceTypeList,
    otherwise: REQUIRED,
    example: "m7i.large",
  },
  purchase: { knob: "PURCHASE", read: purchase, otherwise: "on-demand", example: "spot" },
  maxPrice: { knob: "MAX_PRICE", read: positive(" of USD per hour"), otherwise: undefined, example: "0.25" },
  keyName: {
    knob: "KEY_NAME",
    read: matching(/^[\x20-\x7e]{1,255}$/, "the name of an EC2 key pair"),
    otherwise: undefined,
    example: "admin",
  },
  maxInstances: { knob: "MAX_INSTANCES", read: integer(1, 10_000), otherwise: 20, example: "20" },
  minInstances: { knob: "MIN_INSTANCES", read: integer(0, 10_000), otherwise: 0, example: "1" },
  ownerMaxJobs: {
    knob: "OWNER_MAX_JOBS",
    read: integer(1, 1_000_000),
    otherwise: undefined,
    example: "200",
  },
  leaseSeconds: {
    knob: "LEASE",
    read: duration(MIN_LEASE_SECONDS, "8h"),
    otherwise: 8 * 3600,
    example: "8h",
  },
  idleSeconds: { knob: "IDLE", read: duration(1, "20m"), otherwise: 1200, example: "20m" },
  jobs: { knob: "JOBS", read: expression, otherwise: "MayUseAWS =?= true", example: "MayUseAWS =?= true" },
  owners: {
    knob: "OWNERS",
    read: owners,
    otherwise: REQUIRED,
    example: "alice@pool.example.org, group_physics",
  },
  minWaitSeconds: { knob: "MIN_WAIT", read: duration(0, "2m"), otherwise: undefined, example: "2m" },
  credential: { knob: "CREDENTIAL", read: credential, otherwise: "idtoken", example: "password" },
  maxLiability: { knob: "MAX_LIABILITY", read: positive(" of USD"), otherwise: undefined, example: "100" },
  waitValue: { knob: "WAIT_VALUE", read: positive(""), otherwise: 1, example: "0.5" },
  spares: { knob: "SPARES", read: boolean, otherwise: false, example: "true" },
  expectedRuntime: { knob: "EXPECTED_RUNTIME", read: expression, otherwise: undefined, example: "3600" },
  drainSeconds: { knob: "DRAIN_SECONDS", read: duration(0, "10m"), otherwise: 600, example: "10m" },
  bootSeconds: {
    knob: "BOOT_SECONDS",
    read: (text) => {
      const seconds = duration(SHORTEST_BOOT_SECONDS, "5m")(text);
      expect(seconds <= LONGEST_BOOT_SECONDS, `a duration of at most ${LONGEST_BOOT_SECONDS} s`);
      return seconds;
    },
    otherwise: BOOT_SECONDS,
    example: "10m",
  },
  allowOpenMetadata: {
    knob: "ALLOW_OPEN_METADATA",
    read: boolean,
    otherwise: false,
    example: "true",
  },
  slotAttributes: { knob: "SLOT_ATTRS", read: slotAttributes, otherwise: {}, example: "HasScratch = true" },
  tags: { knob: "TAGS", read: tags, otherwise: {}, example: "CostCenter = 42" },
  configDirectory: {
    knob: "CONFIG_DIR",
    read: directory,
    otherwise: undefined,
    example: "/etc/condor/updraft.d",
  },
  mode: { knob: "MODE", read: mode, otherwise: "advise", example: "act" },
};

/** Knobs that hold an expression, which HTCondor itself must parse. */
export const EXPRESSION_KNOB = /^UPDRAFT_(OPT_IN|[a-z0-9]+_(JOBS|EXPECTED_RUNTIME))$/i;

/** The knobs of an annex, without their prefix. */
export const ANNEX_KNOBS = Object.values(ANNEX_TABLE).map(({ knob, otherwise, example }) => ({
  knob,
  required: otherwise === REQUIRED,
  example,
}));

const ANNEX_SUFFIXES: readonly string[] = Object.values(ANNEX_TABLE).map((row) => row.knob);

export const knobName = (annex: string, suffix: string): string => `UPDRAFT_${annex}_${suffix}`;

/** Reads every knob. What it says is whole only when there is no problem. */
export function readKnobs(settings: readonly Setting[]): { knobs: Knobs; problems: KnobProblem[] } {
  const problems: KnobProblem[] = [];
  const ours = settings.filter((setting) => /^UPDRAFT_/i.test(setting.name));
  // Knob names are compared without case.
  const byName = new Map(ours.map((setting) => [setting.name.toUpperCase(), setting]));

  function read<T>(name: string, reader: Reader<T>): T | undefined {
    const setting = byName.get(name.toUpperCase());
    if (setting === undefined) return undefined;
    try {
      return reader(setting.value);
    } catch (error) {
      if (!(error instanceof Expected)) throw error;
      problems.push({ ...setting, expected: error.message });
      return undefined;
    }
  }

  const names = read("UPDRAFT_ANNEXES", (text) => {
    const words = list(text);
    const wrong = words.find((word) => !isAnnexName(word));
    expect(wrong === undefined, `annex names, each ${ANNEX_NAME_RULE}; "${wrong ?? ""}" is none`);
    expect(new Set(words).size === words.length, "every annex once");
    return words;
  });
  if (names === undefined && !byName.has("UPDRAFT_ANNEXES")) {
    problems.push({
      name: "UPDRAFT_ANNEXES",
      value: undefined,
      source: undefined,
      expected: "the names of the annexes, such as burst",
    });
  }
  const pool = read(
    "UPDRAFT_POOL",
    matching(/^[A-Za-z0-9._:-]{1,255}$/, "a trust domain such as pool.example.org"),
  );
  const stop = read("UPDRAFT_STOP", boolean) ?? false;
  const optInJobs = read("UPDRAFT_OPT_IN", optIn) ?? DEFAULT_OPT_IN;
  const stateDirectory = read("UPDRAFT_STATE_DIR", directory) ?? DEFAULT_STATE_DIRECTORY;
  const credentialDirectory = read("UPDRAFT_CREDENTIAL_DIR", directory) ?? DEFAULT_CREDENTIAL_DIRECTORY;

  const annexes: AnnexKnobs[] = [];
  for (const name of names ?? []) {
    const before = problems.length;
    const fields: Record<string, unknown> = { name };
    for (const [field, row] of Object.entries(ANNEX_TABLE)) {
      const knob = knobName(name, row.knob);
      fields[field] =
        read<unknown>(knob, row.read) ?? (row.otherwise === REQUIRED ? undefined : row.otherwise);
      if (row.otherwise === REQUIRED && !byName.has(knob.toUpperCase())) {
        problems.push({
          name: knob,
          value: undefined,
          source: undefined,
          expected: `something like ${row.example}; it must be written`,
        });
      }
    }
    if (problems.length > before) continue;
    const annex = fields as AnnexKnobs;
    annexes.push(annex);
    if (annex.minInstances > annex.maxInstances) {
      const knob = knobName(name, "MIN_INSTANCES");
      problems.push({
        ...(byName.get(knob.toUpperCase()) ?? { name: knob, value: undefined, source: undefined }),
        expected: `at most ${annex.maxInstances}, as many as ${knobName(name, "MAX_INSTANCES")} allows`,
      });
    }
    if (annex.directFrom.length > 0 && !annex.publicIp) {
      const knob = knobName(name, "DIRECT_FROM");
      problems.push({
        ...(byName.get(knob.toUpperCase()) ?? { name: knob, value: undefined, source: undefined }),
        expected: `${knobName(name, "PUBLIC_IP")} = true beside it, without which nodes have no address to be reached at, or no such knob`,
      });
    }
    // A slot attribute would hide the job's attribute of that name from START.
    const read_ = attributeNames(annex.jobs);
    const hiding = Object.keys(annex.slotAttributes).find((attribute) => read_.has(attribute.toLowerCase()));
    if (hiding !== undefined) {
      const knob = knobName(name, "SLOT_ATTRS");
      problems.push({
        ...(byName.get(knob.toUpperCase()) ?? { name: knob, value: undefined, source: undefined }),
        expected: `other attributes than ${hiding}, which ${knobName(name, "JOBS")} reads from the job`,
      });
    }
  }
  // Which knobs are of an annex is known only when the annexes are. Where each schedd has its own, others have others.
  const severalSchedds = settings.some(({ name }) => /^[^.]+\.UPDRAFT_ANNEXES$/i.test(name));
  if (names !== undefined) problems.push(...misspellings(ours, names, severalSchedds));
  return { knobs: { pool, stop, optIn: optInJobs, stateDirectory, credentialDirectory, annexes }, problems };
}

function misspellings(
  settings: readonly Setting[],
  annexes: readonly string[],
  severalSchedds: boolean,
): KnobProblem[] {
  const known = [
    ...GLOBAL_KNOBS.map((knob) => `UPDRAFT_${knob}`),
    ...annexes.flatMap((annex) => ANNEX_SUFFIXES.map((suffix) => knobName(annex, suffix))),
  ];
  const knownNames = new Set(known.map((name) => name.toUpperCase()));
  return settings
    .filter((setting) => !knownNames.has(setting.name.toUpperCase()))
    .flatMap((setting) => {
      const owner = /^UPDRAFT_([A-Za-z0-9]+)_(\w+)$/i.exec(setting.name);
      const unlisted = owner !== null && ANNEX_SUFFIXES.includes((owner[2] ?? "").toUpperCase());
      if (unlisted && severalSchedds) return [];
      const close = !unlisted || nearest(owner[1] ?? "", annexes) !== undefined;
      const guess = close ? nearest(setting.name, known) : undefined;
      return {
        ...setting,
        expected:
          guess !== undefined
            ? `the name ${guess}; there is no knob of this one`
            : unlisted
              ? `UPDRAFT_ANNEXES to name ${(owner[1] ?? "").toLowerCase()}, or this knob to be removed`
              : "no knob of this name, which Updraft does not know",
      };
    });
}

/** One error that tells every problem: knob, value, place, and what would be right. */
export function knobError(problems: readonly KnobProblem[]): UpdraftError {
  const lines = problems.map(({ name, value, source, expected }) =>
    value === undefined
      ? `${name} is not set: expected ${expected}`
      : `${name} = ${value} (${source ?? "unknown place"}): expected ${expected}`,
  );
  return new UpdraftError(
    "config",
    lines.length === 1
      ? (lines[0] ?? "")
      : `${lines.length} knobs are wrong:\n${lines.map((line) => `  ${line}`).join("\n")}`,
    `Correct ${lines.length === 1 ? "it" : "them"} in HTCondor's configuration (config.d), then run the same command again.`,
  );
}

/** The knobs of one annex by name. */
export function annexKnobs(knobs: Knobs, name: string): AnnexKnobs {
  const found = knobs.annexes.find((annex) => annex.name === name);
  if (found !== undefined) return found;
  const names = knobs.annexes.map((annex) => annex.name);
  const guess = nearest(name, names);
  throw new UpdraftError(
    "config",
    `there is no annex ${name}: UPDRAFT_ANNEXES names ${names.length === 0 ? "none" : names.join(", ")}`,
    guess === undefined ? `Add ${name} to UPDRAFT_ANNEXES with its knobs.` : `Did you mean ${guess}?`,
  );
}
