import assert from "node:assert/strict";
import { test } from "node:test";
import { unmetDemand } from "../../../core/laws/unmet-demand.ts";
import { inFlight, limits, machine, waiting } from "./scene.ts";

test("what is needed less what is on its way is unmet, and never less than nothing", () => {
  const jobs = [waiting(12)];
  assert.deepEqual(unmetDemand(jobs, [], limits()), { needed: 12, inFlight: 0, tooLarge: 0, unmet: 12 });
  const five = Array.from({ length: 5 }, () => inFlight());
  assert.equal(unmetDemand(jobs, five, limits()).unmet, 7);
  assert.equal(unmetDemand([waiting(3)], five, limits()).unmet, 0);
});

test("what has joined and stays takes its jobs first; what was released is not counted on", () => {
  const machines = [machine(), machine({ released: true }), inFlight({ released: true })];
  assert.equal(unmetDemand([waiting(3)], machines, limits()).unmet, 2);
});

test("jobs that no machine holds need none, and are counted", () => {
  const { needed, tooLarge } = unmetDemand([waiting(3, { cpus: 8 }), waiting(1)], [], limits());
  assert.deepEqual([needed, tooLarge], [1, 3]);
});
