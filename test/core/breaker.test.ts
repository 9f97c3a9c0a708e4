import assert from "node:assert/strict";
import { test } from "node:test";
import {
  breaker,
  breakerReason,
  judge,
  newlyFailed,
  NO_FAILURES,
  parseBreaker,
  type BreakerFacts,
  type BreakerMemory,
} from "../../core/breaker.ts";
import type { Instance } from "../../core/instance.ts";
import { supply, type AnnexSlot } from "../../core/supply.ts";
import { instance } from "../support/cloud.ts";

const NOW = 1_900_000_000;
const SELF = "Client.InstanceInitiatedShutdown";

type Case = Partial<Instance> & { readonly order?: string; readonly at?: number };

/** An instance of an order that was placed so many seconds ago. */
function ordered({ order = "a", at = 60, ...changes }: Case = {}): Instance {
  const launched = NOW - at;
  const base = instance({ id: `i-${order}`, launched });
  const tags = { ...base.tags, "htcondor:OrderId": order, "htcondor:OrderedAt": String(launched) };
  return { ...base, tags, ...changes };
}

const gone = (endCode: string, changes: Case = {}): Instance =>
  ordered({ state: "terminated", endCode, ended: NOW - 5, ...changes });

const slot = (id: string, startedAt?: number): AnnexSlot => ({
  name: `slot1@${id}`,
  instanceId: id,
  state: "Unclaimed",
  activity: "Idle",
  free: { cpus: 2, memory: 100, disk: 100, gpus: 0 },
  size: undefined,
  accepting: true,
  endsAt: undefined,
  startedAt,
});

function facts(instances: readonly Instance[], slots: readonly AnnexSlot[] = [], now = NOW): BreakerFacts {
  return { instances, members: supply(instances, slots, {}, now, 600), slots, idleSeconds: 1200, now };
}

const judged = (instances: readonly Instance[], before: BreakerMemory = NO_FAILURES) =>
  judge(before, facts(instances)).memory.failed.map(({ order }) => order);

test("an order fails when its instances end by themselves, or are late, before they were in the pool for long", () => {
  assert.deepEqual(judged([gone(SELF)]), ["a"]);
  assert.deepEqual(judged([gone("Server.InternalError")]), ["a"]);
  assert.deepEqual(judged([ordered({ at: 601 })]), ["a"], "late");
  assert.deepEqual(judged([ordered({ state: "shutting-down", endCode: SELF })]), ["a"], "ending");
});

test("what somebody ended, what EC2 took back, and what lived for long before anybody looked counts as nothing", () => {
  for (const one of [
    gone("Client.UserInitiatedShutdown"),
    gone("Server.SpotInstanceTermination"),
    gone(""),
    gone(SELF, { at: 4000 }),
    ordered({ state: "terminated", ended: NOW }),
    gone(SELF, { tags: { ...ordered().tags, "htcondor:Probe": "true" } }),
  ]) {
    const { memory, undecided } = judge(NO_FAILURES, facts([one]));
    assert.deepEqual([memory.failed, memory.proven, undecided], [[], [], 0], one.endCode);
  }
});

test("an order is open while one of its instances is on its way or has just joined, and is proven by one that stays", () => {
  const [dead, coming] = [gone(SELF), ordered({ id: "i-2" })];
  assert.deepEqual(judge(NO_FAILURES, facts([dead, coming])).undecided, 1);
  assert.deepEqual(judged([dead, coming]), []);
  const joined = judge(NO_FAILURES, facts([dead, coming], [slot("i-2", NOW - 30)]));
  assert.deepEqual([joined.undecided, joined.memory.joinedAt], [1, { "i-2": NOW - 30 }]);
  const stayed = judge(joined.memory, facts([dead, coming], [slot("i-2")], NOW + 90));
  assert.deepEqual([stayed.undecided, stayed.memory.proven], [0, ["a"]]);
  const ended = judge(stayed.memory, facts([dead, gone(SELF, { id: "i-2" })]));
  assert.deepEqual(ended.memory.failed, [], "what has worked may end");
});

test("a node that joins and dies, with a job or without, has failed", () => {
  const one = ordered();
  const busy = { ...slot("i-a", NOW - 20), state: "Claimed" };
  const { memory } = judge(NO_FAILURES, facts([one], [busy]));
  assert.deepEqual(judged([gone(SELF)], memory), ["a"]);
});

