import { QUOTAS, quotaOf, type Quota } from "../../core/quota.ts";
import type { Market } from "./ec2/instance.ts";

/** vCPUs by quota code; what is not named has the default. */
export type QuotaSettings = Readonly<Record<string, number>>;

const DEFAULT_STANDARD = 4096;
const STANDARD = /Standard/;

export type AccountQuota = Quota & { readonly value: number };

/** Every quota of the account, in vCPUs: what launches are held to, and what Service Quotas tells. */
export function accountQuotas(settings: QuotaSettings): AccountQuota[] {
  // A new account may launch none of the other families either.
  return QUOTAS.map((quota) => ({
    ...quota,
    value: settings[quota.code] ?? (STANDARD.test(quota.name) ? DEFAULT_STANDARD : 0),
  }));
}

/** How many more vCPUs of this type's family may be launched, given what runs; Infinity for a family without a quota. */
export function vcpusLeft(
  settings: QuotaSettings,
  running: readonly { readonly instanceType: string; readonly market: Market; readonly vcpus: number }[],
  instanceType: string,
  market: Market,
): { readonly quota: AccountQuota | undefined; readonly left: number } {
  const code = quotaOf(instanceType, market)?.code;
  const quota = accountQuotas(settings).find((one) => one.code === code);
  if (quota === undefined) return { quota, left: Infinity };
  const used = running
    .filter((one) => quotaOf(one.instanceType, one.market)?.code === code)
    .reduce((sum, one) => sum + one.vcpus, 0);
  return { quota, left: Math.max(0, quota.value - used) };
}
