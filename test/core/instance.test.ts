import assert from "node:assert/strict";
import { test } from "node:test";
import { counts, isLive, isOurs, join, progress, type Slot } from "../../core/instance.ts";
import { instance } from "../support/cloud.ts";

const OWNER = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };
const slot = (instanceId: string | undefined, state = "Unclaimed"): Slot => ({
  name: "slot1@x",
  instanceId,
  state,
  activity: "Idle",
});

test("what EC2 and the collector say together is how far an instance has come", () => {
  const one = instance({ id: "i-1", launched: 1000 });
  const cases = [
    [progress({ ...one, state: "pending" }, [], 1001, 600), "ordered"],
    [progress(one, [], 1001, 600), "running"],
    [progress(one, [slot("i-2"), slot(undefined)], 1001, 600), "running"],
    [progress(one, [], 1601, 600), "late"],
    [progress({ ...one, state: "pending" }, [], 1601, 600), "late"],
    [progress(one, [slot("i-1")], 9999, 600), "joined"],
    [progress(one, [slot("i-1"), slot("i-1", "Claimed")], 1001, 600), "claimed"],
    [progress({ ...one, state: "shutting-down" }, [slot("i-1", "Claimed")], 1001, 600), "ending"],
    [progress({ ...one, state: "stopping" }, [], 1001, 600), "ending"],
    [progress({ ...one, state: "stopped" }, [], 1001, 600), "ending"],
    [progress({ ...one, state: "terminated" }, [slot("i-1")], 1001, 600), "gone"],
  ] as const;
  for (const [found, expected] of cases) assert.equal(found, expected);
});

test("only an instance whose annex, pool and schedd all match is ours", () => {
  const one = instance({ id: "i-1" });
  assert.ok(isOurs(one, OWNER));
  for (const tag of ["htcondor:AnnexName", "htcondor:Pool", "htcondor:Schedd"]) {
    assert.ok(!isOurs({ ...one, tags: { ...one.tags, [tag]: "BURST" } }, OWNER), tag);
    const { [tag]: _, ...without } = one.tags;
    assert.ok(!isOurs({ ...one, tags: without }, OWNER), tag);
  }
});

test("everything that is not terminated still costs money", () => {
  assert.ok(isLive(instance({ id: "i-1", state: "stopped" })));
  assert.ok(!isLive(instance({ id: "i-1", state: "terminated" })));
});

test("instances are joined to their own slots, oldest first, and counted", () => {
  const seen = join(
    [
      instance({ id: "i-2", launched: 2000 }),
      instance({ id: "i-3", launched: 1000 }),
      instance({ id: "i-1", launched: 1000 }),
    ],
    [slot("i-1"), slot("i-3", "Claimed")],
    2001,
    600,
  );
  assert.deepEqual(
    seen.map((one) => [one.id, one.progress, one.slots.length]),
    [
      ["i-1", "joined", 1],
      ["i-3", "claimed", 1],
      ["i-2", "running", 0],
    ],
  );
  assert.deepEqual(counts(seen), {
    ordered: 0,
    running: 1,
    late: 0,
    joined: 1,
    claimed: 1,
    ending: 0,
    gone: 0,
  });
});
