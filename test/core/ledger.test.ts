import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planCreate } from "../../core/create.ts";
import { UpdraftError } from "../../core/errors.ts";
import {
  formatRecords,
  parseRecords,
  recordSeen,
  unrecorded,
  type LedgerRecord,
  type LedgerRow,
} from "../../core/ledger.ts";
import type { Pricing } from "../../core/liability.ts";
import { placeOrders } from "../../core/place-orders.ts";
import { TAG } from "../../core/tags.ts";
import { BOOK, IMAGE, World, instance } from "../support/cloud.ts";
import { SITE, annex } from "../support/knobs.ts";

const PRICING: Pricing = {
  annex: annex(),
  book: BOOK,
  image: IMAGE,
  images: new Map([[IMAGE.id, IMAGE]]),
  maxLeaseSeconds: 604800,
};

const ROW: LedgerRow = {
  id: "i-1",
  order: "o-1",
  annex: "burst",
  region: "us-east-1",
  owner: "alice",
  project: "cms",
  market: "on-demand",
  type: "m7i.large",
  zone: "us-east-1a",
  price: 0.1,
  other: 0.001,
  source: "on-demand price, test list of 2030-01-01",
  launched: 1000,
  leaseExpiration: 4600,
};

const tagged = (changes: Record<string, string> = {}) => ({
  ...instance().tags,
  [TAG.order]: "o-1",
  [TAG.owner]: "alice",
  [TAG.project]: "cms",
  [TAG.lease]: "4600",
  ...changes,
});

const planned = (world: World, knobs = annex(), project?: string) =>
  planCreate(world.ports, knobs, SITE, {
    count: 2,
    leaseSeconds: () => 3600,
    idleSeconds: 600,
    instanceTypes: ["m7i.large"],
    user: "alice",
    project,
  });

const rows = (world: World): LedgerRow[] =>
  parseRecords(world.ledgerText).records.flatMap((one) => ("launched" in one ? [one.launched] : []));

test("what is written is read back, and a torn last line costs that line alone", () => {
  const records: LedgerRecord[] = [{ launched: ROW }, { ended: { id: "i-1", at: 2000 } }];
  const text = formatRecords(records);
  assert.deepEqual(parseRecords(text), { records, unreadable: 0 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: text.length - 1 }), (length) => {
      const { records: read, unreadable } = parseRecords(text.slice(0, length));
      assert.deepEqual(read, records.slice(0, read.length));
      assert.ok(unreadable <= 1);
    }),
  );
});

test("lines that say nothing sensible are counted and left out", () => {
  const bad = [
    "garbage",
    "null",
    "{}",
    '{"ended":{"id":"i-1"}}',
    '{"ended":{"at":1}}',
    JSON.stringify({ launched: { ...ROW, id: 7 } }),
    JSON.stringify({ launched: { ...ROW, market: "futures" } }),
    JSON.stringify({ launched: { ...ROW, launched: "yesterday" } }),
    JSON.stringify({ launched: { ...ROW, price: "free" } }),
  ];
  assert.deepEqual(parseRecords(bad.join("\n")), { records: [], unreadable: bad.length });
});

test("every answered order is written down with what each instance costs", async () => {
  const world = new World();
  await placeOrders(world.ports, await planned(world, annex(), "cms"));
  assert.deepEqual(rows(world), [
    { ...ROW, order: "0000000000000001", launched: world.now, leaseExpiration: world.now + 3600 },
    { ...ROW, id: "i-2", order: "0000000000000001", launched: world.now, leaseExpiration: world.now + 3600 },
  ]);
  const tags = world.instances[0]?.tags ?? {};
  assert.equal(tags[TAG.project], "cms");
});

test("without a project there is neither tag nor field", async () => {
  const world = new World();
  await placeOrders(world.ports, await planned(world));
  assert.ok(!("project" in (rows(world)[0] ?? {})));
  assert.ok(!(TAG.project in (world.instances[0]?.tags ?? {})));
});

test("a spot instance costs the spot price at its order, else the most that it may cost", async () => {
  const world = new World();
  world.spot = [{ type: "m7i.large", zone: "us-east-1a", usd: 0.03 }];
  const spot = annex({ purchase: "spot", maxPrice: 0.06 });
  await placeOrders(world.ports, await planned(world, spot));
  world.spot = [];
  await placeOrders(world.ports, await planned(world, spot));
  assert.deepEqual(
    rows(world).map(({ price, source }) => [price, source]),
    [
      [0.03, "spot price at the order"],
      [0.03, "spot price at the order"],
      [0.06, "UPDRAFT_burst_MAX_PRICE"],
      [0.06, "UPDRAFT_burst_MAX_PRICE"],
    ],
  );
});

