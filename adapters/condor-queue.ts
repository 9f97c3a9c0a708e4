import {
  Expression,
  formatAd,
  formatAds,
  number,
  parseAd,
  text,
  type Ad,
  type AdValue,
} from "../core/ad-json.ts";
import { adStream } from "../core/ad-stream.ts";
import { ALL, jobCount, withAutoclusters } from "../core/autoclusters.ts";
import { attributeNames, hidesAttributes } from "../core/classad.ts";
import { REJECTED_SECONDS, type IdleJobs, type Rejection } from "../core/demand.ts";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { inBoth, jobIds, type JobIds } from "../core/job-ids.ts";
import type { Resources } from "../core/packing.ts";
import type { QueueReader, RunningJobs } from "../core/sensors.ts";
import type { Run } from "./run.ts";

const REQUESTS = ["RequestCpus", "RequestMemory", "RequestDisk", "RequestGPUs"] as const;
/** What idle jobs differ in, as far as it matters, but for what their autoclusters tell. */
const IDLE = [
  "JobStatus",
  "JobUniverse",
  "EnteredCurrentStatus",
  "AutoClusterId",
  "LastMatchTime",
  "DeferralTime",
  "DeferralPrepTime",
  "JobCoolDownExpiration",
  "ConcurrencyLimits",
  "AcctGroup",
  "User",
  "Owner",
  "LastRejMatchTime",
  "LastRejMatchReason",
  ...REQUESTS,
];
const RUNNING = ["JobStatus", "AutoClusterId", "User", "MachineAttrAnnexName0"];
const REJECTED = ["JobStatus", "AutoClusterId", "User", "LastRejMatchTime", "LastRejMatchReason"];
const FACTORY = ["TotalSubmitProcs", "JobMaterializeNextProcId"];
/** Of no matter to matching: who asks it gives the jobs numbers of their own. */
const NOT_MATCHED = new Set(
  ["Id", "JobIds", "JobCount", "ClusterId", "ProcId", "JobStatus", "AutoClusterId"]
    .concat("EnteredCurrentStatus", "LastMatchTime", "JobCoolDownExpiration")
    .concat("LastRejMatchTime", "LastRejMatchReason")
    .map((name) => name.toLowerCase()),
);

/** Words of the language; those of functions name no attribute that a job has. */
const NO_ATTRIBUTE = new Set(["true", "false", "undefined", "error", "is", "isnt", "my", "target", "parent"]);

const QUERY_SECONDS = 15;

export type QueueQueries = QueueReader & {
  /** What negotiation passed over lately of such idle jobs; costs less than to ask for all of them. */
  rejections(expression: string): Promise<Rejection[]>;
};

/**
 * Lets the schedd count jobs that are alike, in a process that it forks: of any number of jobs of a few shapes it
 * sends a few ads. It applies the constraint once more to what it has counted, so whatever the constraint reads must
 * be among the attributes.
 */
