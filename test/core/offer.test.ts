import assert from "node:assert/strict";
import { test } from "node:test";
import { expectedPrice, offers, priceTable } from "../../core/offer.ts";
import { BOOK } from "../support/cloud.ts";

const SPOT = [
  { type: "m7i.large", zone: "us-east-1a", usd: 0.03 },
  { type: "m7i.large", zone: "us-east-1b", usd: 0.05 },
  { type: "m6i.large", zone: "us-east-1a", usd: 0.01 },
];
const ALL = offers(["m7i.large", "m6i.large", "x1.large"], ["us-east-1a", "us-east-1b"], BOOK, SPOT);

test("an offer is a type in a zone on a market, where its price is known", () => {
  assert.deepEqual(
    ALL.filter(({ type }) => type === "m7i.large"),
    [
      { type: "m7i.large", zone: "us-east-1a", market: "on-demand", usd: 0.1 },
      { type: "m7i.large", zone: "us-east-1a", market: "spot", usd: 0.03 },
      { type: "m7i.large", zone: "us-east-1b", market: "on-demand", usd: 0.1 },
      { type: "m7i.large", zone: "us-east-1b", market: "spot", usd: 0.05 },
    ],
  );
  assert.equal(ALL.filter(({ type, market }) => type === "m6i.large" && market === "spot").length, 1);
  assert.equal(ALL.filter(({ type }) => type === "x1.large").length, 0);
  assert.deepEqual(offers(["m7i.large"], ["us-east-1a"], BOOK, [], "RunInstances:0010"), []);
});

test("on-demand is expected to cost the least of the types, spot the mean of what its maximum admits", () => {
  assert.equal(expectedPrice(ALL, "on-demand", undefined), 0.08);
  assert.equal(expectedPrice(ALL, "on-demand", 0.05), undefined);
  assert.ok(Math.abs((expectedPrice(ALL, "spot", undefined) ?? 0) - 0.03) < 1e-12);
  assert.equal(expectedPrice(ALL, "spot", 0.03), 0.02);
  assert.equal(expectedPrice(ALL, "spot", 0.001), undefined);
});

test("the table has a row for each type and zone, and a dash for what has no price", () => {
  assert.deepEqual(priceTable(ALL).slice(0, 5), [
    ["TYPE", "ZONE", "ON-DEMAND", "SPOT"],
    ["m7i.large", "us-east-1a", "0.1000", "0.0300"],
    ["m7i.large", "us-east-1b", "0.1000", "0.0500"],
    ["m6i.large", "us-east-1a", "0.0800", "0.0100"],
    ["m6i.large", "us-east-1b", "0.0800", "-"],
  ]);
});