test("a release that the hook asked for proves its node at once", () => {
  const released = ordered({ tags: { ...ordered().tags, "htcondor:Release": String(NOW) } });
  assert.deepEqual(judge(NO_FAILURES, facts([released], [slot("i-a")])).memory.proven, ["a"]);
});

const three = ["a", "b", "c"].map((order, i) => gone(SELF, { order, at: 300 - i }));

test("after three failures in a row it opens, for twice as long after each further one, then tries one at a time", () => {
  const { memory } = judge(NO_FAILURES, facts(three));
  assert.deepEqual(breaker(judge(NO_FAILURES, facts(three.slice(1))).memory, 0, NOW).state, "closed");
  const open = breaker(memory, 0, NOW);
  assert.deepEqual([open.state, open.admits, open.until], ["open", 0, NOW + 600]);
  const half = breaker(memory, 0, NOW + 600);
  assert.deepEqual([half.state, half.admits], ["half-open", 1]);
  assert.equal(breaker(memory, 1, NOW + 600).admits, 0, "one at a time");
  const fourth = judge(memory, facts([...three, gone(SELF, { order: "d", at: 0 })], [], NOW + 700)).memory;
  assert.equal(breaker(fourth, 0, NOW + 800).until, NOW + 700 + 1200);
  const many = {
    ...memory,
    failed: Array.from({ length: 8 }, (_, i) => ({ order: `${i}`, orderedAt: i, noticed: NOW })),
  };
  assert.equal(breaker(many, 0, NOW).until, NOW + 4 * 3600);
});

test("an order that works closes it and forgets the failures before; those after it count", () => {
  const { memory } = judge(NO_FAILURES, facts(three));
  const good = ordered({ order: "g", at: 200 });
  const after = judge(memory, facts([...three, good], [slot("i-g", NOW - 150)])).memory;
  assert.deepEqual([after.failed, after.reason], [[], undefined]);
  const old = ordered({ order: "o", at: 299.5 });
  const between = judge(memory, facts([...three, old], [slot("i-o", NOW - 150)])).memory;
  assert.deepEqual(
    between.failed.map(({ order }) => order),
    ["b", "c"],
  );
});

test("a late node that joins after all takes its failure back", () => {
  const late = judge(NO_FAILURES, facts([ordered({ at: 700 })])).memory;
  assert.equal(late.failed.length, 1);
  const joined = judge(late, facts([ordered({ at: 700 })], [slot("i-a", NOW - 130)])).memory;
  assert.deepEqual([joined.failed, joined.proven], [[], ["a"]]);
});

test("without its memory it goes by what EC2 still shows, and remembers longer than EC2 does", () => {
  const { memory } = judge(NO_FAILURES, facts(three));
  assert.equal(breaker(judge(memory, facts([])).memory, 0, NOW).state, "open");
  assert.equal(breaker(judge(NO_FAILURES, facts(three)).memory, 0, NOW).state, "open");
});

test("only orders that have just failed are asked what their nodes said, and the words stay until something works", () => {
  const { memory } = judge(NO_FAILURES, facts(three.slice(0, 2)));
  assert.deepEqual(newlyFailed(NO_FAILURES, memory, three), ["i-a", "i-b"]);
  const next = judge({ ...memory, reason: "no disk" }, facts(three)).memory;
  assert.deepEqual(newlyFailed(memory, next, three), ["i-c"]);
  assert.match(
    breakerReason(breaker(next, 0, NOW), NOW),
    /^of the last 3 orders no instance came to work; the last node said no disk; one instance is tried in 10m$/,
  );
  assert.match(breakerReason(breaker(next, 0, NOW + 900), NOW + 900), /; one instance is tried at a time$/);
});

test("a failure that was noticed by a clock that was ahead is not waited for", () => {
  const ahead = judge(NO_FAILURES, facts(three, [], NOW + 9999)).memory;
  assert.equal(breaker(judge(ahead, facts(three)).memory, 0, NOW).until, NOW + 600);
});

test("its memory comes back from a file as it was, and of what is spoilt nothing", () => {
  const { memory } = judge(NO_FAILURES, facts(three));
  const kept = { ...memory, reason: "no disk" };
  assert.deepEqual(parseBreaker(JSON.parse(JSON.stringify(kept))), kept);
  for (const spoilt of [null, 5, [], { failed: [{ order: 5 }, 7], proven: [1], joinedAt: [], reason: 9 }])
    assert.deepEqual(parseBreaker(spoilt), NO_FAILURES);
});