export function queueQueries(run: Run): QueueQueries {
  const ask = async (args: readonly string[]): Promise<Ad[]> => {
    const ads: Ad[] = [];
    await readAds(run, "condor_q", args, (ad) => void ads.push(ad));
    return ads;
  };
  const query = async (constraint: string, attributes: readonly string[], ...how: readonly string[]) =>
    ask(["-allusers", ...how, "-constraint", constraint, "-json", "-attributes", attributes.join(",")]);

  const counted = async (constraint: string, expression: string, attributes: readonly string[]) => {
    const names = new Map(attributes.map((name) => [name.toLowerCase(), name]));
    for (const name of attributeNames(expression)) {
      if (!names.has(name) && !NO_ATTRIBUTE.has(name)) names.set(name, name);
    }
    return query(`${constraint} && (${expression})`, [...names.values()], "-group-by");
  };

  const idleAds = async (expression: string): Promise<readonly Ad[]> => {
    const [jobs, autoclusters] = await Promise.all([
      counted("JobStatus == 1", expression, IDLE),
      ask(["-allusers", "-autocluster", "-json"]),
    ]);
    const { known, strange } = withAutoclusters(jobs, autoclusters);
    if (strange === undefined) return known;
    const wholly = (some: string) =>
      counted(`JobStatus == 1 && (${some})`, expression, [...IDLE, "Requirements"]);
    const others = await wholly(strange.expression);
    // Negotiation and edits take jobs from one autocluster into another, and none shall be counted twice, or not at all.
    if (strange.expression === ALL || jobCount(others) === strange.count) return [...known, ...others];
    return wholly(ALL);
  };

  /** To be sure that there is nothing, for to say nothing is also how a question fails that the schedd does not know. */
  const confirmNone = async (expression: string): Promise<void> => {
    const args = ["-allusers", "-constraint", `JobStatus == 1 && (${expression})`, "-totals"];
    const said = await run("condor_q", args, { timeoutSeconds: QUERY_SECONDS });
    const count = /^Total for query: (\d+) jobs;/m.exec(said)?.[1];
    if (count === "0") return;
    throw new UpdraftError(
      "failed",
      count === undefined
        ? "condor_q does not say how many jobs there are"
        : `condor_q -group-by shows no job, and condor_q -totals ${count}`,
      "Run condor_q -allusers -totals by hand, and see the schedd's log.",
    );
  };

  const rejections = async (expression: string): Promise<Rejection[]> => {
    // Counted, too, though each is a job alone: to send jobs one by one the schedd itself takes longer before it forks.
    const lately = `JobStatus == 1 && LastRejMatchTime > time() - ${REJECTED_SECONDS}`;
    return (await counted(lately, expression, REJECTED)).flatMap(rejection);
  };

  return {
    rejections,
    async jobs(expression, { factories }) {
      if (hidesAttributes(expression)) {
        throw new UpdraftError(
          "config",
          "jobs cannot be counted by an expression with eval() or with names of attributes in quotes",
          "Name the attributes of the job in the annex's _JOBS as they are.",
        );
      }
      const [first, running, made] = await Promise.all([
        idleAds(expression),
        counted("JobStatus == 2", expression, RUNNING),
        factories ? query(expression, FACTORY, "-factory") : [],
      ]);
      const idle = await notRunning(first, running, () => idleAds(expression));
      if (idle.length === 0) await confirmNone(expression);
      return {
        idle: idleJobs(idle, await evaluatedRequests(run, idle)),
        running: running.map(runningJobs),
        rejections: idle.flatMap(rejection),
        unmaterialized: made.reduce((sum, ad) => sum + unmaterialized(ad), 0),
      };
    },
  };
}

/** A job may have started between two questions, but not before the first: then the answer is not of now. */
async function notRunning(
  idle: readonly Ad[],
  running: readonly Ad[],
  again: () => Promise<readonly Ad[]>,
): Promise<readonly Ad[]> {
  if (inBoth(ids(idle), ids(running)) === undefined) return idle;
  const now = await again();
  const job = inBoth(ids(now), ids(running));
  if (job === undefined) return now;
  throw new UpdraftError(
    "failed",
    `condor_q shows job ${job} both among those that run and, asked later, among those that wait`,
    `Run condor_q ${job} by hand, and see the schedd's log.`,
  );
}

const ids = (ads: readonly Ad[]): JobIds[] =>
  ads.flatMap((ad) => jobIds(number(ad.get("jobcount")) ?? 0, text(ad.get("jobids")) ?? "") ?? []);

/** An answer that is cut short, or of another form, is an error and never fewer ads. */
async function readAds(
  run: Run,
  program: string,
  args: readonly string[],
  take: (ad: Ad) => void,
): Promise<void> {
  let wrong: string | undefined;
  const stream = adStream((text) => {
    try {
      take(parseAd(text));
    } catch (error) {
      wrong ??= messageOf(error);
    }
  });
  await run(program, args, { timeoutSeconds: QUERY_SECONDS, onText: (text) => stream.push(text) });
  wrong ??= stream.end();
  if (wrong === undefined) return;
  throw new UpdraftError(
    "failed",
    `${program} gave an answer that cannot be read: ${wrong}`,
    `Run ${program} -json by hand to see what is wrong.`,
  );
}

const asJob = (ad: string, index: number): string =>
  `[ ClusterId = ${index + 1}; ProcId = 0; JobStatus = 1; ${ad.slice(2)}`;

/** Ads of jobs as condor_q reads them from a file: the one at `index` is job `index + 1`.0. */
export const jobAds = (ads: readonly string[]): string => formatAds(ads.map(asJob));

