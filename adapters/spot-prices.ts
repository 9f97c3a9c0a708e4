import { DescribeSpotPriceHistoryCommand, EC2Client, type _InstanceType } from "@aws-sdk/client-ec2";
import { readUsd, type SpotPrice, type SpotPrices } from "../core/prices.ts";
import { lazyAwsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsError } from "./aws-errors.ts";

/** A price without the platform's fee; EC2 has it as the only one of plain Linux in a VPC. */
const PRODUCT = "Linux/UNIX";

/** What EC2 asks for a spot instance now, by type and zone. */
export function spotPrices(region: string, options: AwsClientOptions = {}): SpotPrices {
  const client = lazyAwsClient(EC2Client, region, options);
  return async (types, zones) => {
    const latest = new Map<string, SpotPrice & { readonly at: number }>();
    // With now as the start EC2 tells the prices that hold now, whenever they were set.
    const StartTime = new Date();
    let NextToken: string | undefined;
    do {
      const page = await client()
        .send(
          new DescribeSpotPriceHistoryCommand({
            InstanceTypes: [...types] as _InstanceType[],
            ProductDescriptions: [PRODUCT],
            StartTime,
            ...(zones.length > 0 && { Filters: [{ Name: "availability-zone", Values: [...zones] }] }),
            ...(NextToken && { NextToken }),
          }),
        )
        .catch((error: unknown) => {
          throw awsError(error, "read the spot prices");
        });
      for (const one of page.SpotPriceHistory ?? []) {
        const { InstanceType: type, AvailabilityZone: zone, Timestamp } = one;
        const usd = readUsd(one.SpotPrice);
        if (type === undefined || zone === undefined || usd === undefined) continue;
        const at = Timestamp?.getTime() ?? 0;
        const known = latest.get(`${type} ${zone}`);
        if (known === undefined || known.at < at) latest.set(`${type} ${zone}`, { type, zone, usd, at });
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined && NextToken !== "");
    return [...latest.values()].map(({ type, zone, usd }) => ({ type, zone, usd }));
  };
}
