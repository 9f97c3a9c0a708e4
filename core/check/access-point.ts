import { hookJob, type CronJob } from "../cron-job.ts";
import { UpdraftError } from "../errors.ts";
import { knobName, type AnnexKnobs, type KnobProblem, type Knobs, type Setting } from "../knobs.ts";
import type { Site } from "../site.ts";
import { SCHEDD_ATTRIBUTE } from "../start-expression.ts";
import { formatDuration } from "../time.ts";
import { centralManagerPieces, type CentralManagerPorts } from "./central-manager.ts";
import { needed, ok, once, refusal, warning, wrong, type Found, type Piece } from "./findings.ts";
import { optInPieces } from "./opt-in.ts";
import type { ScheddAd, ScheddFacts } from "./ports.ts";
import { mayOrder, mustHaveLease, type CredentialReport } from "./trial.ts";

/** Which of HTCondor's own knobs are looked at beside those of {@link Site}. */
export const SCHEDD_SETTINGS = "JOB_TRANSFORM_.*|SYSTEM_IMMUTABLE_JOB_ATTRS|SCHEDD_CRON_.*|SCHEDD_INTERVAL";

export type AccessPointPorts = CentralManagerPorts & {
  readonly schedd: ScheddFacts;
  settings(pattern: string): Promise<readonly Setting[]>;
  scheddAd(): Promise<ScheddAd | undefined>;
  /** Runs the hook as the schedd would, to say whose credentials it has. */
  hookCredentials(job: CronJob, site: Site): Promise<CredentialReport>;
};

const OF = "access point";
const piece = (name: string, look: Piece["look"]): Piece => ({ of: OF, name, look });

/** The knobs, each bad one told by itself. */
export function knobPiece(problems: readonly KnobProblem[], { annexes, stop }: Knobs): Piece {
  const stopped = warning("UPDRAFT_STOP is set: nothing is ordered", "Set it to false to order again.");
  return piece("knobs", async () => [
    ...(stop ? [stopped] : []),
    ...(problems.length === 0
      ? [ok(`${annexes.length === 1 ? "annex" : "annexes"} ${annexes.map((annex) => annex.name).join(", ")}`)]
      : problems.map(({ name, value, source, expected }) =>
          wrong(
            value === undefined
              ? `${name} is not set: expected ${expected}`
              : `${name} = ${value} (${source ?? "unknown place"}): expected ${expected}`,
            "Correct it in HTCondor's configuration (config.d).",
          ),
        )),
  ]);
}

/** What this machine's HTCondor must do for annexes, whatever AWS says. */
export function accessPointPieces(
  ports: AccessPointPorts,
  annexes: readonly AnnexKnobs[],
  site: Site,
  optIn: string,
): Piece[] {
  const settings = once(() => ports.settings(SCHEDD_SETTINGS));
  const job = async (): Promise<CronJob | undefined> =>
    hookJob(await needed(settings(), "HTCondor's configuration"));
  const acting = annexes.filter((annex) => annex.mode === "act");
  const credentials = piece("hook's credentials", async () => {
    const hook = await job();
    if (hook === undefined) return [ok("there is no hook that needs any")];
    const report = await ports.hookCredentials(hook, site);
    return [ok(`the hook is ${report.arn}`), ...annexes.flatMap((annex) => hookMay(report, annex))];
  });
  return [
    piece("schedd", async () => {
      const ad = await ports.scheddAd();
      return [
        ad === undefined
          ? wrong(
              `the collector does not know schedd ${site.schedd}`,
              "See with `condor_status -schedd` whether it runs and under which name.",
            )
          : ok(`${site.schedd} has run for ${formatDuration(ad.now - ad.started)}`),
      ];
    }),
    piece("job transform", async () => transform(ports, await settings(), site)),
    ...optInPieces(ports.schedd, settings, annexes, optIn),
    piece("hook", async () => {
      const hook = await job();
      const modes = acting.map((annex) => knobName(annex.name, "MODE")).join(", ");
      if (hook === undefined)
        return [
          acting.length === 0
            ? ok("it is not installed: instances are ordered by `updraft create` alone")
            : wrong(`${modes} is act, and no hook is installed that would`, INSTALL),
        ];
      const interval = Number((await settings()).find((one) => one.name === "SCHEDD_INTERVAL")?.value ?? 300);
      return hookRuns(hook, await needed(ports.scheddAd(), "the collector's answer"), annexes, interval);
    }),
    credentials,
    ...centralManagerPieces(ports, annexes, site),
  ];
}

const INSTALL = "Put condor-config/schedd-cron.config into config.d, then run: condor_restart -schedd";
const DROP_IN = "Put condor-config/access-point.config into config.d, then run: condor_reconfig";