const matched = (ad: Ad): string => formatAd([...ad].filter(([name]) => !NOT_MATCHED.has(name)));

const isPlain = (value: AdValue): boolean => typeof value === "number" || value === undefined;

/** What HTCondor makes of requests that are expressions, as those of jobs that ask for nothing themselves; by the ad's text. */
async function evaluatedRequests(
  run: Run,
  ads: readonly Ad[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const unclear = ads.filter((ad) => REQUESTS.some((name) => !isPlain(ad.get(name.toLowerCase()))));
  const texts = [...new Set(unclear.map(matched))];
  if (texts.length === 0) return new Map();
  // As numbers, so that each is one word whatever the job asks for: a string or a list of words becomes "error".
  const numbers = REQUESTS.map((name) => `real(${name})`);
  const output = await run("condor_q", ["-jobads:new", "-", "-af:j", ...numbers], {
    timeoutSeconds: QUERY_SECONDS,
    input: jobAds(texts),
  });
  const lines = new Map(
    output.split("\n").map((line) => {
      const [id = "", ...words] = line.trim().split(/\s+/);
      return [id, words.map(Number)];
    }),
  );
  return new Map(
    texts.map((text, index) => {
      const values = lines.get(`${index + 1}.0`);
      if (values?.length === REQUESTS.length) return [text, values];
      throw new UpdraftError(
        "failed",
        "condor_q does not say of every job what it requests",
        "Run condor_q -jobads by hand to see what is wrong.",
      );
    }),
  );
}

function idleJobs(ads: readonly Ad[], evaluated: ReadonlyMap<string, readonly number[]>): IdleJobs[] {
  const texts = new Map<string, string>();
  return ads.map((ad) => {
    const long = matched(ad);
    // Of many equal texts one is kept.
    const text_ = texts.get(long) ?? long;
    texts.set(text_, text_);
    const time = (name: string): number | undefined => number(ad.get(name));
    const deferral = time("deferraltime");
    const values = evaluated.get(text_) ?? REQUESTS.map((name) => number(ad.get(name.toLowerCase())));
    return {
      count: number(ad.get("jobcount")) ?? 0,
      id: /^\d+\.\d+/.exec(text(ad.get("jobids")) ?? "")?.[0] ?? "",
      universe: number(ad.get("jobuniverse")) ?? 0,
      idleSince: time("enteredcurrentstatus") ?? 0,
      autocluster: number(ad.get("autoclusterid")),
      matchedAt: time("lastmatchtime"),
      deferredUntil: deferral === undefined ? undefined : deferral - (time("deferralpreptime") ?? 0),
      coolDownUntil: time("jobcooldownexpiration"),
      hasConcurrencyLimits: isSet(ad.get("concurrencylimits")),
      user: text(ad.get("user")),
      group: text(ad.get("acctgroup")),
      request: requested(values),
      ad: text_,
    };
  });
}

const isSet = (value: AdValue): boolean =>
  value !== undefined && !(value instanceof Expression && value.text === "undefined");

/** What has no number counts as nothing, and a CPU is the least. */
function requested(values: readonly (number | undefined)[]): Resources {
  const [cpus, memory = 0, disk = 0, gpus = 0] = values.map((value) =>
    value !== undefined && Number.isFinite(value) ? Math.max(0, value) : 0,
  );
  return { cpus: cpus === undefined || cpus === 0 ? 1 : cpus, memory, disk, gpus };
}

function runningJobs(ad: Ad): RunningJobs {
  return {
    count: number(ad.get("jobcount")) ?? 0,
    user: text(ad.get("user")),
    autocluster: number(ad.get("autoclusterid")),
    annex: text(ad.get("machineattrannexname0")),
  };
}

function rejection(ad: Ad): Rejection[] {
  const autocluster = number(ad.get("autoclusterid"));
  const at = number(ad.get("lastrejmatchtime"));
  if (autocluster === undefined || at === undefined) return [];
  const user = text(ad.get("user"));
  return [{ autocluster, user, at, reason: text(ad.get("lastrejmatchreason"))?.trim() ?? "" }];
}

const unmaterialized = (ad: Ad): number =>
  Math.max(0, (number(ad.get("totalsubmitprocs")) ?? 0) - (number(ad.get("jobmaterializenextprocid")) ?? 0));
