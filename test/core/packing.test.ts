import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fits, machinesFor, place, total, type Resources, type Shape } from "../../core/packing.ts";

const MACHINE: Resources = { cpus: 4, memory: 8192, disk: 1e6, gpus: 0 };
const shape = (changes: Partial<Shape> = {}): Shape => ({
  cpus: 1,
  memory: 1024,
  disk: 1000,
  gpus: 0,
  count: 1,
  ...changes,
});

test("a job fits as often as its scarcest resource allows", () => {
  assert.equal(fits(shape(), MACHINE), 4);
  assert.equal(fits(shape({ memory: 4096 }), MACHINE), 2);
  assert.equal(fits(shape({ disk: 4e5 }), MACHINE), 2);
  assert.equal(fits(shape({ gpus: 1 }), MACHINE), 0);
  assert.equal(fits(shape({ cpus: 5 }), MACHINE), 0);
  assert.equal(fits(shape(), { ...MACHINE, cpus: -1 }), 0);
  assert.equal(fits({ cpus: 0, memory: 0, disk: 0, gpus: 0 }, MACHINE), 1);
  assert.equal(fits(shape(), { ...MACHINE, disk: Number.POSITIVE_INFINITY }), 4);
});

test("jobs go into free places in their order, the largest first, and what does not fit is left", () => {
  const { left, taken } = place(
    [shape({ count: 3 }), shape({ cpus: 4, count: 2 })],
    [MACHINE, MACHINE, MACHINE],
  );
  assert.deepEqual(taken, [1, 1, 3]);
  assert.deepEqual(left, []);
  assert.deepEqual(place([shape({ count: 9 })], [MACHINE]), { left: [shape({ count: 5 })], taken: [4] });
});

test("so many machines hold the jobs, and jobs that no machine holds are counted apart", () => {
  assert.deepEqual(machinesFor([shape({ count: 24 })], MACHINE), { machines: 6, tooLarge: 0 });
  assert.deepEqual(machinesFor([], MACHINE), { machines: 0, tooLarge: 0 });
  assert.deepEqual(machinesFor([shape({ cpus: 3 }), shape({ count: 5 })], MACHINE), {
    machines: 2,
    tooLarge: 0,
  });
  assert.deepEqual(machinesFor([shape({ cpus: 5, count: 7 })], MACHINE), { machines: 0, tooLarge: 7 });
});

const shapes = fc.array(
  fc.record({
    cpus: fc.integer({ min: 1, max: 5 }),
    memory: fc.integer({ min: 1, max: 9000 }),
    disk: fc.integer({ min: 0, max: 1e6 }),
    gpus: fc.integer({ min: 0, max: 1 }),
    count: fc.integer({ min: 1, max: 30 }),
  }),
  { maxLength: 6 },
);

test("the machines that are counted really hold every job that fits one, and one machine less does not", () => {
  fc.assert(
    fc.property(shapes, (jobs) => {
      const { machines, tooLarge } = machinesFor(jobs, MACHINE);
      const leftOn = (count: number): number => {
        const { left } = place(
          jobs,
          Array.from({ length: count }, () => MACHINE),
        );
        return total(left);
      };
      assert.equal(leftOn(machines), tooLarge);
      if (machines > 0) assert.ok(leftOn(machines - 1) > tooLarge);
    }),
  );
});

test("no job is lost or made when places are filled", () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 0, max: 9 }), (jobs, places) => {
      const { left, taken } = place(
        jobs,
        Array.from({ length: places }, () => MACHINE),
      );
      assert.equal(total(left) + taken.reduce((sum, some) => sum + some, 0), total(jobs));
    }),
  );
});
