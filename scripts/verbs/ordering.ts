import { randomBytes } from "node:crypto";
import { journalFile } from "../../adapters/journal-file.ts";
import { refusalsFile } from "../../adapters/refusals-file.ts";
import { bootReport, watch, type CreatePlan, type CreatePorts } from "../../core/create.ts";
import { UpdraftError } from "../../core/errors.ts";
import { limitedBy } from "../../core/fleet-errors.ts";
import type { Seen } from "../../core/instance.ts";
import { TYPES_RULE, instanceTypeList } from "../../core/knob-values.ts";
import { knobName, type AnnexKnobs, type Knobs } from "../../core/knobs.ts";
import { commandLine, orderAnswer, type OrderAnswer } from "../../core/order-answer.ts";
import { fleetReasons, type Placed } from "../../core/place-orders.ts";
import type { OrderRequest } from "../../core/plan-order.ts";
import { parseIdle, parseLease, parseProject } from "../../core/request.ts";
import type { Site } from "../../core/site.ts";
import { statusRow } from "../../core/status.ts";
import { formatDuration, parseDuration } from "../../core/time.ts";
import type { OptionRow, Options } from "../options.ts";
import { report } from "../output.ts";
import { aws, clock, local, user } from "./site.ts";
import { money } from "./state.ts";
import type { Condor } from "../../adapters/condor.ts";

const TIMEOUT = "15m";

/** How what is ordered shall be. */
export const TERM_OPTIONS: readonly OptionRow[] = [
  { name: "lease", value: "TIME", help: "how long they may live: 8h, or a time such as 2030-01-31T18:00Z" },
  { name: "idle", value: "TIME", help: "how long one may stay without a job" },
  { name: "type", value: "TYPE", several: true, help: "instance type, instead of those of the knob" },
  {
    name: "project",
    value: "TEXT",
    help: "what it is for: the tag htcondor:Project, and a group in updraft history",
  },
];

export const WAIT_OPTIONS: readonly OptionRow[] = [
  { name: "no-wait", help: "do not wait for the instances" },
  { name: "wait", help: "wait for the instances (this is the default)" },
  { name: "timeout", value: "TIME", help: `how long to wait (${TIMEOUT})` },
];

/** An order's options, as far as they can be checked by themselves. */
export type Terms = {
  readonly lease: string | undefined;
  readonly idleSeconds: number | undefined;
  readonly instanceTypes: readonly string[] | undefined;
  readonly project: string | undefined;
  /** The options as they were given: the command that continues repeats them. */
  readonly words: readonly string[];
};

export type Waiting = { readonly wait: boolean; readonly timeoutSeconds: number };

/** What is wrong by itself is said before anyone is asked how much is allowed. */
export function terms(options: Options): Terms {
  const lease = options.text("lease");
  if (lease !== undefined) parseLease(lease, clock.now(), Number.POSITIVE_INFINITY);
  const idle = options.text("idle");
  const types = options.texts("type");
  const project = options.text("project");
  return {
    lease,
    idleSeconds: idle === undefined ? undefined : parseIdle(idle),
    instanceTypes: typeList(types),
    project: project === undefined ? undefined : parseProject(project),
    words: [
      ...(lease === undefined ? [] : ["--lease", lease]),
      ...(idle === undefined ? [] : ["--idle", idle]),
      ...types.flatMap((type) => ["--type", type]),
      ...(project === undefined ? [] : ["--project", project]),
    ],
  };
}

export function waiting(options: Options): Waiting {
  const timeout = options.text("timeout") ?? TIMEOUT;
  const timeoutSeconds = parseDuration(timeout);
  if (options.is("wait") && options.is("no-wait")) {
    throw new UpdraftError("usage", "--wait and --no-wait contradict each other", "Give one of them.");
  }
  if (options.is("no-wait") && options.text("timeout") !== undefined) {
    throw new UpdraftError("usage", "--no-wait and --timeout contradict each other", "Give one of them.");
  }
  if (timeoutSeconds === undefined) {
    throw new UpdraftError("usage", `timeout "${timeout}" is not a duration`, "Give one such as 15m.");
  }
  return { wait: !options.is("no-wait"), timeoutSeconds };
}

function typeList(texts: readonly string[]): string[] | undefined {
  if (texts.length === 0) return undefined;
  try {
    return instanceTypeList(texts.join(","));
  } catch (error) {
    throw new UpdraftError(
      "usage",
      `--type ${texts.join(" ")}: expected ${TYPES_RULE}`,
      "Correct --type.",
      error,
    );
  }
}

