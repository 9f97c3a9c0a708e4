import assert from "node:assert/strict";
import { test } from "node:test";
import type { Law, Wish } from "../../core/laws/law.ts";
import { decide, type Caps } from "../../core/policy.ts";
import { limits, machine, seen } from "./laws/scene.ts";

/** A law that wishes for the same whatever it sees. */
const wishing = (wish: Partial<Wish<number>>): Law<number> => ({
  name: "wishing",
  source: "this test",
  simplified: "",
  initial: 0,
  decide: (_, memory) => ({ order: [], release: [], reason: "so", memory: memory + 1, ...wish }),
});

const decided = (wish: Partial<Wish<number>>, caps: Partial<Caps> = {}, machines = [machine(), machine()]) =>
  decide(wishing(wish), seen({ machines }), 7, limits(), {
    live: machines.length,
    maxInstances: 100,
    maxOrder: 100,
    mayRelease: () => true,
    ...caps,
  });

const order = (count: number) => ({ order: [{ offer: 0, count }] });

test("a wish within all caps is the decision, and the law's memory is handed on", () => {
  const { decision, memory } = decided({ ...order(5), refuseSeconds: 9, withdraw: [3] });
  assert.deepEqual(decision, {
    order: [{ offer: 0, count: 5 }],
    release: [],
    withdraw: [3],
    cut: 0,
    unaffordable: 0,
    refuseSeconds: 9,
    reason: "so",
  });
  assert.equal(memory, 8);
});

test("each cap binds, and what it cuts is told", () => {
  const told = (caps: Partial<Caps>) => {
    const { order: orders, cut, unaffordable } = decided(order(10), caps).decision;
    return [orders[0]?.count ?? 0, cut, unaffordable];
  };
  assert.deepEqual(told({ maxInstances: 6 }), [4, 6, 0]);
  assert.deepEqual(told({ maxInstances: 1 }), [0, 10, 0]);
  assert.deepEqual(told({ maxOrder: 3 }), [3, 7, 0]);
  assert.deepEqual(told({ affordable: 2 }), [2, 0, 8]);
  assert.deepEqual(told({ affordable: -1 }), [0, 0, 10]);
  assert.deepEqual(told({ visible: 4 }), [4, 0, 0]);
  assert.deepEqual(told({ visible: 0, affordable: 3 }), [0, 0, 0]);
});

test("what may not be released stays, whatever the law wishes", () => {
  const [one, two] = [machine(), machine()];
  const release = [one.id, two.id, 999_999];
  const { decision } = decided({ release }, { mayRelease: ({ id }) => id === two.id }, [one, two]);
  assert.deepEqual(decision.release, [two.id]);
});
