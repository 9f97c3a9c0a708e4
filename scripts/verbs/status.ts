import { journalFile } from "../../adapters/journal-file.ts";
import { tickHistoryFile } from "../../adapters/tick-history-file.ts";
import type { Condor } from "../../adapters/condor.ts";
import { parseAnnexName } from "../../core/annex.ts";
import { isLive } from "../../core/instance.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs, type AnnexKnobs, type Knobs } from "../../core/knobs.ts";
import { parseSince } from "../../core/request.ts";
import type { Site } from "../../core/site.ts";
import {
  annexStatus,
  describeCounts,
  describeCredential,
  describeHook,
  describeMoney,
  describeOrder,
  statusTable,
  type AnnexStatus,
  type OrderRow,
} from "../../core/status.ts";
import { tickTable } from "../../core/tick-history.ts";
import type { UnixTime } from "../../core/time.ts";
import { JSON_OUTPUT, type Options } from "../options.ts";
import { print, printJson, repaint, report, table } from "../output.ts";
import type { Verb } from "../verb.ts";
import { looking } from "./look.ts";
import { accessPoint, clock } from "./site.ts";

const WATCH_SECONDS = 5;
const HISTORY_SINCE = "1h";

type Looked = {
  readonly annexes: readonly (AnnexStatus & { readonly name: string })[];
  readonly orders: readonly OrderRow[];
  readonly unreadable: readonly string[];
};

export const status: Verb = {
  name: "status",
  usage: "updraft status [NAME] [--watch] [--history [--since TIME]] [--json]",
  summary: "show an annex's instances, or those of every annex",
  options: [
    { name: "watch", help: `look again every ${WATCH_SECONDS} s until nothing lives any more, or Ctrl-C` },
    { name: "history", help: "show what the hook saw and did, run by run, instead of the instances" },
    { name: "since", value: "TIME", help: `with --history: only from then on (${HISTORY_SINCE} ago)` },
    JSON_OUTPUT,
  ],
  maxPositionals: 1,
  async run(options) {
    const [given] = options.positionals;
    if (given !== undefined) parseAnnexName(given);
    refuseContradiction(options);
    const since = parseSince(options.text("since") ?? HISTORY_SINCE, clock.now());
    const { condor, site, knobs } = await accessPoint();
    const annexes = given === undefined ? knobs.annexes : [annexKnobs(knobs, given)];
    if (options.is("history")) return showHistory(knobs, annexes, since, options.is("json"));
    const look = lookout(condor, site, knobs, annexes);
    if (options.is("watch")) return watch(look);
    const found = await look();
    if (!options.is("json")) return print(lines(found, clock.now()).join("\n"));
    printJson({
      pool: site.pool,
      schedd: site.schedd,
      annexes: annexes.map((one) => one.name),
      instances: found.annexes.flatMap((one) => one.rows),
      counts: Object.fromEntries(found.annexes.map((one) => [one.name, one.counts])),
      hook: Object.fromEntries(found.annexes.map((one) => [one.name, one.hook])),
      credentials: Object.fromEntries(found.annexes.map((one) => [one.name, one.credential])),
      bootReports: found.annexes.flatMap((one) => one.bootReports),
      orders: found.orders,
      unreadableOrders: found.unreadable,
    });
  },
};

function refuseContradiction(options: Options): void {
  const refuse = (message: string, remedy: string): never => {
    throw new UpdraftError("usage", message, remedy);
  };
  const other = ["json", "history"].find((name) => options.is(name));
  if (options.is("watch") && other !== undefined) {
    refuse(`--watch and --${other} contradict each other`, "Give one of them.");
  }
  if (options.text("since") !== undefined && !options.is("history")) {
    refuse("--since goes with --history", "See updraft status --help.");
  }
}

async function showHistory(
  knobs: Knobs,
  annexes: readonly AnnexKnobs[],
  since: UnixTime,
  asJson: boolean,
): Promise<void> {
  const names = new Set(annexes.map(({ name }) => name));
  const all = await tickHistoryFile(knobs.stateDirectory).read();
  const runs = all.filter((one) => one.at >= since && names.has(one.annex));
  if (asJson) return printJson({ since, runs });
  if (runs.length === 0) {
    return print(`the hook has not run since ${new Date(since * 1000).toISOString().replace(/\.\d+/, "")}`);
  }
  print(table(tickTable(runs)));
}

