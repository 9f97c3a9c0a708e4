import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchBook, type PriceList } from "../../core/price-list.ts";
import { BOOK } from "../support/cloud.ts";

/** A product as AWS's price list tells it. */
const product = (
  attributes: Record<string, string>,
  pricePerUnit: Record<string, unknown> | undefined = { USD: "0.0960000000" },
  unit = "Hrs",
): string =>
  JSON.stringify({
    product: { productFamily: "Compute Instance", attributes, sku: "SKU" },
    serviceCode: "AmazonEC2",
    terms: {
      OnDemand: { "SKU.T": { priceDimensions: { "SKU.T.R": { unit, pricePerUnit, endRange: "Inf" } } } },
    },
  });

const instance = (instanceType: string, ...price: [Record<string, unknown>?, string?]): string =>
  product({ instanceType }, ...price);

const VOLUME = product({ volumeApiName: "gp3" }, { USD: "0.0800000000" }, "GB-Mo");
const ADDRESS = product({ usagetype: "EUW1-PublicIPv4:InUseAddress" }, { USD: "0.0050000000" });
const IDLE = product({ usagetype: "EUW1-PublicIPv4:IdleAddress" }, { USD: "9" });

const asked: Readonly<Record<string, string>>[] = [];

const listOf =
  (instances: readonly string[], storage = [VOLUME], network = [IDLE, ADDRESS]): PriceList =>
  async (service, filters) => {
    asked.push(filters);
    return service === "AmazonVPC" ? network : "productFamily" in filters ? storage : [...instances];
  };

const fetched = (list: PriceList, operations = ["RunInstances"]) =>
  fetchBook(list, "eu-west-1", operations, { ...BOOK, region: "eu-west-1" }, 1_900_000_000);

test("a region's book has what its price list tells, and the time at which it was read", async () => {
  const { book, refused } = await fetched(
    listOf([instance("m5.large"), instance("m5.xlarge", { USD: "0.192" })]),
  );
  assert.deepEqual(book, {
    region: "eu-west-1",
    date: "2030-03-17T17:46:40Z",
    source: "AWS price list",
    onDemand: { RunInstances: { "m5.large": 0.096, "m5.xlarge": 0.192 } },
    volumes: { ...BOOK.volumes, gp3: 0.08 },
    publicIpv4: 0.005,
  });
  assert.equal(refused.size, 0);
});

test("only what is shared, used and on-demand is asked for, for each usage operation", async () => {
  asked.length = 0;
  const { book } = await fetched(listOf([instance("m5.large")]), ["RunInstances", "RunInstances:0010"]);
  assert.deepEqual(Object.keys(book.onDemand), ["RunInstances", "RunInstances:0010"]);
  assert.deepEqual(asked[1], {
    regionCode: "eu-west-1",
    operation: "RunInstances:0010",
    tenancy: "Shared",
    capacitystatus: "Used",
    marketoption: "OnDemand",
  });
});

test("of two prices of one type the higher counts", async () => {
  const list = listOf([instance("m5.large", { USD: "0.2" }), instance("m5.large", { USD: "0.1" })]);
  assert.equal((await fetched(list)).book.onDemand["RunInstances"]?.["m5.large"], 0.2);
});

test("a price of zero, below it, in another unit or currency, or without any is refused and never becomes 0", async () => {
  const cases: [string, RegExp][] = [
    [instance("bad.large", { USD: "0.0000000000" }), /"0\.0000000000", which is no price/],
    [instance("bad.large", { USD: "-0.1" }), /"-0\.1", which is no price/],
    [instance("bad.large", { USD: "free" }), /"free", which is no price/],
    [instance("bad.large", { USD: "1" }, "Quantity"), /per Quantity, not per Hrs/],
    [instance("bad.large", { CNY: "1" }), /in CNY, not in USD/],
    [instance("bad.large", {}), /in no currency, not in USD/],
    [JSON.stringify({ product: { attributes: { instanceType: "bad.large" } } }), /no on-demand price/],
    [
      JSON.stringify({
        product: { attributes: { instanceType: "bad.large" } },
        terms: { OnDemand: { x: {} } },
      }),
      /no on-demand price/,
    ],
    [
      JSON.stringify({
        product: { attributes: { instanceType: "bad.large" } },
        terms: { OnDemand: { x: { priceDimensions: { y: { unit: "Hrs" } } } } },
      }),
      /in no currency/,
    ],
  ];
  for (const [bad, why] of cases) {
    const { book, refused } = await fetched(listOf([instance("m5.large"), bad, instance("bad.large")]));
    assert.deepEqual(book.onDemand["RunInstances"], { "m5.large": 0.096 }, bad);
    assert.match(refused.get("bad.large") ?? "", why);
  }
});

test("a list with nothing usable in it is no price list", async () => {
  const nothing = ["{", "{}", "null", '{"product":{"attributes":{}}}', product({ instanceType: 3 as never })];
  await assert.rejects(fetched(listOf(nothing)), {
    kind: "failed",
    message: "AWS's price list has no usable on-demand price of RunInstances in eu-west-1",
  });
  await assert.rejects(
    fetched(listOf([instance("m5.large", { USD: "0" })])),
    /RunInstances in eu-west-1: m5\.large: its price is "0", which is no price/,
  );
});

test("what the price list does not say of addresses stays unknown", async () => {
  assert.equal((await fetched(listOf([instance("m5.large")], [], [IDLE]))).book.publicIpv4, undefined);
});
