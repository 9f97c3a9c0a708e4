import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import { partitionOf } from "../../core/partition.ts";

test("a region's name tells its partition", () => {
  for (const [region, name, suffix, prices] of [
    ["us-east-1", "aws", "amazonaws.com", "us-east-1"],
    ["eu-central-1", "aws", "amazonaws.com", "us-east-1"],
    ["us-gov-west-1", "aws-us-gov", "amazonaws.com", undefined],
    ["cn-north-1", "aws-cn", "amazonaws.com.cn", "cn-northwest-1"],
  ] as const) {
    assert.deepEqual(partitionOf(region), { name, suffix, priceListRegion: prices });
  }
});

test("a partition that we do not know is refused, not taken for another", () => {
  for (const region of ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"]) {
    assert.throws(
      () => partitionOf(region),
      (error) => error instanceof UpdraftError && error.kind === "config" && error.message.includes(region),
    );
  }
});
