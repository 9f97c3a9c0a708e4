import { isAlive, viewAnnex } from "../../core/annex-view.ts";
import { describePlan, planCreate, type CreatePlan } from "../../core/create.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs, knobName } from "../../core/knobs.ts";
import { recordSeen } from "../../core/ledger.ts";
import { NOTHING_ORDERED, planAnswer, type OrderAnswer } from "../../core/order-answer.ts";
import { checkPlanRoom, look, ours, placeOrders, reconcile, type Placed } from "../../core/place-orders.ts";
import { writeAnnex } from "../../core/publish.ts";
import { counted } from "../../core/plural.ts";
import { parseSize } from "../../core/request.ts";
import {
  describeResize,
  planResize,
  release,
  shrinkProblem,
  watchRelease,
  withdraw,
  withinAgreed,
  type ResizePlan,
} from "../../core/resize.ts";
import { viewRow } from "../../core/status.ts";
import { checkIsFor } from "../../core/user-access.ts";
import { DRY_RUN, JSON_OUTPUT, YES } from "../options.ts";
import { confirm, fail, print, printJson, report } from "../output.ts";
import type { Verb } from "../verb.ts";
import { looking } from "./look.ts";
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

export const resize: Verb = {
  name: "resize",
  usage:
    "updraft resize NAME --count N [--busy] [--lease 8h] [--idle 20m] [--type TYPE]… [--yes] [--dry-run]",
  summary: "order what is missing to N instances, or release what is too many",
  options: [
    { name: "count", short: "n", value: "N", help: "how many instances the annex shall have; 0: none" },
    {
      name: "busy",
      help: "release busy instances too, when unclaimed ones do not suffice; they end with their jobs",
    },
    ...TERM_OPTIONS,
    YES,
    { ...DRY_RUN, help: "show what would be ordered or released; change and launch nothing" },
    ...WAIT_OPTIONS,
    JSON_OUTPUT,
  ],
  maxPositionals: 1,
  async run(options) {
    const name = annexName(options, "resize NAME --count N");
    const count = options.text("count");
    if (count === undefined) {
      throw new UpdraftError(
        "usage",
        "resize has no --count",
        "Say how many instances there shall be: --count 3",
      );
    }
    const wait = waiting(options);
    parseSize(count, Number.MAX_SAFE_INTEGER, "");
    const given = terms(options);
    const busy = options.is("busy");

    const { condor, site, knobs } = await accessPoint();
    const annex = annexKnobs(knobs, name);
    checkIsFor(annex, site.person);
    const wanted = parseSize(count, annex.maxInstances, knobName(annex.name, "MAX_INSTANCES"));
    const owner = { annex: annex.name, pool: site.pool, schedd: site.schedd };
    const ports = { ...looking(annex, knobs, condor, site), ...createPorts(annex, site, knobs, condor) };
    const views = await viewAnnex(ports, owner);
    const { unseen } = await look(ports, owner, annex.region);
    const agreed = planResize(views, unseen, wanted, busy);
    let order: CreatePlan | undefined;
    if (agreed.order > 0) {
      refuseWhenStopped(knobs);
      order = await planCreate(ports, annex, site, orderRequest(annex, agreed.order, given));
    }

    const json = options.is("json");
    const show = json ? report : print;
    for (const line of describeResize(annex.name, agreed)) show(line);
    if (order !== undefined) for (const line of describePlan(order, clock.now())) show(line);
    else if (given.words.length > 0) show(`nothing is to be ordered: ${given.words.join(" ")} has no effect`);
    const dryRun = options.is("dry-run");
    const told = {
      annex: annex.name,
      dryRun,
      resize: agreed,
      plan: order && planAnswer(order, clock.now()),
    };
    if (dryRun) {
      show("dry run: nothing was changed or launched");
      if (json) printJson({ ...told, ...NOTHING_ORDERED });
      return;
    }
    const problem = shrinkProblem(annex.name, agreed);
    if (problem !== undefined) throw problem;
    const question = ask(agreed);
    if (question !== undefined) await confirm(question, options.is("yes"));

    const done = await exclusively(site, knobs, async () => {
      // An order that a killed run may not have sent is sent again, unless there are too many anyhow.
      const replay = !knobs.stop && agreed.staying <= wanted;
      const known = await reconcile(ports, owner, annex.region, replay);
      const now = withinAgreed(planResize(await viewAnnex(ports, owner), known.unseen, wanted, busy), agreed);
      await withdraw(ports, now.withdraw);
      let placed: Placed[] = [];
      const plan = order && { ...order, count: now.order };
      if (plan !== undefined && plan.count > 0) {
        checkPlanRoom(plan, known);
        await writeAnnex(ports, plan);
        placed = await placeOrders(ports, plan);
      }
      await release(ports, now);
      return { now, plan, placed };
    });

    const again = ["updraft", "resize", annex.name, "--count", String(wanted), ...given.words];
    let answer: OrderAnswer = NOTHING_ORDERED;
    const problems: UpdraftError[] = [];
    if (done.plan !== undefined && done.placed.length > 0) {
      answer = tellPlaced(done.plan, done.placed, () => again, show);
      const followed = await follow(ports, done.plan, done.placed, wait, show);
      if (followed.problem !== undefined) problems.push(followed.problem);
    }
    const shrunk = await watchRelease(ports, owner, done.now, {
      busy,
      timeoutSeconds: wait.wait ? wait.timeoutSeconds : 0,
    });
    await recordSeen(ports, await ours(ports, owner), annex.region, undefined, clock.now());
    const last = (await viewAnnex(ports, owner)).filter((one) => one.state !== "gone");
    const staying = last.filter((one) => isAlive(one) && !one.released);
    const atWork = last.filter((one) => isAlive(one) && one.released && one.busy).length;
    show(
      `annex ${annex.name}: ${counted(staying.length, "instance")}, ${staying.filter((one) => one.busy).length} busy` +
        (atWork === 0 ? "" : `; ${atWork} more, released, to end with their jobs`),
    );
    if (staying.length < wanted && answer.continue === undefined)
      show(`to order what is missing: ${again.join(" ")}`);
    if (wait.wait && shrunk.left.length > 0) problems.push(notEnded(annex.name, shrunk.left));
    const rates = await ports.rates(last.flatMap((one) => one.seen ?? []));
    const whole = {
      ...told,
      resize: done.now,
      ...answer,
      ended: shrunk.ended,
      stayed: shrunk.stayed,
      instances: last.map((one) => viewRow(annex.name, one, clock.now(), rates)),
    };
    const [first] = problems;
    if (first !== undefined) fail(first, json, whole);
    else if (json) printJson(whole);
  },
};

/** Undefined when there is nothing to do. */
function ask(plan: ResizePlan): string | undefined {
  const parts = [];
  if (plan.withdraw.length > 0) parts.push(`keep ${plan.withdraw.length} that were released`);
  if (plan.order > 0) parts.push(`order ${plan.order}`);
  if (plan.release.length > 0) parts.push(`release ${plan.release.length} unclaimed`);
  if (plan.releaseBusy.length > 0) parts.push(`release ${plan.releaseBusy.length} busy`);
  if (parts.length === 0) return undefined;
  const text = parts.join(" and ");
  return `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}?`;
}

function notEnded(annex: string, ids: readonly string[]): UpdraftError {
  return new UpdraftError(
    "failed",
    `of what was released ${counted(ids.length, "instance")} ${ids.length === 1 ? "has" : "have"} not ended: ${ids.join(", ")}`,
    `Each ends as soon as its node sees the release and is unclaimed, at the latest with its lease. Look with \`updraft status ${annex}\`, or run the same command again.`,
  );
}
