import { GetProductsCommand, PricingClient } from "@aws-sdk/client-pricing";
import type { PriceList } from "../core/price-list.ts";
import { priceListRegion } from "../core/prices.ts";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsError } from "./aws-errors.ts";

/** AWS's price list for a region; it is asked where the region's partition has that API. */
export function priceList(region: string, options: AwsClientOptions = {}): PriceList {
  const client = awsClient(PricingClient, priceListRegion(region), options);
  return async (ServiceCode, filters) => {
    const Filters = Object.entries(filters).map(([Field, Value]) => ({
      Type: "TERM_MATCH" as const,
      Field,
      Value,
    }));
    const products: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client
        .send(
          new GetProductsCommand({
            ServiceCode,
            Filters,
            FormatVersion: "aws_v1",
            MaxResults: 100,
            ...(NextToken && { NextToken }),
          }),
        )
        .catch((error: unknown) => {
          throw awsError(error, "read AWS's price list");
        });
      products.push(...(page.PriceList ?? []).map(String));
      NextToken = page.NextToken;
    } while (NextToken !== undefined && NextToken !== "");
    return products;
  };
}
