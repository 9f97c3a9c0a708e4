import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import { unrecorded } from "../../core/ledger.ts";
import { findRates } from "../../core/rates.ts";
import { World, instance } from "../support/cloud.ts";
import { annex } from "../support/knobs.ts";

const one = instance({ id: "i-1" });
const dear = instance({ id: "i-2", type: "c5.4xlarge" });
const strange = instance({ id: "i-3", type: "x9.unheard" });

test("an instance costs what the accounts wrote down, else what it costs now, and at worst the most", async () => {
  const world = new World();
  const [row] = unrecorded([], [one], "us-east-1", undefined, world.now);
  assert.ok(row !== undefined && "launched" in row);
  await world.ledger.append([{ launched: { ...row.launched, price: 0.03, other: 0.002 } }]);
  const rates = await findRates(world.ports, annex(), [one, dear, strange], world.now);
  const round = (usd: number | undefined) => usd && Math.round(usd * 1e6) / 1e6;
  assert.deepEqual([one, dear, strange].map(rates.hourly).map(round), [0.032, 0.701, undefined]);
  assert.deepEqual([one, dear, strange].map(rates.worst).map(round), [0.101, 0.701, undefined]);
  const [bare] = unrecorded([], [dear], "us-east-1", undefined, world.now);
  assert.ok(bare !== undefined && "launched" in bare);
  await world.ledger.append([{ launched: { ...bare.launched, price: 0.6 } }]);
  assert.equal((await findRates(world.ports, annex(), [dear], world.now)).hourly(dear), 0.6);
  const bounded = await findRates(world.ports, annex({ maxPrice: 0.5 }), [one], world.now);
  assert.equal(round(bounded.worst(one)), 0.501);
});

test("what nobody can price is not known, and whoever looks is told once", async () => {
  const world = new World();
  const none = await findRates(world.ports, annex(), [], world.now);
  assert.deepEqual([none.hourly(one), none.worst(one)], [undefined, undefined]);
  const gone = instance({ imageId: "ami-00000000" });
  assert.equal((await findRates(world.ports, annex(), [gone], world.now)).worst(gone), undefined);
  const prices = () => Promise.reject(new UpdraftError("config", "no prices of mars", "refresh"));
  const rates = await findRates({ ...world.ports, prices }, annex(), [one], world.now);
  assert.equal(rates.hourly(one), undefined);
  assert.deepEqual(world.said, ["what the instances cost is not known: no prices of mars"]);
  const bug = () => Promise.reject(new TypeError("bug"));
  await assert.rejects(findRates({ ...world.ports, prices: bug }, annex(), [one], world.now), TypeError);
});
