import { UpdraftError } from "./errors.ts";

/** A part of AWS with accounts, names and endpoints of its own. */
export type Partition = {
  /** As it stands in ARNs. */
  readonly name: "aws" | "aws-cn" | "aws-us-gov";
  /** Of host names. */
  readonly suffix: string;
  /** Where the price list is asked for; undefined where AWS offers none: GovCloud's prices are told to accounts of `aws` only. */
  readonly priceListRegion: string | undefined;
};

const AWS: Partition = { name: "aws", suffix: "amazonaws.com", priceListRegion: "us-east-1" };
const CHINA: Partition = {
  name: "aws-cn",
  suffix: "amazonaws.com.cn",
  priceListRegion: "cn-northwest-1",
};
const GOVERNMENT: Partition = { name: "aws-us-gov", suffix: "amazonaws.com", priceListRegion: undefined };

/** The partition of a region, which its name tells. */
export function partitionOf(region: string): Partition {
  if (region.startsWith("cn-")) return CHINA;
  if (region.startsWith("us-gov-")) return GOVERNMENT;
  if (/^(us-iso|eu-iso|eusc-)/.test(region)) {
    throw new UpdraftError(
      "config",
      `the region ${region} is of a partition that Updraft does not know`,
      "Use a region of aws, aws-us-gov or aws-cn.",
    );
  }
  return AWS;
}
