import { setTimeout as sleep } from "node:timers/promises";
import { command } from "../adapters/node-commands.ts";
import { imds } from "../adapters/imds.ts";
import { nodeS3 } from "../adapters/node-s3.ts";
import { uptime } from "../adapters/uptime.ts";
import { messageOf } from "../core/errors.ts";
import type { ImageRecord } from "../core/image-record.ts";
import { boot, BootFailure, type BootReport } from "../core/node-boot.ts";
import type { ProbeReport } from "../core/probe.ts";
import {
  checkManifest,
  readIdentity,
  readLease,
  readOrder,
  requirePublicAddress,
  type NodeOrder,
} from "../core/node-identity.ts";
import { htcondorEndSeconds } from "../core/node-config.ts";
import { DEFAULT_MAX_LEASE_SECONDS, leaseExpiration } from "../core/lease.ts";
import { lastStretch } from "../core/last-stretch.ts";
import type { NodeState } from "../core/node-state.ts";
import { anchorOf, bestTime, type Anchor } from "../core/true-time.ts";
import { reportKey } from "../core/storage.ts";
import { TAG, type Tags } from "../core/tags.ts";
import type { UnixTime } from "../core/time.ts";
import { beAlone } from "./alone.ts";
import { console } from "./console.ts";
import { createAccounts } from "./accounts.ts";
import { REFRESH_SECONDS } from "./credential-files.ts";
import { checkCredential, fetchConfiguration } from "./configuration.ts";
import { writeKnowledge, writeSettings } from "./guard-files.ts";
import { requireHtcondor, startHtcondor } from "./htcondor.ts";
import { allowHtcondor, writeConfiguration, writeState } from "./install.ts";
import { keepJoinOptions, type JoinOptions } from "./join-options.ts";
import { closeMetadata } from "./metadata.ts";
import { powerOff } from "./power-off.ts";
import { mountLocalDisks } from "./scratch.ts";
import { startGuard } from "./start-guard.ts";
import { installUnits, runsSystemd } from "./units.ts";

/** Finer than the machine's uptime. */
const elapsed = (): number => performance.now() / 1000;
const REPORT_ATTEMPTS = 3;
/** A report that takes longer does not keep the instance alive. */
const REPORT_SECONDS = 15;
/** The part of the boot's time in which nobody asks how HTCondor is doing: the processor is its alone. */
const UNDISTURBED = 1 / 60;

/**
 * Makes this instance a node, again after a reboot: what is there already stays as it is. Exit status: 0 when a
 * collector has accepted it, 1 when that could not be and the instance is being powered off.
 */
