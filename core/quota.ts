import type { Market } from "./order.ts";

/** An account's limit on the vCPUs of all its running instances of some families, in one region and market. */
export type Quota = {
  /** As Service Quotas numbers it, in the service `ec2`. */
  readonly code: string;
  readonly name: string;
  readonly market: Market;
};

type Row = readonly [families: readonly string[], market: Market, code: string, name: string];

const STANDARD = ["a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"];

const ROWS: readonly Row[] = [
  [STANDARD, "on-demand", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"],
  [STANDARD, "spot", "L-34B43A08", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"],
  [["g", "gr", "vt"], "on-demand", "L-DB2E81BA", "Running On-Demand G and VT instances"],
  [["g", "gr", "vt"], "spot", "L-3819A6DF", "All G and VT Spot Instance Requests"],
  [["p"], "on-demand", "L-417A185B", "Running On-Demand P instances"],
  [["p"], "spot", "L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests"],
  [["x"], "on-demand", "L-7295265B", "Running On-Demand X instances"],
  [["x"], "spot", "L-E3A00192", "All X Spot Instance Requests"],
  [["f"], "on-demand", "L-74FC7D96", "Running On-Demand F instances"],
  [["f"], "spot", "L-88CF9481", "All F Spot Instance Requests"],
  [["inf"], "on-demand", "L-1945791B", "Running On-Demand Inf instances"],
  [["inf"], "spot", "L-B5D1601B", "All Inf Spot Instance Requests"],
];

export const QUOTAS: readonly Quota[] = ROWS.map(([, market, code, name]) => ({ code, name, market }));

/** The quota that an instance type counts against; undefined for families whose quota we do not know. */
export function quotaOf(instanceType: string, market: Market): Quota | undefined {
  const family = /^[a-z]+/.exec(instanceType)?.[0] ?? "";
  // Later P types have quotas of their own on spot.
  if (market === "spot" && /^p[5-9]/.test(instanceType)) return undefined;
  const row = ROWS.find(([families, of]) => of === market && families.includes(family));
  return row && QUOTAS.find((quota) => quota.code === row[2]);
}
