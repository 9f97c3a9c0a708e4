import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { answerMemory } from "../adapters/answer-memory.ts";
import { archive, sha256 } from "../adapters/archive.ts";
import { cloudFormation } from "../adapters/cloudformation.ts";
import { ghosts } from "../adapters/condor-ghosts.ts";
import { pool } from "../adapters/condor-pool.ts";
import { matchmaking } from "../adapters/condor-match.ts";
import { queueQueries } from "../adapters/condor-queue.ts";
import { condor } from "../adapters/condor.ts";
import { ec2 } from "../adapters/ec2.ts";
import { readConfigFiles, writeAtomically } from "../adapters/files.ts";
import { journalFile } from "../adapters/journal-file.ts";
import { ledgerFile } from "../adapters/ledger-file.ts";
import { checkAsked } from "../adapters/local-schedd.ts";
import { withLock } from "../adapters/lock.ts";
import { priceFile } from "../adapters/price-file.ts";
import { remembering } from "../adapters/queue-memory.ts";
import { refusalsFile } from "../adapters/refusals-file.ts";
import { run } from "../adapters/run.ts";
import { s3 } from "../adapters/s3.ts";
import { imageId } from "../adapters/ssm.ts";
import { slotAdFiles } from "../adapters/slot-ads.ts";
import { spotPrices } from "../adapters/spot-prices.ts";
import { identity } from "../adapters/sts.ts";
import { recentFacts, recentMatches } from "../adapters/recent.ts";
import { tickHistoryFile } from "../adapters/tick-history-file.ts";
import { trials } from "../adapters/trials.ts";
import { readAccessPoint } from "../core/access-point.ts";
import { tryOrders, type CredentialReport } from "../core/check/trial.ts";
import { EXIT_STATUS, UpdraftError, messageOf } from "../core/errors.ts";
import { hookOutput, type HookOutput } from "../core/hook-output.ts";
import { STATE_FILE, checkOwnState, formatHookState, parseHookState } from "../core/hook-state.ts";
import {
  DEFAULT_STATE_DIRECTORY,
  knobName,
  type AnnexKnobs,
  type Knobs,
  type Setting,
} from "../core/knobs.ts";
import { localName } from "../core/local-name.ts";
import type { Clock } from "../core/ports.ts";
import type { Prices } from "../core/prices.ts";
import type { Site } from "../core/site.ts";
import { NO_MEMORY } from "../core/hook-memory.ts";
import { byPrice, type Share } from "../core/sharing.ts";
import type { SetupPorts } from "../core/publish.ts";
import { tickRecord } from "../core/tick-history.ts";
import { tick, type TickPorts, type TickTerms } from "../core/tick.ts";
import { VERSION } from "../core/version.ts";

/** HTCondor starts it again after a minute, and may crash when it is stopped while a hook runs: a tick is short. */
const TICK_SECONDS = 45;
const LOCK_SECONDS = 5;
const AWS = { maxAttempts: 2, requestTimeoutSeconds: 8, throttledSeconds: 10 } as const;

const HELP = `updraft-schedd: measures demand and supply of every annex, publishes them, and in mode act orders and releases

HTCondor's schedd runs it (SCHEDD_CRON_UPDRAFT_EXECUTABLE, with the prefix Annex_) and needs no arguments. It prints
attributes such as burst_JobsIdle, burst_Recommended, burst_LimitedBy and burst_Reason. When something could not be
measured it prints those of its last good run with burst_LastError, orders and releases nothing, and ends with status 1.

  --credentials  print as JSON whose AWS credentials it has and what EC2 says to trial orders; nothing is launched.
                 updraft check runs this as HTCondor's user
  --version      print the version
`;

const clock: Clock = { now: () => Date.now() / 1000, sleep: (seconds) => delay(seconds * 1000) };

const report = (line: string): void => void process.stderr.write(`${line}\n`);

