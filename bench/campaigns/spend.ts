import { LEASE_MARGIN_SECONDS } from "../../core/liability.ts";
import { TAG } from "../../core/tags.ts";
import type { InstanceView } from "../../sandbox/cloud/ports.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";

/** USD per hour of an m5.large with its disk: what limits reckon with. */
const HOURLY = 0.0971;

/** What is billed: neither shutting down nor gone. */
export async function live(sandbox: Sandbox): Promise<InstanceView[]> {
  return (await sandbox.instances()).filter(
    ({ state }) => state !== "terminated" && state !== "shutting-down",
  );
}

/** USD, as the limit counts it, for what is really there. */
export function liabilityOf(instances: readonly InstanceView[]): number {
  const now = Date.now() / 1000;
  return instances.reduce((sum, { tags }) => {
    const left = Number(tags[TAG.lease]) - now + LEASE_MARGIN_SECONDS;
    return sum + (Math.max(0, left) / 3600) * HOURLY;
  }, 0);
}

/** How many instances there have been, and what all their time has cost. */
export async function hours(sandbox: Sandbox): Promise<{ readonly instances: number; readonly usd: number }> {
  const ends = new Map((await sandbox.terminationLog()).map(({ instanceId, time }) => [instanceId, time]));
  const all = await sandbox.instances();
  const seconds = all.map(
    ({ instanceId, launched }) => (ends.get(instanceId) ?? Date.now() / 1000) - launched,
  );
  return { instances: all.length, usd: (seconds.reduce((sum, one) => sum + one, 0) / 3600) * HOURLY };
}
