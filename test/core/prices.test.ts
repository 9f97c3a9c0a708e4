import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { ELSEWHERE, bookOf, formatPrices, parsePrices, priceListRegion, readUsd } from "../../core/prices.ts";
import { BOOK } from "../support/cloud.ts";

const EMBEDDED = readFileSync(new URL("../../scripts/catalogue.json", import.meta.url), "utf8");

test("what is written is read back", () => {
  const other = { ...BOOK, region: "eu-west-1", publicIpv4: undefined };
  assert.deepEqual(parsePrices(formatPrices([BOOK, other])), [BOOK, other]);
});

test("the embedded catalogue can be read, and has the types and volumes that people use", () => {
  const books = parsePrices(EMBEDDED);
  assert.ok(typeof books !== "string", String(books));
  const [book] = books;
  assert.deepEqual([books.length, book?.region, book?.date], [1, "us-east-1", "2026-07-20"]);
  const types = book?.onDemand["RunInstances"] ?? {};
  assert.ok(Object.keys(types).length > 1000);
  assert.deepEqual([types["m5.large"], types["m7i.large"], types["t3.micro"]], [0.096, 0.1008, 0.0104]);
  assert.deepEqual([book?.volumes["gp3"], book?.publicIpv4], [0.08, 0.005]);
});

test("a price is decimal, positive and finite; anything else is none, and never 0", () => {
  assert.deepEqual(["0.0960000000", "12", 0.1].map(readUsd), [0.096, 12, 0.1]);
  const bad = [
    "0",
    "0.0000000000",
    "-1",
    "",
    " ",
    "1e3",
    "0,1",
    "NaN",
    "abc",
    0,
    -1,
    Number.NaN,
    Infinity,
    1e6,
  ];
  for (const one of [...bad, undefined, null, {}, [], true])
    assert.equal(readUsd(one), undefined, String(one));
  fc.assert(fc.property(fc.anything(), (value) => (readUsd(value) ?? 1) > 0));
});

test("a file of prices with anything wrong in it is refused, and it is said what", () => {
  const spoil = (change: (book: Record<string, unknown>) => void): string => {
    const file = JSON.parse(formatPrices([BOOK])) as { regions: Record<string, Record<string, unknown>> };
    change(file.regions["us-east-1"] ?? {});
    return JSON.stringify(file);
  };
  const cases: [string, RegExp][] = [
    ["", /not a JSON object/],
    ["[]", /not a JSON object/],
    ['{"format":2}', /its format is 2, and this version reads 1/],
    ['{"format":1}', /names no regions/],
    ['{"format":1,"regions":{"us-east-1":3}}', /us-east-1: it has no onDemand/],
    [spoil((book) => delete book["volumes"]), /no onDemand or no volumes/],
    [spoil((book) => (book["date"] = "soon")), /its date is none/],
    [spoil((book) => (book["date"] = 3)), /its date is none/],
    [spoil((book) => (book["source"] = "")), /its source is missing/],
    [
      spoil((book) => (book["onDemand"] = { RunInstances: { "m5.large": 0 } })),
      /m5\.large is 0, which is no price/,
    ],
    [spoil((book) => (book["onDemand"] = { RunInstances: { "m5.large": -0.1 } })), /m5\.large is -0\.1/],
    [spoil((book) => (book["onDemand"] = { RunInstances: { "m5.large": "0.1" } })), /m5\.large is "0\.1"/],
    [spoil((book) => (book["volumes"] = { gp3: null })), /volume type gp3 is null/],
    [spoil((book) => (book["publicIpv4"] = 0)), /public address is 0, which is no price/],
  ];
  for (const [text, complaint] of cases) {
    const read = parsePrices(text);
    assert.ok(typeof read === "string", text);
    assert.match(read, complaint);
  }
  const none = parsePrices(spoil((book) => (book["onDemand"] = { RunInstances: 7 })));
  assert.ok(typeof none !== "string" && none[0] !== undefined);
  assert.deepEqual(none[0].onDemand, { RunInstances: {} });
});

test("what was kept wins over what is embedded, region by region", () => {
  const newer = { ...BOOK, date: "2031-01-01" };
  assert.equal(bookOf("us-east-1", [newer], [BOOK]).date, "2031-01-01");
  assert.equal(bookOf("us-east-1", [{ ...newer, region: "eu-west-1" }], [BOOK]).date, "2030-01-01");
});

test("where nobody has read a price list no instance has a price, and disks and addresses have a high one", () => {
  const book = bookOf("eu-west-1", [], [BOOK]);
  assert.deepEqual(book.onDemand, {});
  assert.equal(book.volumes["gp3"], 0.073 * ELSEWHERE);
  assert.equal(book.publicIpv4, 0.005 * ELSEWHERE);
  assert.equal(book.source, "2.5 times test list of us-east-1");
  assert.equal(bookOf("eu-west-1", [], [{ ...BOOK, publicIpv4: undefined }]).publicIpv4, undefined);
  assert.throws(() => bookOf("eu-west-1", [], []), /empty/);
});

test("the price list of each partition is asked where it has its API", () => {
  assert.equal(priceListRegion("eu-west-1"), "us-east-1");
  assert.equal(priceListRegion("cn-north-1"), "cn-northwest-1");
  assert.throws(() => priceListRegion("us-gov-west-1"), { kind: "config", message: /no price list API/ });
});
