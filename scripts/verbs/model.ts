import { writeAtomically } from "../../adapters/files.ts";
import { condorAnnexes } from "../../adapters/condor-annexes.ts";
import { run as runner } from "../../adapters/run.ts";
import { parseAnnexName } from "../../core/annex.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs } from "../../core/knobs.ts";
import { attributesOf, readInputs, type LivePool } from "../../core/model-report/inputs.ts";
import { reportPage, usualRun } from "../../core/model-report/page.ts";
import { modelReport } from "../../core/model-report/report.ts";
import { parameterTable, reportWords, resultTable } from "../../core/model-report/words.ts";
import { parseDuration } from "../../core/time.ts";
import { JSON_OUTPUT, type OptionRow, type Options } from "../options.ts";
import { print, printJson, report as tell, table } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint } from "./site.ts";

const rate = (name: string, help: string): OptionRow => ({ name, value: "RATE", help });

/** A public mode: a picture is to be shown. */
const PICTURE_MODE = 0o644;

export const model: Verb = {
  name: "model",
  usage: `updraft model [NAME] [--submission-rate RATE] [--match-rate RATE] [--provisioning-rate RATE] [--completion-rate RATE]
       [--idle-termination-rate RATE] [--running-termination-rate RATE] [--spin-up-delay TIME] [--lease TIME]
       [--matching LAW] [--evicted FATE] [--idle-end HOW] [--plot FILE.svg [--run TIME]] [--json]

A RATE is a number per hour, or 1/TIME: 1/20m is 3 per hour. With NAME, what is not given is read from what the hook
has published in the schedd's ad, and from the annex's knobs. It orders nothing and changes nothing. For example, 100 jobs
an hour that run half an hour each, a match within a minute, two machines ordered per hour and job that waits:

  updraft model --submission-rate 100 --match-rate 60 --provisioning-rate 2 --completion-rate 1/30m \\
    --idle-termination-rate 1/20m --spin-up-delay 5m --lease 8h --plot pool.svg`,
  summary: "tell whether a pool settles or swings: equilibrium, roots, critical delay and gain, lease echo",
  options: [
    rate("submission-rate", "jobs submitted per hour (Σ_Q)"),
    rate("match-rate", "matches per hour, of whichever is fewer, jobs or machines (σ_QIR)"),
    rate("provisioning-rate", "machines ordered per hour and job that waits: the gain (σ_QI)"),
    rate("completion-rate", "jobs completed per hour and busy machine: 1/run time (σ_RI)"),
    rate("idle-termination-rate", "idle machines that end, per hour: 1/idle time (σ_IT)"),
    rate("running-termination-rate", "busy machines that end, per hour (σ_RT; 1/lease)"),
    { name: "spin-up-delay", value: "TIME", help: "from an order to joining (τ_QI), such as 5m" },
    { name: "lease", value: "TIME", help: "how long a machine lives: also analyse the echo of fixed leases" },
    {
      name: "matching",
      value: "LAW",
      help: "min, as negotiation does (default), or mass-action, as in the paper",
    },
    { name: "evicted", value: "FATE", help: "jobs of machines that end are requeued (default) or lost" },
    { name: "idle-end", value: "HOW", help: "idle machines end by a timer (default) or at a rate" },
    { name: "plot", value: "FILE.svg", help: "draw trajectories, Hopf curve and roots on one page" },
    { name: "run", value: "TIME", help: "with --plot: how long the trajectories are (24h, or four leases)" },
    JSON_OUTPUT,
  ],
  maxPositionals: 1,
  async run(options) {
    const plot = refuseBadPlot(options);
    const [name] = options.positionals;
    const live = name === undefined ? undefined : await livePool(parseAnnexName(name));
    const found = modelReport(readInputs((option) => options.text(option), live));
    if (plot !== undefined) {
      const title = name === undefined ? "Model of a pool" : `Model of annex ${name}`;
      const page = reportPage(found, title, plot.run ?? usualRun(found.parameters.lease));
      await writeAtomically(plot.file, page, PICTURE_MODE);
      tell(`drawn: ${plot.file}`);
    }
    if (options.is("json")) {
      printJson({ annex: name ?? null, ...found, plot: plot?.file ?? null });
      return;
    }
    const parts = [reportWords(found).join("\n"), table(parameterTable(found)), table(resultTable(found))];
    print(parts.join("\n\n"));
  },
};

function refuseBadPlot(
  options: Options,
): { readonly file: string; readonly run: number | undefined } | undefined {
  const wrong = (message: string, remedy: string): UpdraftError => new UpdraftError("usage", message, remedy);
  const [file, text] = [options.text("plot"), options.text("run")];
  if (file === undefined) {
    if (text !== undefined) throw wrong("--run goes with --plot", "See updraft model --help.");
    return undefined;
  }
  if (!file.endsWith(".svg"))
    throw wrong(`--plot ${file}: the picture is SVG`, `Give a name such as ${file}.svg.`);
  if (text === undefined) return { file, run: undefined };
  const seconds = parseDuration(text);
  if (seconds === undefined) throw wrong(`--run "${text}" is no duration`, "Give one such as 24h.");
  return { file, run: seconds / 3600 };
}

async function livePool(annex: string): Promise<LivePool> {
  const { site, knobs } = await accessPoint();
  const { leaseSeconds, idleSeconds } = annexKnobs(knobs, annex);
  const attributes = await condorAnnexes(runner()).published(site.schedd, attributesOf(annex));
  return { annex, attributes, leaseSeconds, idleSeconds };
}
