import assert from "node:assert/strict";
import { test } from "node:test";
import type { Instance } from "../../core/instance.ts";
import { HOOK_USER, contradiction, supply, type AnnexSlot, type Member } from "../../core/supply.ts";
import { instance } from "../support/cloud.ts";

const NOW = 10_000;
const SIZE = { cpus: 2, memory: 7600, disk: 1e6, gpus: 0 };

const slot = (changes: Partial<AnnexSlot> = {}): AnnexSlot => ({
  name: "slot1@i-1",
  instanceId: "i-1",
  state: "Unclaimed",
  activity: "Idle",
  free: SIZE,
  size: SIZE,
  accepting: true,
  endsAt: undefined,
  ...changes,
});

const dynamic = (state = "Claimed") => slot({ name: "slot1_1@i-1", state, size: undefined });

const only = (
  one: Instance,
  slots: readonly AnnexSlot[] = [],
  joined: Record<string, number> = {},
): Member => {
  const [member] = supply([one], slots, joined, NOW, 600);
  assert.ok(member);
  return member;
};

const running = (changes: Partial<Instance> = {}) => instance({ launched: NOW - 60, ...changes });

test("an instance is in flight until it has slots, late after ten minutes, and ending when EC2 says so", () => {
  assert.equal(only(running()).progress, "in flight");
  assert.equal(only(running({ state: "pending" })).progress, "in flight");
  assert.equal(only(running({ launched: NOW - 601 })).progress, "late");
  assert.equal(only(running({ state: "shutting-down" })).progress, "ending");
  assert.equal(only(running({ state: "stopped" }), [slot()]).progress, "ending");
  assert.deepEqual(supply([running({ state: "terminated" })], [], {}, NOW, 600), []);
});

test("it is idle when every slot is unclaimed, and whatever is in doubt is busy", () => {
  assert.equal(only(running(), [slot()]).progress, "idle");
  for (const state of ["Claimed", "Matched", "Preempting", "Owner", "Drained", ""]) {
    assert.equal(only(running(), [slot(), dynamic(state)]).progress, "busy", state);
  }
  assert.equal(only(running(), [slot(), dynamic(), dynamic("Matched")]).claimed, 2);
});

test("its free capacity is that of unclaimed slots that take jobs, and its size that of the slot it has whole", () => {
  const busy = only(running(), [slot({ free: { ...SIZE, cpus: 1 } }), dynamic()]);
  assert.deepEqual(busy.free, [{ ...SIZE, cpus: 1 }]);
  assert.deepEqual(busy.size, SIZE);
  assert.deepEqual(only(running(), [slot({ accepting: false })]).free, []);
  assert.equal(only(running(), [dynamic()]).size, undefined);
  const ending = (seconds: number) =>
    only(running({ launched: NOW - 9999 }), [slot({ endsAt: NOW + seconds })]).free.length;
  assert.deepEqual([ending(601), ending(600)], [1, 0], "in its last stretch a node takes no further job");
});

test("it is draining when none of its slots takes a job, whether one is still at work or not", () => {
  const closed = slot({ accepting: false });
  assert.equal(only(running(), [closed]).progress, "draining");
  assert.equal(only(running(), [closed, { ...dynamic(), accepting: false }]).progress, "draining");
  assert.equal(only(running(), [closed, dynamic()]).progress, "busy");
});

test("one that had slots and has none is lost, not in flight again", () => {
  assert.equal(only(running(), [], { "i-1": NOW - 5 }).progress, "lost");
  assert.equal(only(running({ launched: NOW - 9999 }), [], { "i-1": NOW - 5 }).progress, "lost");
});

test("the release tag counts unless it was withdrawn, and the hook knows what it ordered itself", () => {
  const tagged = (tags: Record<string, string>) => only(running({ tags: { ...instance().tags, ...tags } }));
  assert.equal(tagged({ "htcondor:Release": "1" }).released, true);
  assert.equal(tagged({ "htcondor:Release": "" }).released, false);
  assert.equal(tagged({}).released, false);
  assert.equal(tagged({ "htcondor:Owner": HOOK_USER }).ours, true);
  assert.equal(tagged({ "htcondor:Owner": "alice" }).ours, false);
});

const disagreement = (instances: Instance[], slots: AnnexSlot[], joined: Record<string, number> = {}) =>
  contradiction(supply(instances, slots, joined, NOW, 600), instances, slots);

test("a slot of an instance that EC2 does not list means that one of the two is wrong", () => {
  assert.match(String(disagreement([], [slot()])), /a slot of i-1, which EC2 does not list/);
  assert.equal(disagreement([running()], [slot()]), undefined);
  assert.equal(disagreement([running({ state: "terminated" })], [slot()]), undefined, "its ad lingers");
  assert.equal(disagreement([], [slot({ instanceId: undefined })]), undefined);
});

test("a collector that has lost half of the instances that had joined is not believed", () => {
  const two = [running(), running({ id: "i-2" })];
  const joined = { "i-1": NOW - 60, "i-2": NOW - 60 };
  assert.match(String(disagreement(two, [], joined)), /no slot of 2 of 2 instances/);
  assert.match(String(disagreement(two, [slot()], joined)), /no slot of 1 of 2 instances/);
  const three = [...two, running({ id: "i-3" })];
  const slots = [slot(), slot({ instanceId: "i-2" })];
  assert.equal(disagreement(three, slots, { ...joined, "i-3": NOW - 60 }), undefined);
});

test("instances that were released may end without anyone being wrong", () => {
  const released = running({ tags: { ...instance().tags, "htcondor:Release": "1" } });
  assert.equal(disagreement([released], [], { "i-1": NOW - 60 }), undefined);
});
