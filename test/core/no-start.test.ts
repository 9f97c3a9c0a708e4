import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobGroup } from "../../core/demand.ts";
import { readNoStart, stalled, type NoStart } from "../../core/no-start.ts";

const GROUP: JobGroup = {
  count: 4,
  cpus: 1,
  memory: 64,
  disk: 1,
  gpus: 0,
  ad: "[ a = 1 ]",
  user: "alice@pool.test",
  autocluster: 1,
  example: "1.0",
  oldest: 0,
};

/** One look a minute, each after a negotiation cycle of its own unless said. */
class Looks {
  memory: NoStart = {};
  now = 0;
  look({ matching = 1, running = 0, count = 4, cycle = this.now } = {}): boolean {
    const group = { ...GROUP, count };
    const found = stalled(this.memory, [{ group, key: "k", matching, running }], cycle, this.now + 1);
    this.memory = found.noStart;
    this.now += 60;
    return found.suppressed.has(group);
  }
}

test("a shape that idle nodes match for three cycles without a start is ordered for no more", () => {
  const looks = new Looks();
  assert.deepEqual([looks.look(), looks.look(), looks.look(), looks.look()], [false, false, false, true]);
  assert.equal(looks.look({ matching: 0 }), true, "also when the idle nodes have gone");
});

test("cycles count, not looks", () => {
  const looks = new Looks();
  for (let i = 0; i < 10; i++) assert.equal(looks.look({ cycle: 5 }), false);
});

test("a start clears it: one that runs, or one job less that waits", () => {
  for (const start of [{ running: 1 }, { count: 3 }]) {
    const looks = new Looks();
    for (let i = 0; i < 4; i++) looks.look();
    assert.equal(looks.look(start), false);
    assert.deepEqual(looks.memory, {});
  }
});

test("nodes that do not match say nothing of it", () => {
  const looks = new Looks();
  for (let i = 0; i < 9; i++) assert.equal(looks.look({ matching: 0 }), false);
  assert.deepEqual(looks.memory, {});
});

test("after an hour it is tried anew, then after two, and at last once a day", () => {
  const looks = new Looks();
  const waits: number[] = [];
  for (let from: number | undefined; waits.length < 7;) {
    if (looks.look()) from ??= looks.now;
    else if (from !== undefined) {
      waits.push((looks.now - from) / 60);
      from = undefined;
    }
  }
  assert.deepEqual(waits, [60, 120, 240, 480, 960, 1440, 1440]);
});

test("of very many shapes some are forgotten, so that the memory stays small", () => {
  const shapes = Array.from({ length: 300 }, (_, i) => ({
    group: GROUP,
    key: `k${i}`,
    matching: 1,
    running: 0,
  }));
  assert.equal(Object.keys(stalled({}, shapes, 1, 2).noStart).length, 200);
});

test("without a negotiator nothing is counted", () => {
  const seen = [{ group: GROUP, key: "k", matching: 1, running: 0 }];
  let memory: NoStart = {};
  for (let now = 0; now < 9; now++) memory = stalled(memory, seen, undefined, now).noStart;
  assert.equal(memory["k"]?.cycles, 0);
});

test("it is read back as it was kept, and anything else is forgotten", () => {
  const looks = new Looks();
  for (let i = 0; i < 4; i++) looks.look();
  assert.deepEqual(readNoStart(JSON.parse(JSON.stringify(looks.memory))), looks.memory);
  for (const wrong of [undefined, null, 5, { k: null }, { k: { cycles: "3" } }, { k: [] }]) {
    assert.deepEqual(readNoStart(wrong), {});
  }
});