export async function join(options: JoinOptions): Promise<number> {
  const { annex, bucket, region } = options;
  let anchor: Anchor | undefined;
  const metadata = imds(process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"], (...answer) => {
    anchor = anchorOf(...answer) ?? anchor;
  });
  // This machine's clock may not have been set yet; a lease is not judged by it then.
  const now = (): UnixTime => bestTime(Date.now() / 1000, anchor, uptime());
  const storage = nodeS3({
    region,
    bucket,
    credentials: () => metadata.credentials(),
    now,
    ...(options.s3Endpoint !== undefined && { endpoint: options.s3Endpoint }),
  });
  const { step, note, times, within } = boot(
    {
      now,
      elapsed,
      sleep: (seconds, signal) => sleep(seconds * 1000, undefined, signal && { signal }),
      random: Math.random,
    },
    console,
    options.timeoutSeconds,
  );
  if (options.startedAt !== undefined) note("UserData", Date.now() / 1000 - options.startedAt);
  const begun = elapsed();
  // What is only read waits neither for each other nor until this join is alone: each waits for somebody else's answer.
  const identified = step("Identity", async () => readIdentity(await metadata.identityDocument()));
  const configured = step("Configuration", async () => {
    const fetched = await fetchConfiguration(storage, annex);
    checkCredential(fetched, now());
    return fetched;
  });

  try {
    const [identity, configuration, { tags, lifeCycle, order }, { image, accounts }] = await Promise.all([
      identified,
      configured,
      step("Tags", readTags),
      prepare(),
    ]);
    await step("ManifestAgrees", () => checkManifest(configuration.manifest, order));
    const { maxLeaseSeconds, drainSeconds } = configuration.manifest;
    const lease = await step("Lease", () => readLease(tags, now(), maxLeaseSeconds));
    const stretch = lastStretch(drainSeconds, lease - now());
    const direct = configuration.manifest.direct
      ? await step("PublicAddress", async () => requirePublicAddress(await metadata.addresses()))
      : undefined;
    const interruptible = lifeCycle === "spot";
    const values = {
      ...identity,
      interruptible,
      slotAccounts: accounts,
      gpus: image.gpuDriver !== undefined,
      stretch,
      direct,
      ...order,
    };
    await Promise.all([
      step("Files", () => writeConfiguration(configuration, values)),
      step("Disks", () => mountLocalDisks(command, console)),
    ]);
    const { idleSeconds, ...ordered } = order;
    const state: NodeState = {
      format: 1,
      ...identity,
      ...ordered,
      interruptible,
      leaseExpiration: lease,
      htcondorEndSeconds: htcondorEndSeconds(idleSeconds, stretch),
      bootSteps: times(),
    };
    const { kind } = configuration.manifest.credential;
    const { s3Endpoint } = options;
    const source = {
      kind,
      bucket,
      region,
      ...(s3Endpoint !== undefined && { s3Endpoint }),
      everySeconds: REFRESH_SECONDS,
    };
    const settings = { format: 1, maxLeaseSeconds, idleSeconds, stretch, source, node: state } as const;
    await step("State", async () => {
      // Each waits for the disk, so they wait together.
      await Promise.all([
        writeSettings(settings),
        writeKnowledge({ lease, released: false, rebalance: false }),
        writeState(state),
        keepJoinOptions(options),
      ]);
    });
    if (runsSystemd()) await step("Units", () => installUnits(command));
    // First what ends the instance, then what it is for.
    await step("GuardStarted", () => startGuard(command));
    if (tags[TAG.probe] !== undefined) {
      await reportProbe(identity.instanceId, configuration.manifest.collectors, order.schedd);
      await powerOff(command, console);
      return 0;
    }
    await step("HtcondorStarted", async () => {
      await allowHtcondor();
      await startHtcondor(command);
    });
    // From here on the state is the guard's to write, with the times of the whole boot.
    await writeSettings({ ...settings, node: { ...state, bootSteps: times() } });
    console(`HTCondor was started in ${(elapsed() - begun).toFixed(2)} s`);
    await sleep(options.timeoutSeconds * UNDISTURBED * 1000);
    // What is needed only now was not read before.
    await step("Accepted", async () => (await import("./acceptance.ts")).requireAcceptance());
    await writeSettings({ ...settings, node: { ...state, bootSteps: times() } });
    console(`joined annex ${annex} in ${(elapsed() - begun).toFixed(2)} s`);
    return 0;
  } catch (error) {
    const failure = error instanceof BootFailure ? error : new BootFailure("Boot", 1, error);
    console(`${failure.step} failed after ${failure.attempts} attempts: ${failure.message}`);
    console(failure.remedy);
    // What has been sent is not waited for any longer.
    await Promise.race([reportFailure(failure), sleep(REPORT_SECONDS * 1000, undefined, { ref: false })]);
    await powerOff(command, console);
    return 1;
  }

  async function readTags(): Promise<{ tags: Tags; lifeCycle: string; order: NodeOrder }> {
    const [tags, lifeCycle] = await Promise.all([metadata.tags(), metadata.lifeCycle()]);
    // A node that cannot join must not outlive its lease in trying; one that is over already is refused below.
    const left = (leaseExpiration(tags, now(), DEFAULT_MAX_LEASE_SECONDS) ?? Infinity) - now();
    if (left > 0) within(left);
    return { tags, lifeCycle, order: readOrder(tags, annex) };
  }

  /** What changes this machine and is the same for every annex, once no other join does it. */
  async function prepare(): Promise<{ image: ImageRecord; accounts: number }> {
    await step("Alone", () => beAlone(options.timeoutSeconds));
    const { htcondorSource } = options;
    if (htcondorSource !== undefined) {
      const { installHtcondor } = await import("./install-htcondor.ts");
      await step("HtcondorInstalled", () => installHtcondor(command, htcondorSource));
    }
    const image = await step("HtcondorFound", () => requireHtcondor(command));
    const mayStayOpen = async (): Promise<boolean> => (await configured).manifest.allowOpenMetadata;
    const [accounts] = await Promise.all([
      step("Accounts", () => createAccounts(command)),
      step("MetadataClosed", () => closeMetadata(command, mayStayOpen, console)),
    ]);
    return { image, accounts };
  }

  /** A probe has everything of a node but its HTCondor, which is never started. */
  async function reportProbe(instanceId: string, collectors: string, schedd: string): Promise<void> {
    const [{ probe }, { surroundings }] = await Promise.all([
      import("../core/probe.ts"),
      import("./probe.ts"),
    ]);
    const s3 = { name: "S3", passed: true, what: "configuration and credential were read from the bucket" };
    const tests = [s3, ...(await probe(surroundings(command), collectors, schedd))];
    for (const { name, passed, what } of tests) console(`${passed ? "passed" : "FAILED"} ${name}: ${what}`);
    await sendReport({
      format: 1,
      probe: true,
      annex,
      instanceId,
      startedAt: times()["Started"] ?? now(),
      tests,
    });
  }

  async function reportFailure(failure: BootFailure): Promise<void> {
    const steps = times();
    const failedAt = now();
    await sendReport({
      format: 1,
      annex,
      // Another step may have failed before this one had its answer.
      instanceId: await identified.then(
        (identity) => identity.instanceId,
        () => "unknown",
      ),
      step: failure.step,
      reason: failure.message,
      remedy: failure.remedy,
      attempts: failure.attempts,
      startedAt: steps["Started"] ?? failedAt,
      failedAt,
      steps,
    });
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
