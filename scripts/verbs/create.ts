import { randomBytes } from "node:crypto";
import { journalFile } from "../../adapters/journal-file.ts";
import { refusalsFile } from "../../adapters/refusals-file.ts";
import {
  bootReport,
  describePlan,
  planCreate,
  watch,
  type CreatePlan,
  type CreatePorts,
} from "../../core/create.ts";
import { UpdraftError } from "../../core/errors.ts";
import { limitedBy } from "../../core/fleet-errors.ts";
import type { Seen } from "../../core/instance.ts";
import { TYPES_RULE, annexKnobs, instanceTypeList, knobName } from "../../core/knobs.ts";
import { checkPlanRoom, fleetReasons, placeOrders, reconcile, type Placed } from "../../core/place-orders.ts";
import { writeAnnex } from "../../core/publish.ts";
import { refusedLines } from "../../core/refused-places.ts";
import { parseCount, parseIdle, parseLease, parseProject } from "../../core/request.ts";
import { statusRow } from "../../core/status.ts";
import { formatDuration, parseDuration } from "../../core/time.ts";
import { JSON_OUTPUT, YES } from "../options.ts";
import { confirm, fail, print, printJson, report } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws, clock, local, user } from "./site.ts";
import { exclusively, money } from "./state.ts";

const TIMEOUT = "15m";

