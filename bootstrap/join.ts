import { setTimeout as sleep } from "node:timers/promises";
import { command } from "../adapters/node-commands.ts";
import { imds } from "../adapters/imds.ts";
import { nodeS3 } from "../adapters/node-s3.ts";
import { uptime } from "../adapters/uptime.ts";
import { messageOf } from "../core/errors.ts";
import { boot, BootFailure, type BootReport } from "../core/node-boot.ts";
import { probe, type ProbeReport } from "../core/probe.ts";
import { checkManifest, readIdentity, readLease, readOrder } from "../core/node-identity.ts";
import { htcondorEndSeconds } from "../core/node-config.ts";
import { DEFAULT_MAX_LEASE_SECONDS, leaseExpiration } from "../core/lease.ts";
import { lastStretch } from "../core/last-stretch.ts";
import type { NodeState } from "../core/node-state.ts";
import { anchorOf, timeAt, type Anchor } from "../core/true-time.ts";
import { reportKey } from "../core/storage.ts";
import { TAG } from "../core/tags.ts";
import type { UnixTime } from "../core/time.ts";
import { console } from "./console.ts";
import { createAccounts } from "./accounts.ts";
import { fetchConfiguration } from "./configuration.ts";
import { writeKnowledge, writeSettings } from "./guard-files.ts";
import { requireHtcondor, startHtcondor } from "./htcondor.ts";
import { writeConfiguration, writeState } from "./install.ts";
import { installHtcondor } from "./install-htcondor.ts";
import { closeMetadata } from "./metadata.ts";
import { powerOff } from "./power-off.ts";
import { startGuard } from "./start-guard.ts";
import { surroundings } from "./probe.ts";

export type JoinOptions = {
  readonly annex: string;
  readonly bucket: string;
  readonly region: string;
  readonly roleId: string;
  readonly timeoutSeconds: number;
  readonly s3Endpoint?: string;
  /** Where HTCondor's packages come from when the image has none. */
  readonly htcondorSource?: string;
  readonly startedAt?: UnixTime;
};

const now = (): UnixTime => Date.now() / 1000;
const REPORT_ATTEMPTS = 3;

/** Exit status: 0 when HTCondor was started, 1 when it could not be and the instance is being powered off. */
export async function join(options: JoinOptions): Promise<number> {
  const { annex, bucket, region } = options;
  let anchor: Anchor | undefined;
  const metadata = imds(process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"], (...answer) => {
    anchor = anchorOf(...answer) ?? anchor;
  });
  // A lease is judged by the metadata service's time: this machine's clock may not have been set yet.
  const trueTime = (): UnixTime => (anchor === undefined ? now() : timeAt(anchor, uptime()));
  const storage = nodeS3({
    region,
    bucket,
    credentials: () => metadata.credentials(),
    now: trueTime,
    ...(options.s3Endpoint !== undefined && { endpoint: options.s3Endpoint }),
  });
  const { step, times, startedAt, within } = boot(
    { now, sleep: (seconds) => sleep(seconds * 1000), random: Math.random },
    console,
    options.timeoutSeconds,
  );
  if (options.startedAt !== undefined) times["UserData"] = options.startedAt;
  let instanceId = "unknown";

  try {
    const identity = await step("Identity", async () => readIdentity(await metadata.identityDocument()));
    instanceId = identity.instanceId;
    const { htcondorSource } = options;
    if (htcondorSource !== undefined) {
      await step("HtcondorInstalled", () => installHtcondor(command, htcondorSource));
    }
    await step("HtcondorFound", requireHtcondor);
    // These do not need each other, and each waits for somebody else's answer.
    const [{ tags, lifeCycle, order }, configuration, accounts] = await Promise.all([
      step("Tags", async () => {
        const [tags, lifeCycle] = await Promise.all([metadata.tags(), metadata.lifeCycle()]);
        // A node that cannot join must not outlive its lease in trying.
        within((leaseExpiration(tags, trueTime(), DEFAULT_MAX_LEASE_SECONDS) ?? Infinity) - trueTime());
        return { tags, lifeCycle, order: readOrder(tags, annex) };
      }),
      step("Configuration", () => fetchConfiguration(storage, annex)),
      step("Accounts", () => createAccounts(command)),
      step("MetadataClosed", () => closeMetadata(command)),
    ]);
    await step("ManifestAgrees", () => checkManifest(configuration.manifest, order));
    const lease = await step("Lease", () =>
      readLease(tags, trueTime(), configuration.manifest.maxLeaseSeconds),
    );
    const { maxLeaseSeconds, drainSeconds } = configuration.manifest;
    const stretch = lastStretch(drainSeconds, lease - trueTime());
    const interruptible = lifeCycle === "spot";
    await step("Files", () =>
      writeConfiguration(configuration, {
        ...identity,
        interruptible,
        slotAccounts: accounts,
        stretch,
        ...order,
      }),
    );
    const { idleSeconds, ...ordered } = order;
    const state: NodeState = {
      format: 1,
      ...identity,
      ...ordered,
      interruptible,
      leaseExpiration: lease,
      htcondorEndSeconds: htcondorEndSeconds(idleSeconds, stretch),
      bootSteps: times,
    };
    const settings = { format: 1, maxLeaseSeconds, stretch, node: state } as const;
    await step("State", async () => {
      await writeSettings(settings);
      await writeKnowledge({ lease, released: false });
      await writeState(state);
    });
    // First what ends the instance, then what it is for.
    await step("GuardStarted", () => startGuard(command));
    if (tags[TAG.probe] !== undefined) {
      await reportProbe(configuration.manifest.collectors, order.schedd);
      await powerOff(command, console);
      return 0;
    }
    await step("HtcondorStarted", () => startHtcondor(command));
    // From here on the state is the guard's to write, with the times of the whole boot.
    await writeSettings({ ...settings, node: { ...state, bootSteps: times } });
    console(`joined annex ${annex} in ${(now() - startedAt).toFixed(2)} s`);
    return 0;
  } catch (error) {
    const failure = error instanceof BootFailure ? error : new BootFailure("Boot", 1, error);
    const report: BootReport = {
      format: 1,
      annex,
      instanceId,
      step: failure.step,
      reason: failure.message,
      remedy: failure.remedy,
      attempts: failure.attempts,
      startedAt,
      failedAt: now(),
      steps: times,
    };
    console(`${failure.step} failed after ${failure.attempts} attempts: ${failure.message}`);
    console(failure.remedy);
    await sendReport(report);
    await powerOff(command, console);
    return 1;
  }

  /** A probe has everything of a node but its HTCondor, which is never started. */
  async function reportProbe(collectors: string, schedd: string): Promise<void> {
    const s3 = { name: "S3", passed: true, what: "configuration and credential were read from the bucket" };
    const tests = [s3, ...(await probe(surroundings(command), collectors, schedd))];
    for (const { name, passed, what } of tests) console(`${passed ? "passed" : "FAILED"} ${name}: ${what}`);
    await sendReport({ format: 1, probe: true, annex, instanceId, startedAt, tests });
  }

  async function sendReport(report: BootReport | ProbeReport): Promise<void> {
    const key = reportKey(annex, `${options.roleId}:${report.instanceId}`);
    for (let attempt = 1; attempt <= REPORT_ATTEMPTS; attempt++) {
      try {
        await storage.put(key, `${JSON.stringify(report, undefined, 1)}\n`);
        return;
      } catch (error) {
        console(`the report could not be written: ${messageOf(error)}`);
        await sleep(attempt * 500);
      }
    }
  }
}
