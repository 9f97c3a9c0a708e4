import { knobName, type AnnexKnobs } from "../knobs.ts";
import { ok, warning, wrong, type Found } from "./findings.ts";
import type { Route, RouteTable, SubnetFacts } from "./ports.ts";

const EVERYWHERE = "0.0.0.0/0";

/** How instances in a subnet get out: to S3, the collector and the schedd. */
export function wayOut(annex: AnnexKnobs, subnet: SubnetFacts, tables: readonly RouteTable[]): Found {
  const table = tables.find((one) => one.subnets.includes(subnet.id)) ?? tables.find((one) => one.main);
  if (table === undefined)
    return wrong(`${subnet.id} has no route table`, `Associate one in VPC ${subnet.vpcId}, with a way out.`);
  const out = table.routes.find((route) => route.destination === EVERYWHERE);
  const endpoint = table.routes.find((route) => route.target.startsWith("vpce-") && route.active);
  const where = `${subnet.id} (${subnet.zone})`;
  if (out === undefined || !out.active) {
    const gone = out === undefined ? "no route out" : `a route out to ${out.target}, which is gone`;
    const mend = `Give route table ${table.id} a route ${EVERYWHERE} to a NAT gateway, or to an internet gateway with ${knobName(annex.name, "PUBLIC_IP")} = true.`;
    return endpoint === undefined
      ? wrong(`${where} has ${gone}: its instances reach neither S3 nor the pool`, mend)
      : warning(
          `${where} has ${gone} but an endpoint (${endpoint.target}): S3 may be reached, the pool only inside the VPC`,
          mend,
        );
  }
  return through(annex, where, out, endpoint);
}

function through(annex: AnnexKnobs, where: string, out: Route, endpoint: Route | undefined): Found {
  const s3 = endpoint === undefined ? "" : `, S3 through ${endpoint.target}`;
  if (!out.target.startsWith("igw-") || annex.publicIp)
    return ok(`${where} goes out through ${out.target}${s3}`);
  const knob = knobName(annex.name, "PUBLIC_IP");
  const what = `${where} goes out through the internet gateway ${out.target}, which serves public addresses only, and ${knob} is false`;
  const mend = `Set ${knob} = true and run updraft setup --annex ${annex.name}, or name subnets behind a NAT gateway.`;
  return endpoint === undefined ? wrong(what, mend) : warning(`${what}${s3}`, mend);
}

/** Whether all that the annex may order would find addresses. */
export function freeAddresses(annex: AnnexKnobs, subnets: readonly SubnetFacts[]): Found[] {
  const full = subnets.filter((subnet) => subnet.free === 0);
  const free = subnets.reduce((sum, subnet) => sum + subnet.free, 0);
  const mend = `Name larger subnets in ${knobName(annex.name, "SUBNETS")}, or free addresses there.`;
  const needs = `_MAX_INSTANCES is ${annex.maxInstances}`;
  if (free === 0) return [wrong(`no address is free in ${list(subnets)}`, mend)];
  return [
    free < annex.maxInstances
      ? warning(`${free} addresses are free, and ${needs}`, mend)
      : ok(`${free} addresses are free, and ${needs}`),
    ...full.map((subnet) => warning(`no address is free in ${subnet.id} (${subnet.zone})`, mend)),
  ];
}

function list(subnets: readonly SubnetFacts[]): string {
  return subnets.map((subnet) => subnet.id).join(", ");
}

/** Which of the types EC2 offers in the subnets' zones. */
export function offered(
  annex: AnnexKnobs,
  zones: readonly string[],
  zonesOf: ReadonlyMap<string, ReadonlySet<string>>,
): Found[] {
  const types = `Name other types in ${knobName(annex.name, "INSTANCE_TYPES")}`;
  const subnets = `subnets of other zones in ${knobName(annex.name, "SUBNETS")}`;
  const has = (type: string, zone: string): boolean => zonesOf.get(type)?.has(zone) === true;
  const found = annex.instanceTypes.flatMap((type): Found[] => {
    const missing = zones.filter((zone) => !has(type, zone));
    if (missing.length === 0) return [];
    const what = `${type} is not offered in ${missing.join(", ")}`;
    return missing.length === zones.length
      ? [wrong(`${what}, which is every zone of the annex`, `${types}, or ${subnets}.`)]
      : [warning(what, `${types} as well, so that the zone can be used.`)];
  });
  return found.length === 0
    ? [ok(`${annex.instanceTypes.join(", ")} are offered in ${zones.join(", ")}`)]
    : found;
}
