import assert from "node:assert/strict";
import { test } from "node:test";
import { hourlyPrice, totalPrice } from "../../core/hourly-price.ts";
import type { Image } from "../../core/ports.ts";
import type { PriceBook } from "../../core/prices.ts";
import { BOOK, IMAGE } from "../support/cloud.ts";
import { annex } from "../support/knobs.ts";

const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} is not ${expected}`);

const disk = (volumes: Image["volumes"]): number =>
  hourlyPrice(annex(), { ...IMAGE, volumes }, ["m7i.large"], BOOK).disk;

test("an instance costs its on-demand price, the dearest of several types, plus disk and address", () => {
  const price = hourlyPrice(annex({ publicIp: true }), IMAGE, ["m6i.large", "m7i.large", "t3.micro"], BOOK);
  assert.equal(price.instance, 0.1);
  assert.equal(price.source, "on-demand price of m7i.large, test list of 2030-01-01");
  near(price.disk, 0.001);
  assert.equal(price.address, 0.005);
  near(totalPrice(price), 0.106);
});

test("_MAX_PRICE is the price of whatever type and platform, and without a public address there is none to pay", () => {
  const image = { ...IMAGE, marketplace: true, usageOperation: "RunInstances:0010" };
  const price = hourlyPrice(annex({ maxPrice: 0.25 }), image, ["nobody.knows"], BOOK);
  assert.deepEqual([price.instance, price.address, price.source], [0.25, 0, "UPDRAFT_burst_MAX_PRICE"]);
});

test("a volume costs its size, and IOPS and throughput beyond what is free", () => {
  const volume = { type: "gp3", gib: 100, iops: 3000, throughput: 125 };
  near(disk([volume]), (100 * 0.073) / 730);
  near(disk([{ ...volume, iops: 4000 }]), (100 * 0.073 + 1000 * 0.00365) / 730);
  near(disk([{ ...volume, throughput: 225 }]), (100 * 0.073 + 100 * 0.0365) / 730);
  near(disk([{ type: "io2", gib: 10, iops: 100, throughput: undefined }]), (1.46 + 7.3) / 730);
  near(disk([volume, volume]), (200 * 0.073) / 730);
  assert.equal(disk([]), 0);
});

test("IOPS that EC2 tells of a gp2 volume cost nothing", () => {
  const book = { ...BOOK, volumes: { gp2: 0.1 } };
  const image = { ...IMAGE, volumes: [{ type: "gp2", gib: 8, iops: 100, throughput: undefined }] };
  near(hourlyPrice(annex(), image, ["m7i.large"], book).disk, 0.8 / 730);
});

test("whatever is not known refuses, and says how to get on", () => {
  const cases: [Partial<Image>, Partial<PriceBook>, string, RegExp][] = [
    [{}, {}, "c7g.large", /price of c7g\.large in us-east-1 is not known/],
    [
      { usageOperation: "RunInstances:0010", platform: "Red Hat Enterprise Linux" },
      {},
      "m7i.large",
      /m7i\.large with Red Hat Enterprise Linux \(RunInstances:0010\) in us-east-1 is not known/,
    ],
    [{ marketplace: true }, {}, "m7i.large", /AWS Marketplace in it, whose fee is not known/],
    [{}, { publicIpv4: undefined }, "m7i.large", /price of a public address in us-east-1 is not known/],
    [
      { volumes: [{ type: "io9", gib: 8, iops: undefined, throughput: undefined }] },
      {},
      "m7i.large",
      /price of io9, which the image .* has, is not known/,
    ],
    [
      { volumes: [{ type: "io1", gib: 8, iops: 100, throughput: undefined }] },
      { volumes: { io1: 0.1 } },
      "m7i.large",
      /price of io1-iops/,
    ],
    [
      { volumes: [{ type: "gp3", gib: undefined, iops: undefined, throughput: undefined }] },
      {},
      "m7i.large",
      /does not tell the size of the volume of type gp3/,
    ],
    [
      { volumes: [{ type: "gp3", gib: 0, iops: undefined, throughput: undefined }] },
      {},
      "m7i.large",
      /does not tell the size/,
    ],
  ];
  for (const [image, book, type, message] of cases) {
    assert.throws(
      () => hourlyPrice(annex({ publicIp: true }), { ...IMAGE, ...image }, [type], { ...BOOK, ...book }),
      { kind: "config", message },
    );
  }
});
