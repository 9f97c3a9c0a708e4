import { journalFile } from "../../adapters/journal-file.ts";
import { carryOutDelete, planDelete } from "../../core/delete.ts";
import { annexKnobs } from "../../core/knobs.ts";
import { recordSeen } from "../../core/ledger.ts";
import { ours } from "../../core/place-orders.ts";
import { counted } from "../../core/plural.ts";
import { checkIsFor } from "../../core/user-access.ts";
import { DRY_RUN, JSON_OUTPUT, YES } from "../options.ts";
import { confirm, print, printJson, report } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, annexName, aws, clock } from "./site.ts";
import { exclusively, ledger } from "./state.ts";

const TIMEOUT_SECONDS = 900;

export const deleteVerb: Verb = {
  name: "delete",
  usage: "updraft delete NAME [--yes] [--dry-run] [--json]",
  summary: "end an annex's instances, wait until they are gone, and remove what it keeps in S3",
  options: [YES, { ...DRY_RUN, help: "show what would be ended and removed; change nothing" }, JSON_OUTPUT],
  maxPositionals: 1,
  async run(options) {
    const name = annexName(options, "delete NAME");
    const { site, knobs } = await accessPoint();
    const annex = annexKnobs(knobs, name);
    checkIsFor(annex, site.person);
    const ports = { ...aws(annex.region), journal: journalFile(knobs.stateDirectory) };
    const owner = { annex: annex.name, pool: site.pool, schedd: site.schedd };
    const plan = await planDelete(ports, owner, annex.region, site.person);
    const json = options.is("json");
    const show = json ? report : print;
    const dryRun = options.is("dry-run");
    const ids = plan.instances.map((one) => one.id);
    const told = { annex: name, dryRun, instances: ids, objects: plan.keys };
    if (ids.length === 0 && plan.keys.length === 0) {
      show(`annex ${name}: there is nothing to delete`);
      if (json) printJson({ ...told, terminated: [] });
      return;
    }
    show(
      `annex ${name}: ${counted(ids.length, "instance")}${ids.length === 0 ? "" : ` (${ids.join(", ")})`}, ${counted(plan.keys.length, "object")}`,
    );
    if (dryRun) {
      show("dry run: nothing was ended or removed");
      if (json) printJson({ ...told, terminated: [] });
      return;
    }
    await confirm(`Delete annex ${name}?`, options.is("yes"));
    const { terminated } = await exclusively(site, knobs, async () => {
      const done = await carryOutDelete(ports, plan, TIMEOUT_SECONDS);
      await recordSeen(
        { ...ports, ledger: ledger(knobs) },
        await ours(ports, owner),
        annex.region,
        undefined,
        clock.now(),
      );
      return done;
    });
    show(
      `annex ${name}: ${site.person === undefined ? "deleted, " : ""}${counted(terminated.length, "instance")} terminated`,
    );
    if (site.person !== undefined) show(`what root published for annex ${name} stays`);
    if (json) printJson({ ...told, terminated });
  },
};
