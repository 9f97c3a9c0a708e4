import { UpdraftError } from "../../core/errors.ts";
import {
  describeStray,
  findStrays,
  listAnnex,
  listTable,
  type ListRow,
  type Stray,
} from "../../core/list.ts";
import { JSON_OUTPUT } from "../options.ts";
import { fail, print, printJson, report, table } from "../output.ts";
import type { Verb } from "../verb.ts";
import { looking } from "./look.ts";
import { accessPoint, aws, local } from "./site.ts";

export const list: Verb = {
  name: "list",
  usage: "updraft list [--json]",
  summary: "show the annexes of this access point: where, set up or not, published or not, how many",
  options: [JSON_OUTPUT],
  maxPositionals: 0,
  async run(options) {
    const { condor, site, knobs } = await accessPoint();
    const rows: ListRow[] = [];
    const errors: UpdraftError[] = [];
    for (const annex of knobs.annexes) {
      const ports = { ...looking(annex, knobs, condor, site), ...local(annex, site, knobs) };
      const { row, error } = await listAnnex(ports, annex, site);
      rows.push(row);
      if (error !== undefined) errors.push(error);
    }
    const strays: Stray[] = [];
    for (const region of new Set(knobs.annexes.map((one) => one.region))) {
      try {
        strays.push(...(await findStrays(aws(region).cloudFormation, region, site.pool, knobs.annexes)));
      } catch (error) {
        if (!(error instanceof UpdraftError)) throw error;
        // The operator's policy does not list stacks; an administrator's does.
        report(`annexes without knobs in ${region} are not known: ${error.message}`);
      }
    }
    const json = options.is("json");
    const answer = { pool: site.pool, schedd: site.schedd, annexes: rows, withoutKnobs: strays };
    if (!json) {
      print(table(listTable(rows)));
      for (const row of rows) if (row.problem !== undefined) print(row.problem);
      for (const stray of strays) print(describeStray(stray));
    }
    const [first] = errors;
    if (first !== undefined) fail(first, json, answer);
    else if (json) printJson(answer);
  },
};
