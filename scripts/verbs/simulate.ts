import { availableParallelism } from "node:os";
import { writeAtomically } from "../../adapters/files.ts";
import { inParallel, shared } from "../../adapters/workers.ts";
import { readWorkload } from "../../adapters/workload-file.ts";
import { parseAnnexName } from "../../core/annex.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs, type AnnexKnobs, type Knobs } from "../../core/knobs.ts";
import { smallest } from "../../core/machine.ts";
import type { Resources } from "../../core/packing.ts";
import { PLAIN_LINUX, bookOf, parsePrices, type PriceBook } from "../../core/prices.ts";
import { parseRegion } from "../../core/request.ts";
import type { ReadWorkload } from "../../core/sim/history/reader.ts";
import { latest, type Workload } from "../../core/sim/workload.ts";
import {
  checkJobs,
  readChanges,
  readDuration,
  readLaws,
  readScenarios,
  readWaitValues,
  readWholeNumber,
  recordedPlant,
} from "../../core/study/inputs.ts";
import { machineOfType, parseMachine } from "../../core/study/machine.ts";
import { paretoPage } from "../../core/study/pareto.ts";
import { RECORDED, tasks, type Result, type Study } from "../../core/study/study.ts";
import { bounds, summarize } from "../../core/study/summary.ts";
import { readingNotes, runNotes, summaryTable, workloadWords } from "../../core/study/words.ts";
import { asset } from "../assets.ts";
import { JSON_OUTPUT, type Options } from "../options.ts";
import { print, printJson, progress, report as tell, table } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint } from "./site.ts";
import { keptPrices } from "./state.ts";
import { parseTypes } from "./types.ts";

const DEFAULT_SEEDS = 3;
const DEFAULT_REGION = "us-east-1";
/** A public mode: a picture is to be shown. */
const PICTURE_MODE = 0o644;