/** Looks at the annexes, and remembers from one look to the next which instances had joined. */
function lookout(condor: Condor, site: Site, knobs: Knobs, annexes: readonly AnnexKnobs[]) {
  const joined: Record<string, UnixTime> = {};
  const journal = journalFile(knobs.stateDirectory);
  const neighbours = annexes.map((annex) => {
    const ports = looking(annex, knobs, condor, site);
    const remembered: typeof ports.remembered = async (name) => ({
      ...(await ports.remembered(name)),
      ...joined,
    });
    return { annex, ports: { ...ports, remembered } };
  });
  return async (): Promise<Looked> => {
    const { entries, unreadable } = await journal.read();
    const found = [];
    for (const { annex, ports } of neighbours) {
      const owner = { annex: annex.name, pool: site.pool, schedd: site.schedd };
      found.push({ name: annex.name, ...(await annexStatus(ports, owner, annex.region, entries)) });
    }
    for (const row of found.flatMap((one) => one.rows)) {
      if (row.slots.length > 0) joined[row.id] = clock.now();
    }
    return { annexes: found, orders: found.flatMap((one) => one.orders), unreadable };
  };
}

function lines({ annexes, orders, unreadable }: Looked, now: UnixTime): string[] {
  const rows = annexes.flatMap((one) => one.rows);
  const names = annexes.map((one) => one.name).join(", ");
  return [
    ...(rows.length === 0
      ? [`no instances (${names})`]
      : [
          table(statusTable(rows, now)),
          ...annexes.map((one) => `annex ${one.name}: ${describeCounts(one.counts)}`),
          describeMoney(rows),
        ]),
    ...annexes.flatMap(({ name, hook }) => (hook === undefined ? [] : [describeHook(name, hook, now)])),
    ...annexes.flatMap((one) => describeCredential(one.name, one, now) ?? []),
    ...annexes.flatMap(({ bootReports }) =>
      bootReports.map(({ id, state, report }) => `${id} (${state}) reported: ${report}`),
    ),
    ...orders.map((order) => describeOrder(order, now)),
    ...unreadable.map((problem) => `unreadable order: ${problem}`),
  ];
}

/** Paints a terminal anew at every look; elsewhere it tells each instance and each line once when it changes. */
async function watch(look: () => Promise<Looked>): Promise<void> {
  const told = new Map<string, string>();
  for (;;) {
    let found: Looked | undefined;
    try {
      found = await look();
    } catch (error) {
      // One look that fails is no reason to stop looking.
      if (!(error instanceof UpdraftError)) throw error;
      report(error.message);
    }
    if (found !== undefined) {
      if (process.stdout.isTTY) repaint(lines(found, clock.now()));
      else tellChanges(found, told);
      const alive = found.annexes
        .flatMap((one) => one.rows)
        .some((row) => row.ec2State !== "unknown" && isLive({ state: row.ec2State }));
      if (!alive && found.orders.length === 0) return;
    }
    await clock.sleep(WATCH_SECONDS);
  }
}

function tellChanges({ annexes, orders }: Looked, told: Map<string, string>): void {
  const lines = new Map<string, string>();
  for (const row of annexes.flatMap((one) => one.rows)) {
    const notes = [row.state, ...(row.released ? ["released"] : [])];
    lines.set(row.id, `${row.annex} ${row.id} ${notes.join(", ")}`);
  }
  for (const order of orders) lines.set(order.id, `order ${order.id} of annex ${order.annex} is not settled`);
  for (const [key, line] of lines) if (told.get(key) !== line) print(line);
  for (const [key, line] of told) if (!lines.has(key)) print(`${line.split(" ").slice(0, 2).join(" ")} gone`);
  told.clear();
  for (const [key, line] of lines) told.set(key, line);
}
