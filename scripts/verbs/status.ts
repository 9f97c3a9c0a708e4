import { journalFile } from "../../adapters/journal-file.ts";
import {
  annexStatus,
  statusRow,
  statusTable,
  describeOrder,
  orderRow,
  type StatusRow,
} from "../../core/status.ts";
import { annexKnobs } from "../../core/knobs.ts";
import { JSON_OUTPUT } from "../options.ts";
import { print, printJson, table } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws, clock } from "./site.ts";

export const status: Verb = {
  name: "status",
  usage: "updraft status [NAME] [--json]",
  summary: "show an annex's instances, or those of every annex",
  options: [JSON_OUTPUT],
  maxPositionals: 1,
  async run(options) {
    const { condor, site, knobs } = await accessPoint();
    const name = options.positionals[0];
    const annexes = name === undefined ? knobs.annexes : [annexKnobs(knobs, name)];
    const rows: StatusRow[] = [];
    for (const annex of annexes) {
      const seen = await annexStatus(
        { clock, ec2: aws(annex.region).ec2, slots: condor.slots },
        { annex: annex.name, pool: site.pool, schedd: site.schedd },
      );
      rows.push(...seen.map((one) => statusRow(annex.name, one, clock.now())));
    }
    const { entries, unreadable } = await journalFile(knobs.stateDirectory).read();
    const orders = entries
      .filter((entry) => annexes.some((annex) => annex.name === entry.annex))
      .map(orderRow);
    if (options.is("json")) {
      printJson({
        pool: site.pool,
        schedd: site.schedd,
        annexes: annexes.map((a) => a.name),
        instances: rows,
        orders,
        unreadableOrders: unreadable,
      });
      return;
    }
    if (rows.length === 0) {
      print(`no instances (${annexes.map((annex) => annex.name).join(", ")})`);
    } else {
      print(table(statusTable(rows, clock.now())));
    }
    for (const order of orders) print(describeOrder(order, clock.now()));
    for (const problem of unreadable) print(`unreadable order: ${problem}`);
  },
};
