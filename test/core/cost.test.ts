import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { describeCost, orderCost } from "../../core/cost.ts";
import { describePlan, planCreate } from "../../core/create.ts";
import { UpdraftError } from "../../core/errors.ts";
import type { AnnexKnobs } from "../../core/knobs.ts";
import type { OrderRequest } from "../../core/plan-order.ts";
import { parsePrices, type PriceBook } from "../../core/prices.ts";
import { IMAGE, World } from "../support/cloud.ts";
import { SITE, annex } from "../support/knobs.ts";

function embedded(): PriceBook {
  const read = parsePrices(readFileSync(new URL("../../scripts/catalogue.json", import.meta.url), "utf8"));
  const book = typeof read === "string" ? undefined : read[0];
  assert.ok(book);
  return book;
}

/** A world that has the prices which the program carries, and a root volume of 8 GiB. */
function world(): World {
  const made = new World();
  made.book = embedded();
  made.image = { ...IMAGE, volumes: [{ type: "gp3", gib: 8, iops: 3000, throughput: 125 }] };
  return made;
}

const plan = (of: World, knobs: Partial<AnnexKnobs>, request: Partial<OrderRequest> & { hours: number }) =>
  planCreate(of.ports, annex({ maxInstances: 1000, ...knobs }), SITE, {
    count: 1,
    leaseSeconds: () => request.hours * 3600,
    idleSeconds: 600,
    instanceTypes: ["m5.large"],
    user: "alice",
    ...request,
  });

const near = (actual: number | undefined, expected: number): void =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) < 5e-7, `${actual} is not ${expected}`);

// Reckoned by hand from the list: m7i.large 0.1008, m6i.large 0.096, m5.large 0.096, c5.4xlarge 0.68, m5.4xlarge 0.768,
// r5.2xlarge 0.504 and t3.micro 0.0104 USD per hour, gp3 0.08 USD per GiB-month and 0.005 per IOPS-month.

test("ten on-demand instances of two types for eight hours cost at worst the dearer type, with their disks", async () => {
  const made = await plan(world(), {}, { count: 10, hours: 8, instanceTypes: ["m7i.large", "m6i.large"] });
  const cost = orderCost(made);
  // 8 × 0.08 / 730 = 0.00087671; 10 × (0.1008 + 0.00087671) = 1.0167671; × (8 h + 120 s) = 8.0333333 h.
  near(cost.atMostPerHour, 1.0167671);
  near(cost.expectedPerHour, 0.9687671);
  near(cost.worstCase, 8.1680292);
  near(made.liability.after, 8.1680292);
  assert.deepEqual(describeCost(made, made.liability), [
    "price of one, at most: 0.1008 USD by on-demand price of m7i.large, embedded catalogue (AWS price list) of 2026-07-20 + 0.0009 disk, per hour",
    "expected: 0.9688 USD per hour; worst case: 10 × 8.03 h = 8.17 USD",
    "liability with this order: 8.17 USD, without a limit (UPDRAFT_burst_MAX_LIABILITY is not set); not included: traffic, NAT gateways, S3, taxes and discounts",
  ]);
});

test("five spot instances with a maximum price and a public address cost at worst that price", async () => {
  const spot = world();
  spot.spot = [
    { type: "c5.4xlarge", zone: "us-east-1a", usd: 0.25 },
    { type: "m5.4xlarge", zone: "us-east-1a", usd: 0.29 },
    { type: "r5.2xlarge", zone: "us-east-1a", usd: 0.31 },
  ];
  const knobs = { purchase: "spot", maxPrice: 0.3, publicIp: true, maxLiability: 10 } as const;
  const types = ["c5.4xlarge", "m5.4xlarge", "r5.2xlarge"];
  const made = await plan(spot, knobs, { count: 5, hours: 1.5, instanceTypes: types });
  const cost = orderCost(made);
  // 5 × (0.3 + 0.00087671 + 0.005) = 1.5293836; × (1.5 h + 120 s) = 1.5333333 h.
  near(cost.atMostPerHour, 1.5293836);
  near(cost.worstCase, 2.3450548);
  // Two of the three are within the maximum: mean 0.27; 5 × 0.27587671.
  near(cost.expectedPerHour, 1.3793836);
  const text = describePlan(made, spot.now).join("\n");
  assert.match(
    text,
    /price of one, at most: 0\.3 USD by UPDRAFT_burst_MAX_PRICE \+ 0\.0009 disk \+ 0\.0050 public address/,
  );
  assert.match(
    text,
    /liability with this order: 2\.35 USD, of at most 10\.00 \(UPDRAFT_burst_MAX_LIABILITY\)/,
  );
});

test("spot-then-on-demand without a maximum costs at worst on-demand, and IOPS cost what is beyond the free ones", async () => {
  const mixed = world();
  mixed.image = { ...IMAGE, volumes: [{ type: "gp3", gib: 100, iops: 4000, throughput: 125 }] };
  mixed.spot = [{ type: "t3.micro", zone: "us-east-1a", usd: 0.0031 }];
  const made = await plan(
    mixed,
    { purchase: "spot-then-on-demand" },
    { count: 50, hours: 1 / 3, instanceTypes: ["t3.micro"] },
  );
  const cost = orderCost(made);
  // (100 × 0.08 + 1000 × 0.005) / 730 = 0.01780822; 50 × (0.0104 + 0.01780822) = 1.4104110; × (20 min + 120 s) = 0.3666667 h.
  near(cost.atMostPerHour, 1.410411);
  near(cost.worstCase, 0.5171507);
  near(cost.expectedPerHour, 1.045411);
});

test("where EC2 tells no spot price the expected cost is not known, and the worst case is", async () => {
  const silent = world();
  const broken = async () => Promise.reject(new UpdraftError("denied", "no", "r"));
  const planned = (spotPrices: typeof silent.ports.spotPrices) =>
    planCreate({ ...silent.ports, spotPrices }, annex({ purchase: "spot" }), SITE, {
      count: 1,
      leaseSeconds: () => 3480,
      idleSeconds: 600,
      instanceTypes: ["m5.large"],
      user: "alice",
    });
  const made = await planned(broken);
  assert.equal(orderCost(made).expectedPerHour, undefined);
  assert.match(
    describePlan(made, silent.now).join("\n"),
    /expected: no price is known; worst case: 1 × 1\.00 h = 0\.0969 USD/,
  );
  await assert.rejects(
    planned(() => Promise.reject(new TypeError("bug"))),
    TypeError,
  );
});

test("a plan beyond the limit is refused with the sum before anything is done", async () => {
  const poor = world();
  await assert.rejects(plan(poor, { maxLiability: 5 }, { count: 10, hours: 8 }), {
    kind: "capacity",
    message: /could then cost 7\.78 USD .*UPDRAFT_burst_MAX_LIABILITY allows 5\.00/,
  });
  assert.deepEqual(poor.deeds, []);
});
