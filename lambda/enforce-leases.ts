import { enforcerCloud, type EnforcerCloud } from "../adapters/enforcer-cloud.ts";
import {
  completeSweepMetric,
  parseUnreadable,
  sweep,
  sweepMessage,
  type Sweep,
  type Unreadable,
} from "../core/enforcement.ts";
import { messageOf } from "../core/errors.ts";
import { SWEEP_KEY } from "../core/storage.ts";

let cloud: EnforcerCloud | undefined;
/** What the last sweep saw, for when the bucket does not answer; the runtime keeps it between sweeps. */
let remembered: Unreadable = {};

/**
 * Runs on a schedule in the account, so that an annex ends even when its pool is dead. Nobody retries it: the next
 * sweep does all of it again. `{"dryRun": true}` only says what would be ended.
 */
export async function handler(event?: { readonly dryRun?: unknown }): Promise<Sweep> {
  cloud ??= enforcerCloud();
  const now = (): number => Date.now() / 1000;
  const settings = {
    profilePrefix: setting("PROFILE_PREFIX"),
    maxLeaseSeconds: Number(setting("MAX_LEASE_SECONDS")),
  };
  if (!settings.profilePrefix.endsWith("/") || !(settings.maxLeaseSeconds > 0)) {
    throw new Error("PROFILE_PREFIX must end with / and MAX_LEASE_SECONDS be a number of seconds");
  }
  const { get } = cloud;
  const unreadable = async (): Promise<Unreadable> => {
    const written = await get(setting("BUCKET"), SWEEP_KEY);
    return { ...(written !== undefined && parseUnreadable(written)), ...remembered };
  };
  const result = await sweep({ ...cloud, unreadable, now }, settings, event?.dryRun === true);
  if (event?.dryRun === true) return result;

  remembered = result.unreadable;
  const { ended, notEnded } = result;
  for (const instance of [...ended, ...notEnded]) print({ ...instance });
  if (ended.length > 0 || notEnded.length > 0) {
    const { subject, message } = sweepMessage(result);
    // Telling is worth less than ending: a topic that cannot be reached does not make the sweep incomplete.
    await cloud.publish(setting("TOPIC"), subject, message).catch((error: unknown) => {
      print({ notPublished: messageOf(error) });
    });
  }
  if (notEnded.length > 0) {
    throw new Error(
      `${notEnded.length} instances could not be ended: ${notEnded.map(({ id }) => id).join(" ")}`,
    );
  }
  // Not console.log, which the runtime prefixes with time and request: the metric must be the whole line.
  process.stdout.write(`${completeSweepMetric(setting("METRIC_STACK"), now())}\n`);
  await cloud.put(
    setting("BUCKET"),
    SWEEP_KEY,
    `${JSON.stringify({ sweptAt: Math.round(now()), seen: result.seen, unreadable: result.unreadable, ended })}\n`,
  );
  return result;
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`the environment has no ${name}`);
  return value;
}

function print(entry: object): void {
  process.stdout.write(`${JSON.stringify(entry)}\n`);
}
