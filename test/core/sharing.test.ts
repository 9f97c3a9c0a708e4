import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobGroup } from "../../core/demand.ts";
import { byPrice, claim, parseShare, unclaimed } from "../../core/sharing.ts";
import type { Member } from "../../core/supply.ts";

const NOW = 1_900_000_000;
const MACHINE = { cpus: 2, memory: 4000, disk: 1e6, gpus: 0 };

const group = (count: number, changes: Partial<JobGroup> = {}): JobGroup => ({
  cpus: 1,
  memory: 64,
  disk: 1024,
  gpus: 0,
  ad: "[ a = 1 ]",
  user: "alice@pool.test",
  oldest: NOW,
  autocluster: 1,
  example: "1.0",
  count,
  ...changes,
});

const idle = { released: false, free: [MACHINE] } as unknown as Member;
const counts = (groups: readonly JobGroup[]): number[] => groups.map(({ count }) => count);

test("what an annex has on the way takes its jobs from the others, once its idle nodes have taken theirs", () => {
  const claims = claim([group(10)], [idle], 3, MACHINE, NOW);
  assert.deepEqual(Object.values(claims.jobs), [6]);
  assert.deepEqual(counts(unclaimed([group(10)], [claims], NOW + 60)), [4]);
  assert.deepEqual(counts(unclaimed([group(3)], [claims, claims], NOW)), [0]);
});

test("jobs that two annexes' questions tell apart in other ways are claimed once", () => {
  const two = [group(4), group(4, { ad: "[ b = 1 ]" })];
  const claims = claim([group(10)], [], 3, MACHINE, NOW);
  assert.deepEqual(counts(unclaimed(two, [claims], NOW)), [0, 2]);
  assert.deepEqual(Object.values(claim(two, [], 3, MACHINE, NOW).jobs), [6]);
});

test("other jobs, and jobs of another size, are left to the others", () => {
  const claims = claim([group(10)], [], 2, MACHINE, NOW);
  const others = [group(5, { autocluster: 2 }), group(5, { cpus: 2 }), group(5, { autocluster: undefined })];
  assert.deepEqual(counts(unclaimed(others, [claims], NOW)), [5, 5, 5]);
  assert.deepEqual(counts(unclaimed([group(5, { user: "bob@pool.test" })], [claims], NOW)), [5]);
});

test("jobs that do not fit its machines an annex does not claim, nor any when nothing is on the way", () => {
  assert.deepEqual(claim([group(4, { gpus: 1 })], [], 2, MACHINE, NOW).jobs, {});
  assert.deepEqual(claim([group(4)], [], 0, MACHINE, NOW).jobs, {});
  assert.deepEqual(claim([group(4)], [], 2, undefined, NOW).jobs, {});
});

test("a claim is not for ever, and one of a time to come is none", () => {
  const claims = claim([group(4)], [], 2, MACHINE, NOW);
  assert.deepEqual(counts(unclaimed([group(4)], [claims], NOW + 901)), [4]);
  assert.deepEqual(counts(unclaimed([group(4)], [claims], NOW - 1)), [4]);
});

test("the cheapest CPU is asked first, and one whose price nobody knows last", () => {
  const prices: Record<string, number> = { dear: 0.2, cheap: 0.1 };
  const names = byPrice(
    ["new", "dear", "cheap", "newer"].map((name) => ({ name })),
    (name) => (prices[name] === undefined ? undefined : { cpuPrice: prices[name] }),
  );
  assert.deepEqual(
    names.map(({ name }) => name),
    ["cheap", "dear", "new", "newer"],
  );
});

test("a share comes back from a file as it was, and of what is spoilt nothing", () => {
  const share = { claims: claim([group(4)], [], 2, MACHINE, NOW), cpuPrice: 0.05 };
  assert.deepEqual(parseShare(JSON.parse(JSON.stringify(share))), share);
  for (const spoilt of [undefined, [], { claims: 5, cpuPrice: -1 }]) assert.deepEqual(parseShare(spoilt), {});
});