/** `catalogue` is the text of the embedded prices; `settings` are the knobs, where somebody has asked for them already. */
export async function schedd(
  args: readonly string[],
  catalogue: () => string,
  settings?: Promise<readonly Setting[]>,
): Promise<number> {
  let options: { help?: boolean; version?: boolean; credentials?: boolean };
  try {
    const known = {
      help: { type: "boolean" },
      version: { type: "boolean" },
      credentials: { type: "boolean" },
    } as const;
    options = parseArgs({ args: [...args], options: known }).values;
  } catch (error) {
    process.stderr.write(`updraft-schedd: ${messageOf(error)}\nTry updraft-schedd --help.\n`);
    return EXIT_STATUS.usage;
  }
  if (options.help === true || options.version === true) {
    process.stdout.write(options.help === true ? HELP : `updraft-schedd ${VERSION}\n`);
    return 0;
  }

  if (options.credentials === true) return credentials();

  const output = hookOutput();
  const ended = new AbortController();
  const failed = await Promise.race([
    everyAnnex(output, catalogue, settings).catch((error: unknown) => failure(output, error)),
    delay(TICK_SECONDS * 1000, undefined, { signal: ended.signal }).then(() =>
      failure(
        output,
        new UpdraftError(
          "failed",
          `the run did not end within ${TICK_SECONDS} s`,
          "See whether collector, schedd and AWS answer; what was under way is in the journal.",
        ),
      ),
    ),
  ]);
  ended.abort();
  await new Promise<void>((resolve) => process.stdout.write(output.text(), () => resolve()));
  // What still waits for a neighbour is in the journal; the next run takes it up.
  process.exit(failed ? EXIT_STATUS.failed : 0);
}