export const create: Verb = {
  name: "create",
  usage:
    "updraft create NAME --count N [--lease 8h] [--idle 20m] [--type TYPE]… [--project TEXT] [--ask-again] [--yes] [--dry-run]",
  summary: "order instances for an annex and wait until they have joined the pool",
  options: [
    { name: "count", short: "n", value: "N", help: "how many instances" },
    { name: "lease", value: "TIME", help: "how long they may live: 8h, or a time such as 2030-01-31T18:00Z" },
    { name: "idle", value: "TIME", help: "how long one may stay without a job" },
    { name: "type", value: "TYPE", several: true, help: "instance type, instead of those of the knob" },
    {
      name: "project",
      value: "TEXT",
      help: "what it is for: the tag htcondor:Project, and a group in updraft history",
    },
    {
      name: "ask-again",
      help: "ask EC2 also for the types and zones that it refused a short while ago, and forget those refusals",
    },
    YES,
    { name: "dry-run", help: "check and show the plan; change and launch nothing" },
    { name: "no-wait", help: "do not wait for the instances" },
    { name: "wait", help: "wait for the instances (this is the default)" },
    { name: "timeout", value: "TIME", help: `how long to wait (${TIMEOUT})` },
    JSON_OUTPUT,
  ],
  maxPositionals: 1,
  async run(options) {
    const name = options.positionals[0];
    const count = options.text("count");
    if (name === undefined)
      throw new UpdraftError("usage", "create names no annex", "Run: updraft create NAME --count N");
    if (count === undefined)
      throw new UpdraftError("usage", "create has no --count", "Say how many instances: --count 3");
    const timeoutSeconds = parseDuration(options.text("timeout") ?? TIMEOUT);
    if (options.is("wait") && options.is("no-wait")) {
      throw new UpdraftError("usage", "--wait and --no-wait contradict each other", "Give one of them.");
    }
    if (timeoutSeconds === undefined) {
      throw new UpdraftError(
        "usage",
        `timeout "${options.text("timeout") ?? ""}" is not a duration`,
        "Give one such as 15m.",
      );
    }

    // What is wrong by itself is said before anyone is asked how much is allowed.
    parseCount(count, Number.MAX_SAFE_INTEGER, "");
    const givenLease = options.text("lease");
    if (givenLease !== undefined) parseLease(givenLease, clock.now(), Number.POSITIVE_INFINITY);
    const givenIdle = options.text("idle");
    const idleSeconds = givenIdle === undefined ? undefined : parseIdle(givenIdle);
    const givenProject = options.text("project");
    const project = givenProject === undefined ? undefined : parseProject(givenProject);
    const instanceTypes = types(options.texts("type"));

    const { condor, site, knobs } = await accessPoint();
    const annex = annexKnobs(knobs, name);
    if (knobs.stop) {
      throw new UpdraftError(
        "config",
        "UPDRAFT_STOP is set: nothing is ordered",
        "Set UPDRAFT_STOP = false to order again.",
      );
    }
    const lease = givenLease ?? formatDuration(annex.leaseSeconds);
    const refusals = refusalsFile(knobs.stateDirectory, report);
    const askAgain = options.is("ask-again");
    const ports: CreatePorts = {
      ...aws(annex.region),
      ...local(annex, site),
      ...money(knobs, annex.region),
      slots: condor.slots,
      journal: journalFile(knobs.stateDirectory),
      refusals,
      orderId: () => randomBytes(8).toString("hex"),
    };
    const plan = await planCreate(ports, annex, site, {
      count: parseCount(count, annex.maxInstances, knobName(annex.name, "MAX_INSTANCES")),
      leaseSeconds: (longest) => parseLease(lease, clock.now(), longest),
      idleSeconds: idleSeconds ?? annex.idleSeconds,
      instanceTypes: instanceTypes ?? annex.instanceTypes,
      user: user(),
      project,
    });
    const json = options.is("json");
    const show = json ? report : print;
    for (const line of describePlan(plan, clock.now())) show(line);
    if (!askAgain) for (const line of await refusedLines(ports, plan)) show(line);
    if (options.is("dry-run")) {
      show("dry run: nothing was changed or launched");
      if (json) printJson({ annex: annex.name, dryRun: true, orders: [], instances: [] });
      return;
    }
    await confirm(`Order ${plan.count} instances?`, options.is("yes"));

    const placed = await exclusively(site, knobs, async () => {
      checkPlanRoom(plan, await reconcile(ports, plan.owner, annex.region, true));
      await writeAnnex(ports, plan);
      if (askAgain) await refusals.write([]);
      return placeOrders(ports, plan);
    });
    const launched = placed.flatMap((one) => one.instanceIds);
    for (const reason of fleetReasons(placed)) report(`EC2: ${reason}`);
    if (launched.length === 0) throw nothingLaunched(placed);
    show(`ordered: ${launched.length} of ${plan.count} (${launched.join(", ")})`);
    const wait = !options.is("no-wait");
    const seen = wait ? await watch(ports, plan, placed, timeoutSeconds) : [];
    const answer = {
      annex: annex.name,
      dryRun: false,
      orders: placed.map((one) => ({
        id: one.orderId,
        market: one.market,
        instances: one.instanceIds,
        refused: one.errors,
      })),
      instances: seen.map((one) => statusRow(annex.name, one, clock.now())),
    };
    try {
      if (wait) await tellOutcome(ports, plan, launched, seen, timeoutSeconds, show);
    } catch (error) {
      if (!json) throw error;
      // One document, not two: what was ordered is there although it has not all joined.
      fail(error, json, answer);
      return;
    }
    if (json) printJson(answer);
  },
};

function types(texts: readonly string[]): string[] | undefined {
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

/** Fails unless every instance that was launched has joined, and says of each that has not what it said itself. */
async function tellOutcome(
  ports: CreatePorts,
  plan: CreatePlan,
  launched: readonly string[],
  seen: readonly Seen[],
  timeoutSeconds: number,
  show: (line: string) => void,
): Promise<void> {
  const joined = seen.filter((one) => one.progress === "joined" || one.progress === "claimed");
  const lost = launched.filter((id) => !joined.some((one) => one.id === id));
  if (lost.length === 0) {
    show(`joined: ${joined.length} of ${plan.count}`);
    return;
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
  throw new UpdraftError(
    "failed",
    `${lost.length} of ${launched.length} instances ${how}: ${lost.join(", ")}`,
    `Look with \`updraft status ${plan.annex.name}\`, or end them with \`updraft delete ${plan.annex.name}\`; their lease ends them in any case.`,
  );
}
