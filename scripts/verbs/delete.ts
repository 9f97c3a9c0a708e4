import { journalFile } from "../../adapters/journal-file.ts";
import { carryOutDelete, planDelete } from "../../core/delete.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs } from "../../core/knobs.ts";
import { recordSeen } from "../../core/ledger.ts";
import { ours } from "../../core/place-orders.ts";
import { JSON_OUTPUT, YES } from "../options.ts";
import { confirm, print, printJson, report } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws, clock } from "./site.ts";
import { exclusively, ledger } from "./state.ts";

const TIMEOUT_SECONDS = 900;

export const deleteVerb: Verb = {
  name: "delete",
  usage: "updraft delete NAME [--yes] [--json]",
  summary: "end an annex's instances, wait until they are gone, and remove what it keeps in S3",
  options: [YES, JSON_OUTPUT],
  maxPositionals: 1,
  async run(options) {
    const name = options.positionals[0];
    if (name === undefined)
      throw new UpdraftError("usage", "delete names no annex", "Run: updraft delete NAME");
    const { site, knobs } = await accessPoint();
    const annex = annexKnobs(knobs, name);
    const ports = { ...aws(annex.region), journal: journalFile(knobs.stateDirectory) };
    const owner = { annex: annex.name, pool: site.pool, schedd: site.schedd };
    const plan = await planDelete(ports, owner, annex.region);
    const json = options.is("json");
    const show = json ? report : print;
    if (plan.instances.length === 0 && plan.keys.length === 0) {
      show(`annex ${name}: there is nothing to delete`);
      if (json) printJson({ annex: name, terminated: [] });
      return;
    }
    const ids = plan.instances.map((one) => one.id);
    show(
      `annex ${name}: ${ids.length} instances${ids.length === 0 ? "" : ` (${ids.join(", ")})`}, ${plan.keys.length} objects`,
    );
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
    show(`annex ${name}: deleted, ${terminated.length} instances terminated`);
    if (json) printJson({ annex: name, terminated });
  },
};
