import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { accountFacts } from "../../adapters/account-facts.ts";
import { sha256 } from "../../adapters/archive.ts";
import { checkReadable } from "../../adapters/condor-config.ts";
import { hookCredentials } from "../../adapters/hook-credentials.ts";
import { journalFile } from "../../adapters/journal-file.ts";
import { resolve } from "../../adapters/network.ts";
import { placeFacts } from "../../adapters/place-facts.ts";
import { run } from "../../adapters/run.ts";
import { configuredEndpoint } from "../../adapters/s3.ts";
import { daemonKnob, scheddFacts } from "../../adapters/schedd-facts.ts";
import { trials } from "../../adapters/trials.ts";
import { lookAtKnobs } from "../../core/access-point.ts";
import { accessPointPieces, knobPiece } from "../../core/check/access-point.ts";
import { accountPieces, region as regionOf } from "../../core/check/account.ts";
import { annexPieces } from "../../core/check/annex.ts";
import {
  describe,
  judge,
  lookAt,
  once,
  refusal,
  type Bounded,
  type Finding,
  type Piece,
} from "../../core/check/findings.ts";
import { carryOutProbe, describeProbe, planProbe, type ProbeTerms } from "../../core/check/probe.ts";
import { UpdraftError } from "../../core/errors.ts";
import { instanceTypeList } from "../../core/knob-values.ts";
import { annexKnobs, type AnnexKnobs, type Knobs } from "../../core/knobs.ts";
import { site as readSite, type Site } from "../../core/site.ts";
import { JSON_OUTPUT, YES, type Options } from "../options.ts";
import { confirm, fail, print, printJson, report } from "../output.ts";
import type { Verb } from "../verb.ts";
import { NODE_PROGRAM, type Templates } from "./setup.ts";
import { asPerson, aws, clock, configured, local, user } from "./site.ts";
import { exclusively, keptPrices, money, uid } from "./state.ts";

/** For a piece with all its readings. */
const PIECE_SECONDS = 60;
/** A reading that AWS does not answer shall not keep the others waiting. */
const AWS = { maxAttempts: 3, requestTimeoutSeconds: 15 } as const;

export function check(templates: Templates): Verb {
  return {
    name: "check",
    usage: "updraft check [NAME] [--probe [--type TYPE] [--subnet SUBNET] [--yes]] [--json]",
    summary:
      "prove each piece that an annex, or all of them, needs, and say what to do about each that is wrong",
    options: [
      { name: "probe", help: "also launch one instance that tests what a node needs, and ends itself" },
      { name: "type", value: "TYPE", help: "the probe's instance type (the cheapest of the annex)" },
      { name: "subnet", value: "SUBNET", help: "the probe's subnet (the first of the annex)" },
      { ...YES, help: "launch the probe without asking" },
      JSON_OUTPUT,
    ],
    maxPositionals: 1,
    async run(options) {
      const name = options.positionals[0];
      const type = refuseBadUsage(options, name);
      const json = options.is("json");
      const findings: Finding[] = [];
      const tell = (found: readonly Finding[]): void => {
        findings.push(...found);
        if (!json) for (const finding of found) print(describe(finding));
      };

      const { settings, knobs, problems } = await lookAtKnobs(configured());
      const annexes = name === undefined ? knobs.annexes : chosen(knobs, name, problems.length > 0);
      const first = await lookAt([knobPiece(problems, knobs)], bounded);
      tell(first);
      let here: Awaited<ReturnType<typeof asPerson>> | undefined;
      try {
        if (uid() !== 0) await checkReadable(run());
        here = await asPerson({ site: readSite(settings), knobs });
      } catch (error) {
        if (!(error instanceof UpdraftError)) throw error;
        tell([{ of: "access point", piece: "pool", ...refusal(error) }]);
      }
      if (here !== undefined) {
        tell(await lookAt(everyPiece(annexes, here.knobs, here.site, templates), bounded));
        const [annex] = annexes;
        if (options.is("probe") && annex !== undefined) {
          tell(await probeAnnex(annex, here.site, here.knobs, options, type, json));
        }
      }
      conclude(findings, json);
    },
  };
}

function refuseBadUsage(options: Options, name: string | undefined): string | undefined {
  const wrong = (message: string, remedy: string): UpdraftError => new UpdraftError("usage", message, remedy);
  if (!options.is("probe")) {
    const alone = ["type", "subnet"].find((one) => options.text(one) !== undefined);
    if (alone !== undefined) throw wrong(`--${alone} goes with --probe`, "See updraft check --help.");
  } else if (name === undefined) {
    throw wrong("--probe needs an annex to probe", "Run: updraft check NAME --probe");
  }
  const type = options.text("type");
  if (type === undefined) return undefined;
  try {
    const [only, ...more] = instanceTypeList(type);
    if (more.length === 0) return only;
  } catch {
    // The same is wrong with it as with two of them.
  }
  throw wrong(`--type ${type} is not an instance type`, "Give one such as t3.micro.");
}