export const simulate: Verb = {
  name: "simulate",
  usage: `updraft simulate [NAME] --history FILE [--last TIME] [--machine CPUS:GIB[:GPUS] | --instance-types TYPES] [--region REGION] [--price USD]
       updraft simulate --scenario LETTERS
       … [--law LAWS] [--wait-value VALUES] [--seeds N] [--lease TIME] [--idle TIME] [--drain TIME] [--max-instances N] [--spares]
       [--threads N] [--plot FILE.svg] [--json]

FILE is what condor_history wrote with -json, -jsonl, -xml or -long, a trace in the Standard Workload Format, or a table
with the columns submit_s, runtime_s and any of cores, memory_mib, disk_kib, gpus, user; gzip or not; - is standard input.
With NAME, what no option says is read from the annex's knobs. It needs no AWS, and without NAME no HTCondor. What would
the last month have cost on instances, and how long would jobs have waited?

  condor_history -completedsince 2592000 -json > month.json
  updraft simulate --history month.json --instance-types m7i.2xlarge --lease 8h --plot month.svg`,
  summary: "tell what ordering laws would have cost and how long jobs would have waited, on a workload",
  options: [
    { name: "history", value: "FILE", help: "the jobs that were, and when they came" },
    {
      name: "last",
      value: "TIME",
      help: "only the jobs submitted in the last TIME of the file, such as 30d",
    },
    { name: "scenario", value: "LETTERS", help: "synthetic workloads A to G instead, such as A,F, or all" },
    { name: "law", value: "LAWS", help: "ordering laws, such as updraft,gcp, or all (five of them)" },
    {
      name: "wait-value",
      value: "VALUES",
      help: "machine-hours that an hour of waiting is worth, such as 1,3,10 (or the knob)",
    },
    {
      name: "seeds",
      value: "N",
      help: `so many draws of boots, and of a scenario's jobs (${DEFAULT_SEEDS})`,
    },
    { name: "machine", value: "CPUS:GIB[:GPUS]", help: "what an instance has for jobs, such as 8:32" },
    {
      name: "instance-types",
      value: "TYPES",
      help: "or the types it is of, such as m7i.2xlarge (or the knob)",
    },
    { name: "region", value: "REGION", help: `whose list prices hold (the knob, or ${DEFAULT_REGION})` },
    { name: "price", value: "USD", help: "of an instance and hour, instead of the on-demand list price" },
    { name: "lease", value: "TIME", help: "how long an instance may live (the knob, or 8h)" },
    {
      name: "idle",
      value: "TIME",
      help: "an instance without a job ends itself after it (the knob, or 20m)",
    },
    { name: "drain", value: "TIME", help: "no job starts with less of the lease left (the knob, or 10m)" },
    { name: "max-instances", value: "N", help: "most that live at a time (the knob, or no limit)" },
    { name: "spares", help: "let ours order more than the waiting jobs need" },
    { name: "threads", value: "N", help: "simulations that run at a time (the cores of this machine)" },
    { name: "plot", value: "FILE.svg", help: "draw cost against wait, a mark for each law and value" },
    JSON_OUTPUT,
  ],
  maxPositionals: 1,
  async run(options) {
    const text = (name: string): string | undefined => options.text(name);
    const plot = plotFile(options);
    const [name] = options.positionals;
    const here = name === undefined ? undefined : await accessPoint();
    const annex =
      name === undefined || here === undefined ? undefined : annexKnobs(here.knobs, parseAnnexName(name));
    const laws = readLaws(text("law"));
    const waitValues = readWaitValues(text("wait-value"), annex);
    const seeds = readWholeNumber(text("seeds"), "seeds", DEFAULT_SEEDS);
    const threads = readWholeNumber(text("threads"), "threads", availableParallelism());
    const { changes, idleSeconds } = readChanges(text, options.is("spares"), annex);

    const scenarios = chosenScenarios(options);
    const machine = scenarios === undefined ? chosenMachine(options, annex) : undefined;
    const price =
      machine === undefined ? undefined : await chosenPrice(options, annex, machine.types, here?.knobs);
    let read: ReadWorkload | undefined;
    let study: Study = { recorded: undefined, changes, idleSeconds };
    if (machine !== undefined) {
      read = await readWorkload(text("history") ?? "");
      const last = readDuration(text, "last");
      const jobs = last === undefined || read.jobs.count === 0 ? read.jobs : latest(read.jobs, last);
      for (const note of readingNotes(read)) tell(note);
      checkJobs(jobs, machine.each);
      const { plant, idleSeconds: usual } = recordedPlant(machine.each);
      study = { recorded: { jobs: columns(jobs), plant }, changes, idleSeconds: idleSeconds ?? usual };
      read = { ...read, jobs };
    }
    const cases = scenarios ?? [RECORDED];
    const work = tasks({ cases, laws, waitValues, seeds });
    const shown = progress(work.length, "simulations");
    const results = await inParallel<(typeof work)[number], Result>(
      asset("simulate-worker.js"),
      study,
      work,
      threads,
      shown.done,
    );
    shown.end();

    const summaries = summarize(results, waitValues, price?.usd);
    const limits = bounds(results);
    const notes = [
      ...runNotes(results, summaries),
      ...(price === undefined ? [] : [`A machine-hour is ${price.usd} USD: ${price.source}.`]),
    ];
    if (plot !== undefined) {
      const title = name === undefined ? "What jobs wait and machines cost" : `Annex ${name}: wait and cost`;
      await writeAtomically(plot, paretoPage(title, summaries), PICTURE_MODE);
      tell(`drawn: ${plot}`);
    }
    if (options.is("json")) {
      const reading = read && {
        jobs: read.jobs.count,
        rows: read.rows,
        skipped: read.skipped,
        assumed: read.assumed,
      };
      printJson({
        annex: name ?? null,
        read: reading ?? null,
        price: price ?? null,
        seeds,
        summaries,
        bounds: limits,
        results,
        notes,
        plot: plot ?? null,
      });
      return;
    }
    if (read !== undefined) print(workloadWords(read.jobs));
    for (const one of cases) {
      const own = summaries.filter((summary) => summary.case === one);
      const bound = limits.filter((limit) => limit.case === one);
      print(`\n${one === RECORDED ? "" : `Scenario ${one}\n`}${table(summaryTable(own, waitValues, bound))}`);
    }
    if (notes.length > 0) print(`\n${notes.join("\n")}`);
  },
};