/** Says whose credentials these are and what they are good for, annex by annex. */
async function credentials(): Promise<number> {
  try {
    const { site, knobs } = await readAccessPoint(condor(run(), localName(process.env)));
    const report: CredentialReport = { arn: await whose(knobs.annexes), annexes: await judged(knobs, site) };
    process.stdout.write(`${JSON.stringify(report)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    const { kind, message, remedy } = error;
    process.stdout.write(`${JSON.stringify({ error: { kind, message, remedy } })}\n`);
    return error.exitStatus;
  }
}

async function whose(annexes: readonly AnnexKnobs[]): Promise<string> {
  return (await identity(annexes[0]?.region ?? "us-east-1", AWS)).arn;
}

async function judged(knobs: Knobs, site: Site): Promise<CredentialReport["annexes"]> {
  const entries = knobs.annexes.map(async (annex) => {
    const here = {
      ...ports(annex, knobs.stateDirectory, site),
      trials: trials(annex.region, AWS),
      now: clock.now,
    };
    try {
      return [annex.name, { trial: await tryOrders(here, annex, site) }] as const;
    } catch (error) {
      if (!(error instanceof UpdraftError)) throw error;
      const { kind, message, remedy } = error;
      return [annex.name, { refused: { kind, message, remedy } }] as const;
    }
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Reads, measures and acts, annex by annex; true when something went wrong. */
async function everyAnnex(
  output: HookOutput,
  catalogue: () => string,
  settings?: Promise<readonly Setting[]>,
): Promise<boolean> {
  const name = localName(process.env);
  // What another schedd last knew is worse than nothing.
  if (name === undefined) output.use(parseHookState(await readState(DEFAULT_STATE_DIRECTORY)));
  const here = condor(run(), name);
  const { site, knobs } = await readAccessPoint(settings ? { ...here, settings: () => settings } : here);
  const directory = knobs.stateDirectory;
  const annexes = knobs.annexes.map((annex) => annex.name);
  output.use({}, annexes);
  const state = await readState(directory);
  checkOwnState(state, site.schedd, directory);
  output.use(parseHookState(state), annexes);
  await checkAsked(site);
  return withLock(directory, LOCK_SECONDS, async () => {
    let failed = false;
    const started = clock.now();
    const prices = priceFile(directory, catalogue).book;
    const share = (name: string): Share | undefined => output.state()[name]?.memory.share;
    // Without any memory nobody knows which annex is the cheapest, nor what the others have on the way.
    const isFirst =
      knobs.annexes.length > 1 && knobs.annexes.every(({ name }) => output.before(name) === undefined);
    for (const annex of byPrice(knobs.annexes, share)) {
      const terms = { annex, site, stop: knobs.stop, ...(isFirst && { hold: FIRST_LOOK }) };
      const others = knobs.annexes
        .filter((one) => one !== annex)
        .flatMap((one) => share(one.name)?.claims ?? []);
      const sharing = knobs.annexes.length > 1 ? { ...terms, others } : terms;
      failed = (await oneAnnex(output, sharing, directory, prices)) || failed;
    }
    const records = knobs.annexes.map(({ name }) => tickRecord(started, name, output.said(name)));
    await Promise.all([
      writeAtomically(join(directory, STATE_FILE), formatHookState(output.state(), site.schedd)),
      // Not worth failing for.
      tickHistoryFile(directory)
        .append(records)
        .catch((error: unknown) => report(messageOf(error))),
    ]);
    return failed;
  });
}

const FIRST_LOOK = {
  limitedBy: "Sharing",
  reason: "every annex is looked at once before any orders, so that none orders for jobs of another",
};

async function oneAnnex(
  output: HookOutput,
  terms: Omit<TickTerms, "memory">,
  directory: string,
  prices: Prices,
): Promise<boolean> {
  const { annex } = terms;
  const started = clock.now();
  const memory = output.before(annex.name)?.memory ?? NO_MEMORY;
  const result = await tick({ ...ports(annex, directory, terms.site), prices }, { ...terms, memory });
  const seconds = Math.max(0, clock.now() - started);
  if (!("attributes" in result)) {
    output.held(annex.name, result, seconds, clock.now());
    return true;
  }
  const attributes = {
    ...result.attributes,
    MeasuredAt: Math.floor(started),
    SensorAge: 0,
    TickSeconds: seconds,
  };
  output.measured(annex.name, { attributes, memory: result.memory });
  return result.attributes["LastError"] !== undefined;
}

function ports(annex: AnnexKnobs, stateDirectory: string, site: Site): Omit<TickPorts, "prices"> {
  const { region } = annex;
  const here = run(site.environment);
  const slotAds = slotAdFiles(here, join(stateDirectory, "slot-ads"));
  const setUp: SetupPorts = {
    cloudFormation: cloudFormation(region, clock, report, AWS),
    storage: (bucket, account) => s3(region, bucket, account, AWS),
    account: async () => (await identity(region, AWS)).account,
  };
  const aws = { ...setUp, ec2: ec2(region, AWS), imageId: (image: string) => imageId(region, image, AWS) };
  const answers = answerMemory(join(stateDirectory, `answers-${annex.name}.json`), clock.now);
  const memory = join(stateDirectory, `queue-${annex.name}.json`);
  return {
    ...aws,
    clock,
    report,
    pool: pool(here),
    queue: remembering(queueQueries(here), site.spool, memory, clock.now),
    matches: recentMatches(matchmaking(here, join(stateDirectory, "slot-templates.ads")), answers),
    recent: recentFacts(aws, answers),
    slotAds,
    learnSlot: slotAds.learn,
    ghosts: ghosts(here),
    configFiles: async () =>
      annex.configDirectory === undefined
        ? {}
        : await readConfigFiles(annex.configDirectory, knobName(annex.name, "CONFIG_DIR")),
    archive,
    sha256,
    journal: journalFile(stateDirectory),
    refusals: refusalsFile(stateDirectory, report),
    ledger: ledgerFile(stateDirectory),
    spotPrices: spotPrices(region, AWS),
    orderId: () => randomBytes(8).toString("hex"),
  };
}

function failure(output: HookOutput, error: unknown): boolean {
  const foreseen = error instanceof UpdraftError;
  report(
    foreseen ? `${error.message}\n  ${error.remedy}` : String(error instanceof Error ? error.stack : error),
  );
  output.failed(foreseen ? messageOf(error) : `this is a fault of Updraft: ${messageOf(error)}`, clock.now());
  return true;
}

async function readState(directory: string): Promise<string> {
  return readFile(join(directory, STATE_FILE), "utf8").catch(() => "");
}
