import { describePlan, planCreate } from "../../core/create.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs, knobName } from "../../core/knobs.ts";
import { NOTHING_ORDERED, planAnswer } from "../../core/order-answer.ts";
import { checkPlanRoom, placeOrders, reconcile } from "../../core/place-orders.ts";
import { counted } from "../../core/plural.ts";
import { writeAnnex } from "../../core/publish.ts";
import { refusedLines } from "../../core/refused-places.ts";
import { parseCount } from "../../core/request.ts";
import { DRY_RUN, JSON_OUTPUT, YES, type OptionRow, type Options } from "../options.ts";
import { confirm, fail, print, printJson, report } from "../output.ts";
import type { Verb } from "../verb.ts";
import {
  TERM_OPTIONS,
  WAIT_OPTIONS,
  createPorts,
  follow,
  orderRequest,
  refuseWhenStopped,
  tellPlaced,
  terms,
  waiting,
} from "./ordering.ts";
import { accessPoint, annexName, clock } from "./site.ts";
import { exclusively } from "./state.ts";

const COUNT: OptionRow = { name: "count", short: "n", value: "N", help: "how many instances" };

const ASK_AGAIN: OptionRow = {
  name: "ask-again",
  help: "ask EC2 also for the types and zones that it refused a short while ago, and forget those refusals",
};

export const create: Verb = {
  name: "create",
  usage:
    "updraft create NAME --count N [--lease 8h] [--idle 20m] [--type TYPE]… [--project TEXT] [--ask-again] [--yes] [--dry-run]",
  summary: "order instances for an annex and wait until they have joined the pool",
  options: [COUNT, ...TERM_OPTIONS, ASK_AGAIN, YES, DRY_RUN, ...WAIT_OPTIONS, JSON_OUTPUT],
  maxPositionals: 1,
  run: (options) => order("create", options, options.is("dry-run")),
};

export const plan: Verb = {
  name: "plan",
  usage: "updraft plan NAME --count N [--lease 8h] [--idle 20m] [--type TYPE]… [--project TEXT] [--json]",
  summary: "show what create would order and what it would cost; change and launch nothing",
  options: [COUNT, ...TERM_OPTIONS, JSON_OUTPUT],
  maxPositionals: 1,
  run: (options) => order("plan", options, true),
};

async function order(verb: string, options: Options, dryRun: boolean): Promise<void> {
  const name = annexName(options, `${verb} NAME --count N`);
  const count = options.text("count");
  if (count === undefined) {
    throw new UpdraftError("usage", `${verb} has no --count`, "Say how many instances: --count 3");
  }
  const wait = waiting(options);
  parseCount(count, Number.MAX_SAFE_INTEGER, "");
  const given = terms(options);

  const { condor, site, knobs } = await accessPoint();
  const annex = annexKnobs(knobs, name);
  refuseWhenStopped(knobs);
  const ports = createPorts(annex, site, knobs, condor);
  const wanted = parseCount(count, annex.maxInstances, knobName(annex.name, "MAX_INSTANCES"));
  const plan = await planCreate(ports, annex, site, orderRequest(annex, wanted, given));
  const json = options.is("json");
  const show = json ? report : print;
  for (const line of describePlan(plan, clock.now())) show(line);
  const askAgain = options.is(ASK_AGAIN.name);
  if (!askAgain) for (const line of await refusedLines(ports, plan)) show(line);
  const told = { annex: annex.name, dryRun, plan: planAnswer(plan, clock.now()) };
  if (dryRun) {
    show("dry run: nothing was changed or launched");
    if (json) printJson({ ...told, ...NOTHING_ORDERED });
    return;
  }
  await confirm(`Order ${counted(plan.count, "instance")}?`, options.is("yes"));

  const placed = await exclusively(site, knobs, async () => {
    checkPlanRoom(plan, await reconcile(ports, plan.owner, annex.region, true));
    await writeAnnex(ports, plan);
    if (askAgain) await ports.refusals?.write([]);
    return placeOrders(ports, plan);
  });
  const answer = tellPlaced(
    plan,
    placed,
    (missing) => ["updraft", "create", annex.name, "--count", String(missing), ...given.words],
    show,
  );
  const { instances, problem } = await follow(ports, plan, placed, wait, show);
  const whole = { ...told, ...answer, instances };
  // One document, not two: what was ordered is there although it has not all joined.
  if (problem !== undefined) fail(problem, json, whole);
  else if (json) printJson(whole);
}