const wrong = (message: string, remedy: string): UpdraftError => new UpdraftError("usage", message, remedy);

function plotFile(options: Options): string | undefined {
  const file = options.text("plot");
  if (file !== undefined && !file.endsWith(".svg"))
    throw wrong(`--plot ${file}: the picture is SVG`, `Give a name such as ${file}.svg.`);
  return file;
}

/** Letters; undefined for a history. One of the two must be given, and nothing that is the other's. */
function chosenScenarios(options: Options): readonly string[] | undefined {
  const letters = options.text("scenario");
  const history = options.text("history");
  if (letters === undefined && history === undefined)
    throw wrong(
      "there is nothing to simulate",
      "Give --history FILE, what condor_history -json wrote, or --scenario A. See updraft simulate --help.",
    );
  if (letters === undefined) return undefined;
  const others = ["history", "last", "machine", "instance-types", "region", "price"];
  const both = others.find((option) => options.text(option) !== undefined);
  if (both !== undefined || options.positionals.length > 0)
    throw wrong(
      `--scenario has jobs and machines of its own: ${both === undefined ? "no annex" : `--${both}`} goes with it`,
      "Leave one of them out.",
    );
  return readScenarios(letters);
}

function chosenMachine(
  options: Options,
  annex: AnnexKnobs | undefined,
): { readonly each: Resources; readonly types: readonly string[] } {
  const given = options.text("machine");
  const named = options.text("instance-types");
  if (given !== undefined && named !== undefined)
    throw wrong("--machine and --instance-types contradict each other", "Give one of them.");
  if (given !== undefined) return { each: parseMachine(given), types: [] };
  const types = named === undefined ? annex?.instanceTypes : parseTypes(named);
  const each = smallest((types ?? []).map(machineOfType));
  if (types === undefined || each === undefined)
    throw wrong(
      "simulate does not know on which machines the jobs would run",
      "Give --machine 8:32, --instance-types m7i.2xlarge, or the NAME of an annex.",
    );
  return { each, types };
}

/** Without types and without --price nobody knows what a machine costs, and no cost is told. */
async function chosenPrice(
  options: Options,
  annex: AnnexKnobs | undefined,
  types: readonly string[],
  knobs: Knobs | undefined,
): Promise<{ readonly usd: number; readonly source: string } | undefined> {
  const given = options.text("price");
  if (given !== undefined) {
    if (!/^\d{0,6}(\.\d{1,6})?$/.test(given) || !(Number(given) > 0))
      throw wrong(`--price "${given}" is no price`, "Give USD per hour, such as 0.4.");
    return { usd: Number(given), source: "--price" };
  }
  if (types.length === 0) return undefined;
  const named = options.text("region");
  const region = named === undefined ? (annex?.region ?? DEFAULT_REGION) : parseRegion(named);
  const book = await priceBook(region, knobs);
  const prices = types.map((type) => book.onDemand[PLAIN_LINUX]?.[type]);
  const missing = types.find((_, i) => prices[i] === undefined);
  if (missing !== undefined)
    throw wrong(
      `no on-demand price of ${missing} in ${region} is known`,
      "Say it: --price USD, for an instance and hour.",
    );
  const usd = Math.min(...prices.flatMap((price) => price ?? []));
  const which = types.length === 1 ? "" : "the cheapest of the types, ";
  return {
    usd,
    source: `${which}on-demand in ${region}, ${book.source} of ${book.date}; disks, addresses and traffic are not in it`,
  };
}

/** What this access point keeps, or what the program carries. */
async function priceBook(region: string, knobs: Knobs | undefined): Promise<PriceBook> {
  if (knobs !== undefined) return keptPrices(knobs).book(region);
  const catalogue = parsePrices(asset("catalogue.json"));
  if (typeof catalogue === "string") throw new Error(`the embedded catalogue: ${catalogue}`);
  return bookOf(region, [], catalogue);
}

/** Where threads share them. Names of users are not needed: they are told apart by number. */
function columns(jobs: Workload): Workload {
  return {
    ...jobs,
    owners: [],
    submitted: shared(jobs.submitted),
    runSeconds: shared(jobs.runSeconds),
    request: shared(jobs.request),
    owner: shared(jobs.owner),
  };
}