export function refuseWhenStopped(knobs: Knobs): void {
  if (!knobs.stop) return;
  throw new UpdraftError(
    "config",
    "UPDRAFT_STOP is set: nothing is ordered",
    "Set UPDRAFT_STOP = false to order again.",
  );
}

export function createPorts(annex: AnnexKnobs, site: Site, knobs: Knobs, condor: Condor): CreatePorts {
  return {
    ...aws(annex.region),
    ...local(annex, site, knobs),
    ...money(knobs, annex.region),
    slots: condor.slots,
    journal: journalFile(knobs.stateDirectory),
    refusals: refusalsFile(knobs.stateDirectory, report),
    orderId: () => randomBytes(8).toString("hex"),
  };
}

export function orderRequest(annex: AnnexKnobs, count: number, given: Terms): OrderRequest {
  const { lease } = given;
  return {
    count,
    leaseSeconds: (longest) =>
      lease === undefined
        ? parseLease(formatDuration(annex.leaseSeconds), clock.now(), longest, knobName(annex.name, "LEASE"))
        : parseLease(lease, clock.now(), longest),
    idleSeconds: given.idleSeconds ?? annex.idleSeconds,
    instanceTypes: given.instanceTypes ?? annex.instanceTypes,
    typesOption: given.instanceTypes === undefined ? undefined : "--type",
    user: user(),
    project: given.project,
  };
}

/** Tells what EC2 launched and why not more; fails when it launched nothing. */
export function tellPlaced(
  plan: CreatePlan,
  placed: readonly Placed[],
  again: (missing: number) => readonly string[],
  show: (line: string) => void,
): OrderAnswer {
  const launched = placed.flatMap((one) => one.instanceIds);
  const answer = orderAnswer(plan.count, placed, (missing) => commandLine(again(missing)));
  for (const reason of answer.reasons) report(`EC2: ${reason}`);
  if (launched.length === 0) throw nothingLaunched(placed);
  show(`ordered: ${launched.length} of ${plan.count} (${launched.join(", ")})`);
  if (answer.continue !== undefined) show(`${answer.missing} are missing; to order them: ${answer.continue}`);
  return answer;
}

function nothingLaunched(placed: readonly Placed[]): UpdraftError {
  const reasons = fleetReasons(placed);
  const denied = limitedBy(placed.flatMap((one) => one.errors)) === "Denied";
  return new UpdraftError(
    denied ? "denied" : "capacity",
    `EC2 launched nothing${reasons.length === 0 ? "" : `: ${reasons.join("; ")}`}`,
    denied
      ? "Use credentials that have Updraft's operator policy, and run updraft setup --annex again."
      : "Add instance types or subnets in other zones, or try again later.",
  );
}

/** Waits for what was launched, or looks once; says at the end who has not joined, and what it said itself. */
export async function follow(
  ports: CreatePorts,
  plan: CreatePlan,
  placed: readonly Placed[],
  { wait, timeoutSeconds }: Waiting,
  show: (line: string) => void,
): Promise<{ readonly instances: OrderAnswer["instances"]; readonly problem: UpdraftError | undefined }> {
  const seen = await watch(ports, plan, placed, wait ? timeoutSeconds : 0);
  const instances = seen.map((one) => statusRow(plan.annex.name, one, clock.now()));
  const launched = placed.flatMap((one) => one.instanceIds);
  const problem = wait ? await outcome(ports, plan, launched, seen, timeoutSeconds, show) : undefined;
  return { instances, problem };
}

/** Undefined when every instance that was launched has joined. */
async function outcome(
  ports: CreatePorts,
  plan: CreatePlan,
  launched: readonly string[],
  seen: readonly Seen[],
  timeoutSeconds: number,
  show: (line: string) => void,
): Promise<UpdraftError | undefined> {
  const joined = seen.filter((one) => one.progress === "joined" || one.progress === "claimed");
  const lost = launched.filter((id) => !joined.some((one) => one.id === id));
  if (lost.length === 0) {
    show(`joined: ${joined.length} of ${plan.count}`);
    return undefined;
  }
  for (const id of lost) {
    const said = await bootReport(ports, plan, id);
    if (said !== undefined) report(`${id} reported: ${said}`);
  }
  const ended = seen.filter((one) => lost.includes(one.id) && ["ending", "gone"].includes(one.progress));
  const how =
    ended.length === lost.length
      ? "ended before they had joined"
      : `have not joined within ${formatDuration(timeoutSeconds)}`;
  return new UpdraftError(
    "failed",
    `${lost.length} of ${launched.length} instances ${how}: ${lost.join(", ")}`,
    `Look with \`updraft status ${plan.annex.name}\`, or end them with \`updraft delete ${plan.annex.name}\`; their lease ends them in any case.`,
  );
}
