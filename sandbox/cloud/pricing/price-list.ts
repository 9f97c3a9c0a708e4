import type { Handlers } from "../service.ts";
import { jsonAnswer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { list, record, text, type Parameters } from "../wire/parameters.ts";
import { REGION } from "../service.ts";
import type { Market } from "./market.ts";

type Product = {
  sku: string;
  family?: string;
  attributes: Record<string, string>;
  unit: string;
  description: string;
  usd: number;
};

const MOST_RESULTS = 100;
const JSON_1_1 = "application/x-amz-json-1.1";

/** The price list API with the products that cost an annex something, in the shape that AWS gives them. */
export function priceListActions(market: Market, now: () => number): Handlers {
  return {
    async GetProducts({ request }) {
      const { parameters } = request;
      const service = text(parameters["ServiceCode"]) ?? "";
      const products = PRODUCTS[service]?.(market);
      if (products === undefined)
        throw new AwsError("InvalidParameterException", `Input Parameter serviceCode: ${service} is invalid`);
      const filters = list(parameters["Filters"]).map(record);
      const found = products.filter((product) => filters.every((filter) => passes(product, filter)));
      const size = Number(text(parameters["MaxResults"]) ?? String(MOST_RESULTS));
      if (!(size >= 1 && size <= MOST_RESULTS))
        throw new AwsError("InvalidParameterException", "MaxResults must be between 1 and 100");
      const from = readToken(text(parameters["NextToken"]));
      const shown = found.slice(from, from + size);
      const PriceList = shown.map((product) => JSON.stringify(listed(product, service, now())));
      return jsonAnswer(
        {
          FormatVersion: "aws_v1",
          PriceList,
          ...(found.length > from + size && { NextToken: writeToken(from + size) }),
        },
        200,
        JSON_1_1,
      );
    },
  };
}

const PRODUCTS: Readonly<Record<string, (market: Market) => Product[]>> = {
  AmazonEC2: (market) => [
    ...market.types().flatMap((type) => {
      const usd = market.onDemand(type);
      return [computeInstance(type, "Shared", usd), computeInstance(type, "Dedicated", usd * 1.1)];
    }),
    ...Object.entries(market.volumes()).flatMap(([type, usd]) =>
      type.includes("-") ? [] : [volume(type, usd)],
    ),
  ],
  AmazonVPC: (market) => [
    address("InUseAddress", market.publicIpv4()),
    address("IdleAddress", market.publicIpv4()),
  ],
};

const COMMON = { locationType: "AWS Region", location: "US East (N. Virginia)", regionCode: REGION };

function computeInstance(type: string, tenancy: string, usd: number): Product {
  const usage = tenancy === "Shared" ? "BoxUsage" : "DedicatedUsage";
  return {
    sku: `${type}.${tenancy}`.toUpperCase().replace(/[^A-Z0-9]/g, ""),
    family: type.includes("metal") ? "Compute Instance (bare metal)" : "Compute Instance",
    attributes: {
      ...COMMON,
      servicecode: "AmazonEC2",
      servicename: "Amazon Elastic Compute Cloud",
      instanceType: type,
      operatingSystem: "Linux",
      preInstalledSw: "NA",
      licenseModel: "No License required",
      tenancy,
      capacitystatus: "Used",
      marketoption: "OnDemand",
      operation: "RunInstances",
      usagetype: `${usage}:${type}`,
    },
    unit: "Hrs",
    description: `$${usd} per On Demand Linux ${type} Instance Hour`,
    usd,
  };
}

function volume(type: string, usd: number): Product {
  return {
    sku: `VOLUME${type.toUpperCase()}`,
    family: "Storage",
    attributes: {
      ...COMMON,
      servicecode: "AmazonEC2",
      volumeApiName: type,
      usagetype: `EBS:VolumeUsage.${type}`,
    },
    unit: "GB-Mo",
    description: `$${usd} per GB-month of ${type} provisioned storage`,
    usd,
  };
}

function address(kind: string, usd: number): Product {
  return {
    sku: `IPV4${kind.toUpperCase()}`,
    attributes: {
      ...COMMON,
      servicecode: "AmazonVPC",
      group: "VPCPublicIPv4Address",
      usagetype: `USE1-PublicIPv4:${kind}`,
    },
    unit: "Hrs",
    description: `$${usd} per public IPv4 address per hour`,
    usd,
  };
}

function passes({ family, attributes }: Product, filter: Parameters): boolean {
  const type = text(filter["Type"]);
  if (type !== "TERM_MATCH")
    throw new AwsError("InvalidParameterException", `The sandbox does not know the filter type '${type}'`);
  const field = text(filter["Field"]) ?? "";
  const value = field === "productFamily" ? family : attributes[field];
  return value?.toLowerCase() === text(filter["Value"])?.toLowerCase();
}

/** Terms as AWS nests them: offer, then dimension, each under a code of its own. */
function listed({ sku, family, attributes, unit, description, usd }: Product, service: string, at: number) {
  const offer = `${sku}.JRTCKXETXF`;
  const rateCode = `${offer}.6YS6EN2CT7`;
  const day = new Date(at * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    product: { ...(family !== undefined && { productFamily: family }), attributes, sku },
    serviceCode: service,
    terms: {
      OnDemand: {
        [offer]: {
          priceDimensions: {
            [rateCode]: {
              unit,
              endRange: "Inf",
              description,
              appliesTo: [],
              rateCode,
              beginRange: "0",
              pricePerUnit: { USD: usd.toFixed(10) },
            },
          },
          sku,
          effectiveDate: day,
          offerTermCode: "JRTCKXETXF",
          termAttributes: {},
        },
      },
    },
    version: day.replace(/\D/g, ""),
    publicationDate: day,
  };
}

function writeToken(from: number): string {
  return Buffer.from(`from:${from}`).toString("base64");
}

function readToken(token: string | undefined): number {
  if (token === undefined) return 0;
  const from = /^from:(\d+)$/.exec(Buffer.from(token, "base64").toString())?.[1];
  if (from === undefined)
    throw new AwsError(
      "InvalidNextTokenException",
      "The pagination token is invalid. Try again without a pagination token.",
    );
  return Number(from);
}
