import type { Market } from "../pricing/market.ts";
import type { Handlers } from "../service.ts";
import { ec2Answer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { list, record, text, texts, type Parameters } from "../wire/parameters.ts";
import { items } from "../wire/xml.ts";
import type { Catalog } from "./catalog.ts";
import { iso } from "./launch-templates.ts";

const PRODUCT = "Linux/UNIX";

/** DescribeSpotPriceHistory: the changes between two times, and for each type and zone the price that held at the first. */
export function spotPriceHistory(world: { market: Market; catalog: Catalog; now: () => number }): Handlers {
  const { market, catalog, now } = world;
  return {
    async DescribeSpotPriceHistory({ request }) {
      const { parameters } = request;
      const products = [
        ...texts(parameters["ProductDescription"]),
        ...filtered(parameters, "product-description"),
      ];
      const types = wanted(parameters, "InstanceType", "instance-type");
      const zone = text(parameters["AvailabilityZone"]);
      const zones = zone === undefined ? filtered(parameters, "availability-zone") : [zone];
      const until = timeOf(parameters["EndTime"]) ?? now();
      const since = Math.min(timeOf(parameters["StartTime"]) ?? 0, until);
      const known = [...new Set((await catalog.subnets()).map((subnet) => subnet.zone))].sort();
      const rows = [];
      for (const instanceType of types.length > 0 ? types : market.types()) {
        if (products.length > 0 && !products.includes(PRODUCT)) continue;
        for (const availabilityZone of known.filter((one) => zones.length === 0 || zones.includes(one))) {
          if (!(await catalog.isOffered(instanceType, availabilityZone))) continue;
          const told = market.history(instanceType, availabilityZone).filter(({ at }) => at <= until);
          const held = told.findLastIndex(({ at }) => at <= since);
          for (const { at, usd } of told.slice(Math.max(0, held)).reverse())
            rows.push({
              instanceType,
              productDescription: PRODUCT,
              spotPrice: usd.toFixed(6),
              timestamp: iso(at),
              availabilityZone,
            });
        }
      }
      const from = readToken(text(parameters["NextToken"]));
      const size = Number(text(parameters["MaxResults"]) ?? "1000");
      return ec2Answer(request.action, {
        spotPriceHistorySet: items(rows.slice(from, from + size)),
        nextToken: rows.length > from + size ? `from-${from + size}` : "",
      });
    },
  };
}

function wanted(parameters: Parameters, name: string, filter: string): string[] {
  return [...texts(parameters[name]), ...filtered(parameters, filter)];
}

function filtered(parameters: Parameters, name: string): string[] {
  return list(parameters["Filter"])
    .map(record)
    .filter((filter) => text(filter["Name"]) === name)
    .flatMap((filter) => texts(filter["Value"]));
}

function timeOf(value: Parameters[string]): number | undefined {
  const time = text(value);
  return time === undefined ? undefined : Date.parse(time) / 1000;
}

function readToken(token: string | undefined): number {
  if (token === undefined || token === "") return 0;
  const from = /^from-(\d+)$/.exec(token)?.[1];
  if (from === undefined) throw new AwsError("InvalidParameterValue", "Invalid token for nextToken");
  return Number(from);
}