/** An annex with a bad knob is in nobody's list, and its knobs are told already. */
function chosen(knobs: Knobs, name: string, problems: boolean): readonly AnnexKnobs[] {
  return problems && !knobs.annexes.some((annex) => annex.name === name) ? [] : [annexKnobs(knobs, name)];
}

function everyPiece(annexes: readonly AnnexKnobs[], knobs: Knobs, site: Site, templates: Templates): Piece[] {
  const schedd = scheddFacts(run(site.environment));
  const scheddAd = once(() => schedd.ad(site.schedd));
  const here = {
    schedd,
    scheddAd,
    settings: configured().settings,
    collectorKnob: (name: string) => daemonKnob(run(), "-collector", name),
    hookCredentials: (job: Parameters<typeof hookCredentials>[0]) => hookCredentials(job, site.spool),
  };
  const regions = [...new Set(annexes.map((annex) => annex.region))];
  return [
    ...accessPointPieces(here, annexes, site, knobs.optIn),
    ...regions.flatMap((name) => {
      const { cloudFormation, storage } = aws(name);
      const ports = { facts: accountFacts(name, AWS), stack: cloudFormation.stack, storage, now: clock.now };
      const region = regionOf(name, ports);
      return [
        ...accountPieces(region, ports, templates.account()),
        ...annexes
          .filter((annex) => annex.region === name)
          .flatMap((annex) =>
            annexPieces(
              region,
              {
                ...aws(name),
                ...local(annex, site, knobs),
                facts: ports.facts,
                places: placeFacts(name, AWS),
                trials: trials(name, AWS),
                resolve,
                scheddAd,
                now: clock.now,
                localProgram,
                template: async (p) => annexTemplate(templates, annex, p),
                prices: keptPrices(knobs).book,
                program: process.execPath,
              },
              annex,
              site,
            ),
          ),
      ];
    }),
  ];
}

async function annexTemplate(
  templates: Templates,
  { name, region, bootSeconds, htcondorSource, directFrom }: AnnexKnobs,
  made: { bucket: string; programSha256: string },
): Promise<object> {
  const s3Endpoint = await configuredEndpoint(region);
  return templates.annex({
    annex: name,
    region,
    bootSeconds,
    directFrom,
    ...made,
    ...(htcondorSource !== undefined && { htcondorSource }),
    ...(s3Endpoint !== undefined && { s3Endpoint }),
  });
}

async function localProgram(): Promise<string | undefined> {
  try {
    return sha256(await readFile(NODE_PROGRAM));
  } catch {
    return undefined;
  }
}

async function probeAnnex(
  annex: AnnexKnobs,
  site: Site,
  knobs: Knobs,
  options: Options,
  type: string | undefined,
  json: boolean,
): Promise<Finding[]> {
  const ports = {
    ...aws(annex.region),
    ...local(annex, site, knobs),
    ...money(knobs, annex.region),
    journal: journalFile(knobs.stateDirectory),
    orderId: () => randomBytes(8).toString("hex"),
  };
  const terms: ProbeTerms = { type, subnet: options.text("subnet"), user: user() };
  const interruption = new AbortController();
  const interrupt = (): void => {
    report("interrupted: the probe is being ended");
    interruption.abort();
  };
  try {
    refuseStopped(knobs);
    const plan = await planProbe(ports, annex, site, terms);
    (json ? report : print)(describeProbe(plan));
    await confirm("Launch it?", options.is("yes"));
    process.once("SIGINT", interrupt);
    process.once("SIGTERM", interrupt);
    return await carryOutProbe(ports, plan, {
      exclusively: (work) => exclusively(site, knobs, work),
      interrupted: () => interruption.signal.aborted,
    });
  } catch (error) {
    if (!(error instanceof UpdraftError) || error.kind === "usage") throw error;
    return [{ of: annex.name, piece: "probe", ...refusal(error) }];
  } finally {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}

function refuseStopped({ stop }: Knobs): void {
  if (!stop) return;
  throw new UpdraftError(
    "config",
    "UPDRAFT_STOP is set: nothing is ordered, no probe either",
    "Set UPDRAFT_STOP = false to order again.",
  );
}

const bounded: Bounded = async (reading) => {
  const ended = new AbortController();
  const late = delay(PIECE_SECONDS * 1000, undefined, { signal: ended.signal }).then(() => {
    throw new UpdraftError(
      "failed",
      `no answer within ${PIECE_SECONDS} s`,
      "Check the network and the endpoint, then run the same command again.",
    );
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    ended.abort();
    late.catch(() => undefined);
  }
};

function conclude(findings: readonly Finding[], json: boolean): void {
  const count = (level: Finding["level"]): number => findings.filter((one) => one.level === level).length;
  const answer = { ok: count("ok"), warnings: count("warning"), wrong: count("wrong"), findings };
  try {
    judge(findings);
  } catch (error) {
    fail(error, json, answer);
    return;
  }
  if (json) printJson(answer);
  else report(`nothing is wrong: ${answer.ok} pieces are well, ${answer.warnings} warnings`);
}