/** Jobs without the stamp run on no annex; the running schedd must have read what sets it. */
async function transform(
  ports: AccessPointPorts,
  settings: readonly Setting[],
  site: Site,
): Promise<Found[]> {
  const value = (name: string): string =>
    settings.find((setting) => setting.name.toUpperCase() === name.toUpperCase())?.value ?? "";
  const stamp = new RegExp(`\\b${SCHEDD_ATTRIBUTE}"?\\s*=?\\s*"([^"]*)"`, "i");
  const stamps = value("JOB_TRANSFORM_NAMES")
    .split(/[\s,]+/)
    .flatMap((name) => {
      const set = stamp.exec(value(`JOB_TRANSFORM_${name}`))?.[1];
      return set === undefined ? [] : [{ name, set }];
    });
  const [first] = stamps;
  if (first === undefined)
    return [
      wrong(`no job transform sets ${SCHEDD_ATTRIBUTE}, without which no job runs on an annex`, DROP_IN),
    ];
  if (first.set !== site.schedd)
    return [
      wrong(
        `job transform ${first.name} sets ${SCHEDD_ATTRIBUTE} to "${first.set}", and this schedd is ${site.schedd}`,
        `Set it to "${site.schedd}" there, then run: condor_reconfig`,
      ),
    ];
  const running = (await ports.schedd.knob("JOB_TRANSFORM_NAMES"))?.split(/[\s,]+/) ?? [];
  if (!running.some((name) => name.toUpperCase() === first.name.toUpperCase()))
    return [wrong(`the running schedd has not read job transform ${first.name} yet`, "Run: condor_reconfig")];
  const immutable = value("SYSTEM_IMMUTABLE_JOB_ATTRS").split(/[\s,]+/);
  return [
    immutable.some((name) => name.toLowerCase() === SCHEDD_ATTRIBUTE.toLowerCase())
      ? ok(`job transform ${first.name} stamps every job of ${site.schedd}`)
      : warning(`${SCHEDD_ATTRIBUTE} is not among SYSTEM_IMMUTABLE_JOB_ATTRS: users may change it`, DROP_IN),
  ];
}

/** A run takes less. */
const RUN_SECONDS = 45;
const MISSED_RUNS = 3;

function hookRuns(
  hook: CronJob,
  ad: ScheddAd | undefined,
  annexes: readonly AnnexKnobs[],
  interval: number,
): Found[] {
  if (hook.prefix !== "Annex_")
    return [wrong(`SCHEDD_CRON_${hook.name}_PREFIX is "${hook.prefix}", not "Annex_"`, INSTALL)];
  if (ad === undefined)
    return [wrong("the schedd is not in the collector, so nobody knows whether the hook runs", INSTALL)];
  const up = ad.now - ad.started;
  if (ad.hookUpdated === undefined) {
    return [
      up < interval + RUN_SECONDS
        ? warning(
            `the schedd started ${formatDuration(up)} ago and has shown no run of the hook yet`,
            `It may take ${formatDuration(interval + RUN_SECONDS)}: look again then.`,
          )
        : wrong(
            `the schedd has not picked up cron job ${hook.name}: the hook has never run`,
            "Run: condor_restart -schedd (condor_reconfig does not start a new job of the schedd)",
          ),
    ];
  }
  const age = Math.max(0, ad.now - ad.hookUpdated);
  if (age > interval + RUN_SECONDS + MISSED_RUNS * hook.periodSeconds)
    return [
      wrong(
        `the hook last ran ${formatDuration(age)} ago`,
        "Look for UPDRAFT in the schedd's log, then run: condor_restart -schedd",
      ),
    ];
  const errors = annexes.flatMap(({ name }) => {
    const error = ad.errors[name];
    return error === undefined
      ? []
      : [
          warning(
            `in its last run it could not measure annex ${name}: ${error}`,
            `See Annex_${name}_Reason.`,
          ),
        ];
  });
  return [ok(`the hook ran ${formatDuration(age)} ago`), ...errors];
}

function hookMay(report: CredentialReport, annex: AnnexKnobs): Found[] {
  const entry = report.annexes[annex.name];
  const policy = "Give it the policy that `updraft setup --region` shows as hookPolicy, and no other.";
  if (entry === undefined)
    return [wrong(`the hook knows no annex ${annex.name}`, "Check the knobs, then look again.")];
  if ("refused" in entry) {
    const { kind, message, remedy } = entry.refused;
    return [
      refusal(
        new UpdraftError(
          kind === "denied" ? "denied" : "config",
          message,
          kind === "denied" ? policy : remedy,
        ),
      ),
    ];
  }
  const whose = `for annex ${annex.name} the hook`;
  return [...mayOrder(entry.trial, whose, policy), ...mustHaveLease(entry.trial, whose, policy)];
}
