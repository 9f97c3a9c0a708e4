import { journalFile } from "../../adapters/journal-file.ts";
import { carryOutDelete, planDelete } from "../../core/delete.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs, type Knobs } from "../../core/knobs.ts";
import { parseRegion } from "../../core/request.ts";
import type { Site } from "../../core/site.ts";
import {
  describeTeardown,
  isEmpty,
  planTearDownAccount,
  planTearDownAnnex,
  proveGone,
  refuseOrdering,
  tearDownAccount,
  tearDownAnnex,
  type Proof,
  type Removed,
  type TeardownPlan,
} from "../../core/teardown.ts";
import { JSON_OUTPUT, YES, type Options } from "../options.ts";
import { confirm, fail, print, printJson, refuseUnasked, report } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws } from "./site.ts";
import { exclusively } from "./state.ts";

const TERMINATE_SECONDS = 900;

export const teardown: Verb = {
  name: "teardown",
  usage: "updraft teardown --annex NAME [--terminate] | updraft teardown --region REGION [--yes]",
  summary: "undo what setup made and prove that it is gone; refuses while instances live",
  options: [
    { name: "annex", value: "NAME", help: "the annex whose stack and objects go" },
    { name: "region", value: "REGION", help: "the region whose bucket, enforcer and policies go" },
    {
      name: "terminate",
      help: "with --annex: end its instances first, busy or not (needs the operator policy too)",
    },
    YES,
    JSON_OUTPUT,
  ],
  maxPositionals: 0,
  async run(options) {
    const given = options.text("region");
    const region = given === undefined ? undefined : parseRegion(given);
    const name = options.text("annex");
    if ((region === undefined) === (name === undefined)) {
      throw new UpdraftError(
        "usage",
        "teardown needs either --annex or --region, not both",
        "Tear down every annex first, then the region.",
      );
    }
    if (name === undefined && options.is("terminate")) {
      throw new UpdraftError(
        "usage",
        "--terminate goes with --annex",
        "Tear down every annex first, then the region.",
      );
    }
    refuseUnasked(`Tear down ${name ?? region ?? ""}?`, options.is("yes"));
    if (name !== undefined) await annexGone(name, options);
    else await regionGone(region ?? "", options);
  },
};

async function annexGone(name: string, options: Options): Promise<void> {
  const { site, knobs } = await accessPoint();
  const annex = annexKnobs(knobs, name);
  refuseOrdering(annex, knobs);
  const terminated = options.is("terminate") ? await terminate(name, annex.region, site, knobs, options) : [];
  const ports = { ...aws(annex.region), journal: journalFile(knobs.stateDirectory) };
  const plan = await planTearDownAnnex(ports, name, annex.region, site);
  if (!(await agreed(plan, options))) {
    tell(options, plan, terminated, NOTHING, { gone: [], left: [], kept: [] });
    return;
  }
  const removed = await exclusively(site, knobs, () => tearDownAnnex(ports, plan));
  tell(options, plan, terminated, removed, await proveGone(ports, plan, removed, name));
}

async function regionGone(region: string, options: Options): Promise<void> {
  const ports = aws(region);
  const plan = await planTearDownAccount(ports, region);
  if (!(await agreed(plan, options))) {
    tell(options, plan, [], NOTHING, { gone: [], left: [], kept: [] });
    return;
  }
  const removed = await tearDownAccount(ports, plan);
  tell(options, plan, [], removed, await proveGone(ports, plan, removed, undefined));
}

const NOTHING: Removed = { attachments: [], objects: 0, resources: [] };

/** Shows what will be taken away and asks; false when there is nothing. */
async function agreed(plan: TeardownPlan, options: Options): Promise<boolean> {
  const show = options.is("json") ? report : print;
  for (const line of describeTeardown(plan)) show(line);
  if (isEmpty(plan)) return false;
  await confirm(`Tear down ${plan.stack} in ${plan.region}?`, options.is("yes"));
  return true;
}

/** Ends the annex's instances as `delete` does, and waits until they are gone. */
async function terminate(
  name: string,
  region: string,
  site: Site,
  knobs: Knobs,
  options: Options,
): Promise<readonly string[]> {
  const ports = { ...aws(region), journal: journalFile(knobs.stateDirectory) };
  const plan = await planDelete(ports, { annex: name, pool: site.pool, schedd: site.schedd }, region);
  if (plan.instances.length === 0) return [];
  report(
    `annex ${name}: ${plan.instances.length} instances (${plan.instances.map(({ id }) => id).join(", ")})`,
  );
  await confirm(`Terminate them, with the jobs that they run?`, options.is("yes"));
  const { terminated } = await exclusively(site, knobs, () => carryOutDelete(ports, plan, TERMINATE_SECONDS));
  return terminated;
}

function tell(
  options: Options,
  { stack, region }: TeardownPlan,
  instances: readonly string[],
  removed: Removed,
  { gone, left, kept }: Proof,
): void {
  const answer = {
    stack,
    region,
    removed: {
      instances,
      attachments: removed.attachments,
      objects: removed.objects,
      resources: removed.resources
        .filter(({ status }) => status === "DELETE_COMPLETE")
        .map(({ type, id }) => ({ type, id })),
    },
    left,
    kept,
  };
  if (left.length > 0) {
    const error = new UpdraftError(
      "failed",
      `still there: ${left.map(({ type, id }) => `${type} ${id}`).join(", ")}`,
      "Run the same command again; what stays then has to be removed by hand.",
    );
    fail(error, options.is("json"), answer);
    return;
  }
  if (options.is("json")) {
    printJson(answer);
    return;
  }
  for (const line of gone) print(`gone: ${line}`);
  for (const role of kept) print(`kept: ${role}, which others in this account may use`);
}
