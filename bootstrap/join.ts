import { setTimeout as sleep } from "node:timers/promises";
import { command } from "../adapters/node-commands.ts";
import { imds } from "../adapters/imds.ts";
import { nodeS3 } from "../adapters/node-s3.ts";
import { messageOf } from "../core/errors.ts";
import { boot, BootFailure, type BootReport } from "../core/node-boot.ts";
import { checkManifest, readIdentity, readLease, readOrder } from "../core/node-identity.ts";
import type { NodeState } from "../core/node-state.ts";
import { reportKey } from "../core/storage.ts";
import type { UnixTime } from "../core/time.ts";
import { console } from "./console.ts";
import { createAccounts } from "./accounts.ts";
import { fetchConfiguration } from "./configuration.ts";
import { requireHtcondor, startHtcondor } from "./htcondor.ts";
import { writeConfiguration, writeState } from "./install.ts";
import { closeMetadata } from "./metadata.ts";
import { powerOff } from "./power-off.ts";

export type JoinOptions = {
  readonly annex: string;
  readonly bucket: string;
  readonly region: string;
  readonly roleId: string;
  readonly timeoutSeconds: number;
  readonly s3Endpoint?: string;
  readonly startedAt?: UnixTime;
};

const now = (): UnixTime => Date.now() / 1000;
const REPORT_ATTEMPTS = 3;

/** Exit status: 0 when HTCondor was started, 1 when it could not be and the instance is being powered off. */
export async function join(options: JoinOptions): Promise<number> {
  const { annex, bucket, region } = options;
  const metadata = imds(process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"]);
  const storage = nodeS3({
    region,
    bucket,
    credentials: () => metadata.credentials(),
    ...(options.s3Endpoint !== undefined && { endpoint: options.s3Endpoint }),
  });
  const { step, times, startedAt } = boot(
    { now, sleep: (seconds) => sleep(seconds * 1000), random: Math.random },
    console,
    options.timeoutSeconds,
  );
  if (options.startedAt !== undefined) times["UserData"] = options.startedAt;
  let instanceId = "unknown";

  try {
    const identity = await step("Identity", async () => readIdentity(await metadata.identityDocument()));
    instanceId = identity.instanceId;
    await step("HtcondorFound", requireHtcondor);
    const { tags, lifeCycle, order } = await step("Tags", async () => {
      const [tags, lifeCycle] = await Promise.all([metadata.tags(), metadata.lifeCycle()]);
      return { tags, lifeCycle, order: readOrder(tags, annex) };
    });
    const configuration = await step("Configuration", async () => {
      const fetched = await fetchConfiguration(storage, annex);
      checkManifest(fetched.manifest, order);
      return fetched;
    });
    const leaseExpiration = await step("Lease", () =>
      readLease(tags, now(), configuration.manifest.maxLeaseSeconds),
    );
    const interruptible = lifeCycle === "spot";
    const accounts = await step("Accounts", () => createAccounts(command));
    await step("Files", () =>
      writeConfiguration(configuration, { ...identity, interruptible, slotAccounts: accounts, ...order }),
    );
    await step("MetadataClosed", () => closeMetadata(command));
    const { idleSeconds: _, ...ordered } = order;
    const state: NodeState = {
      format: 1,
      ...identity,
      ...ordered,
      interruptible,
      leaseExpiration,
      bootSteps: times,
    };
    await step("State", () => writeState(state));
    await step("HtcondorStarted", () => startHtcondor(command));
    await writeState({ ...state, bootSteps: times });
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

  async function sendReport(report: BootReport): Promise<void> {
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
