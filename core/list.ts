import { isAnnexName } from "./annex.ts";
import { isAlive, viewAnnex, type ViewPorts } from "./annex-view.ts";
import { UpdraftError } from "./errors.ts";
import type { AnnexKnobs } from "./knobs.ts";
import type { CloudFormation } from "./ports.ts";
import { checkPublished, findGround, type ConfigPorts, type SetupPorts } from "./publish.ts";
import type { Site } from "./site.ts";
import { ANNEX_STACK_PREFIX, annexStack } from "./stacks.ts";
import { countStates, describeCounts, type StateCounts } from "./status.ts";
import { formatDuration } from "./time.ts";

export type ListPorts = SetupPorts & ConfigPorts & ViewPorts;

/** An annex that knobs describe. What could not be looked at is undefined, and `problem` says why. */
export type ListRow = {
  readonly annex: string;
  readonly region: string;
  readonly mode: AnnexKnobs["mode"];
  readonly purchase: AnnexKnobs["purchase"];
  readonly setUp: boolean | undefined;
  /** Whether nodes that boot now fetch what the knobs say now. */
  readonly published: boolean | undefined;
  /** Instances that EC2 runs or is about to. */
  readonly alive: number | undefined;
  readonly counts: StateCounts | undefined;
  readonly maxInstances: number;
  readonly leaseSeconds: number;
  readonly problem: string | undefined;
};

/** A neighbour that fails hides nothing of what the others know; its error comes beside the row. */
export async function listAnnex(
  ports: ListPorts,
  annex: AnnexKnobs,
  site: Site,
): Promise<{ readonly row: ListRow; readonly error: UpdraftError | undefined }> {
  const owner = { annex: annex.name, pool: site.pool, schedd: site.schedd };
  const ground = await foreseen(findGround(ports, annex, site));
  const published = ground instanceof UpdraftError ? ground : await foreseen(checkPublished(ports, ground));
  const views = await foreseen(viewAnnex(ports, owner));
  const errors = [...new Set([published, views].filter((one) => one instanceof UpdraftError))];
  const row: ListRow = {
    annex: annex.name,
    region: annex.region,
    mode: annex.mode,
    purchase: annex.purchase,
    setUp: verdict(ground),
    published: ground instanceof UpdraftError && verdict(ground) === false ? false : verdict(published),
    alive: views instanceof UpdraftError ? undefined : views.filter(isAlive).length,
    counts: views instanceof UpdraftError ? undefined : countStates(views),
    maxInstances: annex.maxInstances,
    leaseSeconds: annex.leaseSeconds,
    problem: errors.length === 0 ? undefined : errors.map((one) => one.message).join("; "),
  };
  // That an annex is not set up or not published is an answer.
  return { row, error: errors.find((one) => !isAnswer(one)) };
}

async function foreseen<T>(work: Promise<T>): Promise<T | UpdraftError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof UpdraftError) return error;
    throw error;
  }
}

function isAnswer(error: UpdraftError): boolean {
  return error.kind === "config";
}

/** False when it was found wanting, undefined when nobody could look. */
function verdict(found: unknown): boolean | undefined {
  if (!(found instanceof UpdraftError)) return true;
  return isAnswer(found) ? false : undefined;
}

/** An annex that has a stack of this pool, and no knobs on this access point. */
export type Stray = { readonly annex: string; readonly region: string; readonly status: string };

/** It may be another access point's of this pool, or one whose knobs were removed before `updraft teardown`. */
export async function findStrays(
  cloudFormation: Pick<CloudFormation, "names" | "stack">,
  region: string,
  pool: string,
  annexes: readonly AnnexKnobs[],
): Promise<Stray[]> {
  const known = new Set(annexes.filter((one) => one.region === region).map((one) => annexStack(one.name)));
  const names = (await cloudFormation.names(ANNEX_STACK_PREFIX)).filter(
    (name) => !known.has(name) && isAnnexName(name.slice(ANNEX_STACK_PREFIX.length)),
  );
  const found: Stray[] = [];
  for (const name of names) {
    const stack = await cloudFormation.stack(name);
    if (stack?.parameters["Pool"] !== pool) continue;
    found.push({ annex: name.slice(ANNEX_STACK_PREFIX.length), region, status: stack.status });
  }
  return found;
}

/** A table's cells, heading first. */
export function listTable(rows: readonly ListRow[]): string[][] {
  const word = (value: boolean | undefined): string => (value === undefined ? "?" : value ? "yes" : "no");
  return [
    ["ANNEX", "REGION", "MODE", "PURCHASE", "SET UP", "PUBLISHED", "ALIVE", "LEASE", "INSTANCES"],
    ...rows.map((row) => [
      row.annex,
      row.region,
      row.mode,
      row.purchase,
      word(row.setUp),
      word(row.published),
      `${row.alive ?? "?"} of ${row.maxInstances}`,
      formatDuration(row.leaseSeconds),
      row.counts === undefined ? "?" : describeCounts(row.counts),
    ]),
  ];
}

export function describeStray({ annex, region, status }: Stray): string {
  return `annex ${annex} in ${region}: it has a stack of this pool (${status}) and no knobs here; it is another access point's, or was left by one whose knobs were removed`;
}