test("an order does not fail because its accounts cannot be written", async () => {
  const world = new World();
  const plan = await planned(world);
  const failing = (why: unknown) => ({
    ...world.ports,
    ledger: { ...world.ledger, append: () => Promise.reject(why) },
  });
  const placed = await placeOrders(failing(new UpdraftError("failed", "no space", "r")), plan);
  assert.equal(placed[0]?.instanceIds.length, 2);
  assert.match(world.said.join("\n"), /the accounts miss 2 lines: no space/);
  await assert.rejects(placeOrders(failing(new TypeError("bug")), plan), TypeError);
});

test("what EC2 shows is added once: an instance, a later lease, an end at the time that EC2 gives", () => {
  const seen = instance({ launched: 1000, tags: tagged() });
  const first = unrecorded([], [seen], "us-east-1", PRICING, 1500);
  assert.deepEqual(first, [{ launched: ROW }]);
  assert.deepEqual(unrecorded(first, [seen], "us-east-1", PRICING, 1600), []);
  const renewed = instance({ launched: 1000, tags: tagged({ [TAG.lease]: "9999" }) });
  assert.deepEqual(unrecorded(first, [renewed], "us-east-1", undefined, 1700), [
    { launched: { ...ROW, leaseExpiration: 9999 } },
  ]);
  const ended = instance({ launched: 1000, state: "terminated", ended: 1800, tags: tagged() });
  assert.deepEqual(unrecorded(first, [ended], "us-east-1", PRICING, 1900), [
    { ended: { id: "i-1", at: 1800 } },
  ]);
  const unsaid = instance({ launched: 1000, state: "shutting-down", tags: tagged() });
  const over = unrecorded(first, [unsaid], "us-east-1", PRICING, 1900);
  assert.deepEqual(over, [{ ended: { id: "i-1", at: 1900 } }]);
  assert.deepEqual(unrecorded([...first, ...over], [ended], "us-east-1", PRICING, 2000), []);
});

test("an instance that nobody wrote down has what its tags say, and no price when none is known", () => {
  const [first] = unrecorded([], [instance({ spot: true, launched: 5 })], "us-east-1", undefined, 10);
  assert.deepEqual(first, {
    launched: {
      id: "i-1",
      order: "",
      annex: "burst",
      region: "us-east-1",
      owner: "",
      market: "spot",
      type: "m7i.large",
      zone: "us-east-1a",
      source: "not known",
      launched: 5,
    },
  });
  const [strange] = unrecorded([], [instance({ type: "x9.huge" })], "us-east-1", PRICING, 10);
  assert.ok(strange !== undefined && "launched" in strange);
  assert.deepEqual([strange.launched.price, strange.launched.source], [undefined, "not known"]);
  assert.deepEqual(unrecorded([strange], [instance({ type: "x9.huge" })], "us-east-1", PRICING, 11), []);
  const book = { ...BOOK, onDemand: { RunInstances: { "x9.huge": 9 } } };
  const [priced] = unrecorded(
    [strange],
    [instance({ type: "x9.huge" })],
    "us-east-1",
    { ...PRICING, book },
    12,
  );
  assert.ok(
    priced !== undefined && "launched" in priced && priced.launched.price === 9,
    "as soon as it is known",
  );
  const [bare] = unrecorded([], [{ ...instance(), tags: {} }], "us-east-1", PRICING, 10);
  assert.ok(bare !== undefined && "launched" in bare && bare.launched.annex === "");
});

test("a product of the marketplace is accounted with the maximum price, never with the list's", () => {
  const image = { ...IMAGE, marketplace: true };
  const pricing = { ...PRICING, annex: annex({ maxPrice: 0.4 }), images: new Map([[image.id, image]]) };
  const [row] = unrecorded([], [instance()], "us-east-1", pricing, 10);
  assert.ok(row !== undefined && "launched" in row && row.launched.price === 0.4);
});

test("a ledger that cannot be read is told, and nothing else fails", async () => {
  const world = new World();
  const failing = (why: unknown) => ({
    ...world.ports,
    ledger: { ...world.ledger, of: () => Promise.reject(why) },
  });
  await recordSeen(failing(new UpdraftError("config", "no", "r")), [instance()], "us-east-1", PRICING, 1);
  assert.deepEqual(world.said, ["no"]);
  await assert.rejects(recordSeen(failing(new TypeError("bug")), [], "us-east-1", PRICING, 1), TypeError);
  await recordSeen(world.ports, [instance()], "us-east-1", PRICING, 1);
  assert.equal(rows(world).length, 1);
});
