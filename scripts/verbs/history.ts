import { UpdraftError } from "../../core/errors.ts";
import {
  GROUPINGS,
  history as accountsOf,
  historyNotes,
  historyTable,
  lives,
  type Grouping,
} from "../../core/history.ts";
import { isLive, type Instance } from "../../core/instance.ts";
import { annexKnobs, type AnnexKnobs, type Knobs } from "../../core/knobs.ts";
import { unrecorded, type LedgerRecord } from "../../core/ledger.ts";
import { findPricing, type Pricing } from "../../core/liability.ts";
import { ours } from "../../core/place-orders.ts";
import { launchable } from "../../core/plan-order.ts";
import { parseSince } from "../../core/request.ts";
import type { Site } from "../../core/site.ts";
import { JSON_OUTPUT } from "../options.ts";
import { print, printJson, report, table } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws, clock } from "./site.ts";
import { keptPrices, ledger } from "./state.ts";

export const history: Verb = {
  name: "history",
  usage: "updraft history [NAME] [--since TIME] [--by annex|owner|project|order] [--json]",
  summary:
    "account for what ran: instances, machine-hours and their estimated cost, those that run now included",
  options: [
    { name: "since", value: "TIME", help: "only from then on: 7d ago, 2030-01-31, or 2030-01-31T18:00Z" },
    { name: "by", value: "GROUP", help: `one line for each ${GROUPINGS.join(", ")} (annex)` },
    JSON_OUTPUT,
  ],
  maxPositionals: 1,
  async run(options) {
    const now = clock.now();
    const givenSince = options.text("since");
    const since = givenSince === undefined ? 0 : parseSince(givenSince, now);
    const by = grouping(options.text("by") ?? "annex");

    const { site, knobs } = await accessPoint();
    const name = options.positionals[0];
    const annexes = name === undefined ? knobs.annexes : [annexKnobs(knobs, name)];
    const { records, unreadable } = await ledger(knobs).read();
    const all: LedgerRecord[] = [...records];
    const alive = new Map<string, ReadonlySet<string>>();
    for (const annex of annexes) {
      const seen = await shown(site, knobs, annex);
      if (seen === undefined) continue;
      alive.set(annex.name, new Set(seen.instances.filter(isLive).map(({ id }) => id)));
      all.push(...unrecorded(records, seen.instances, annex.region, seen.pricing, now));
    }
    const known = lives(all, alive, now).filter(({ row }) => name === undefined || row.annex === name);
    const { accounts, total } = accountsOf(known, by, since);
    if (options.is("json")) {
      printJson({ since, by, accounts, total, unreadable });
      return;
    }
    print(table(historyTable(by, accounts, total)));
    for (const note of historyNotes(total, unreadable)) report(note);
  },
};

function grouping(text: string): Grouping {
  const found = GROUPINGS.find((one) => one === text);
  if (found !== undefined) return found;
  throw new UpdraftError("usage", `--by ${text}: expected one of ${GROUPINGS.join(", ")}`, "Correct --by.");
}

/** What EC2 still shows of an annex; undefined when it cannot be asked: the ledger has history without it. */
async function shown(
  site: Site,
  knobs: Knobs,
  annex: AnnexKnobs,
): Promise<{ readonly instances: readonly Instance[]; readonly pricing: Pricing | undefined } | undefined> {
  const { ec2, imageId } = aws(annex.region);
  const owner = { annex: annex.name, pool: site.pool, schedd: site.schedd };
  try {
    const instances = await ours({ ec2 }, owner);
    const prices = keptPrices(knobs).book;
    const pricing = await launchable(ec2, annex, await imageId(annex.image))
      .then((image) => findPricing({ ec2, prices }, annex, image, Number.POSITIVE_INFINITY, instances))
      .catch(foreseen);
    return { instances, pricing };
  } catch (error) {
    foreseen(error);
    report(`annex ${annex.name}: only the ledger tells: ${(error as Error).message}`);
    return undefined;
  }
}

function foreseen(error: unknown): undefined {
  if (!(error instanceof UpdraftError)) throw error;
}
