import type { Market } from "./order.ts";

/** A quota of EC2: vCPUs of a group of instance families in one region, spot and on-demand apart. */
export type Quota = { readonly code: string; readonly name: string };

type Group = { readonly families: RegExp; readonly name: string } & Readonly<
  Record<Market, string | undefined>
>;

/** Codes of Service Quotas, service `ec2`. Families are those that EC2 names in the quotas' own names. */
const GROUPS: readonly Group[] = [
  { families: /^(g|gr|vt)\d/, name: "G and VT", "on-demand": "L-DB2E81BA", spot: "L-3819A6DF" },
  { families: /^p[5]/, name: "P5", "on-demand": "L-417A185B", spot: "L-C4BD4855" },
  { families: /^p\d/, name: "P", "on-demand": "L-417A185B", spot: "L-7212CCBC" },
  { families: /^f\d/, name: "F", "on-demand": "L-74FC7D96", spot: "L-88CF9481" },
  { families: /^x\d/, name: "X", "on-demand": "L-7295265B", spot: "L-E3A00192" },
  { families: /^inf\d/, name: "Inf", "on-demand": "L-1945791B", spot: "L-B5D1601B" },
  { families: /^trn\d/, name: "Trn", "on-demand": "L-2C3B7624", spot: "L-6B0D517C" },
  { families: /^dl\d/, name: "DL", "on-demand": "L-6E869C2A", spot: "L-85EED4F7" },
  { families: /^hpc\d/, name: "HPC", "on-demand": "L-F7808C92", spot: undefined },
  { families: /^u-/, name: "High Memory", "on-demand": "L-43DA4232", spot: undefined },
  {
    families: /^(a|c|d|h|i|im|is|m|r|t|z)\d/,
    name: "Standard",
    "on-demand": "L-1216C47A",
    spot: "L-34B43A08",
  },
];

/** The quota that an instance type counts against; undefined for a family whose quota is not known here. */
export function quotaOf(type: string, market: Market): Quota | undefined {
  const group = GROUPS.find(({ families }) => families.test(type));
  const code = group?.[market];
  return group === undefined || code === undefined ? undefined : { code, name: `${group.name} ${market}` };
}
