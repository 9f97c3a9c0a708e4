import assert from "node:assert/strict";
import { test } from "node:test";
import { isAlive, viewAnnex, type State } from "../../core/annex-view.ts";
import type { Ec2State, Slot } from "../../core/instance.ts";
import { World, instance } from "../support/cloud.ts";

const OWNER = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };

const slot = (instanceId: string, changes: Partial<Slot> = {}): Slot => ({
  name: `slot1@${instanceId}`,
  instanceId,
  state: "Unclaimed",
  activity: "Idle",
  ...changes,
});

/** A world in which nothing joins but by its slots. */
function quiet(): World {
  const world = new World();
  world.joinAfterSeconds = undefined;
  return world;
}

type Case = {
  readonly name: string;
  readonly ec2: Ec2State;
  readonly age?: number;
  readonly slots?: readonly Partial<Slot>[];
  readonly had?: "job" | "history" | "hook";
  readonly running?: boolean;
  readonly state: State;
};

const CASES: readonly Case[] = [
  { name: "pending", ec2: "pending", state: "ordered" },
  { name: "running", ec2: "running", state: "running" },
  { name: "never joined", ec2: "running", age: 601, state: "late" },
  { name: "slots in doubt", ec2: "running", slots: [{ state: "Owner" }], state: "joined" },
  { name: "idle", ec2: "running", slots: [{}], state: "idle" },
  { name: "one of two claimed", ec2: "running", slots: [{}, { state: "Claimed" }], state: "claimed" },
  { name: "about to be claimed", ec2: "running", slots: [{ state: "Matched" }], state: "claimed" },
  {
    name: "draining at work",
    ec2: "running",
    slots: [{ draining: true }, { state: "Claimed" }],
    state: "draining",
  },
  { name: "joined by the hook's memory", ec2: "running", had: "hook", state: "lost" },
  { name: "joined by a job in the queue", ec2: "running", had: "job", state: "lost" },
  { name: "joined by a job that ended", ec2: "running", age: 601, had: "history", state: "lost" },
  { name: "ending", ec2: "shutting-down", slots: [{}], state: "ending" },
  { name: "stopped", ec2: "stopped", state: "ending" },
  { name: "gone", ec2: "terminated", had: "hook", state: "gone" },
  { name: "gone, but not for the collector", ec2: "terminated", slots: [{}], state: "ghost" },
  { name: "gone, but not for the schedd", ec2: "terminated", had: "job", running: true, state: "ghost" },
];

test("EC2, collector, schedd and the hook's memory together tell an instance's state", async () => {
  for (const { name, ec2, age = 60, slots = [], had, running = false, state } of CASES) {
    const world = quiet();
    world.instances = [instance({ state: ec2, launched: world.now - age })];
    world.slots = slots.map((changes) => slot("i-1", changes));
    if (had === "job") world.annexJobs = [{ id: "7.0", instanceId: "i-1", running }];
    if (had === "history") world.history = ["i-1"];
    if (had === "hook") world.remembered = { "i-1": world.now - 60 };
    const [one] = await viewAnnex(world.looking, OWNER);
    assert.equal(one?.state, state, name);
    assert.equal(one.busy, running || slots.some((slot) => /Claimed|Matched/.test(slot.state ?? "")), name);
  }
});

test("what EC2 does not list is a ghost for whoever believes in it", async () => {
  const world = quiet();
  const schedd = OWNER.schedd;
  world.slots = [
    slot("i-8", { schedd }),
    slot("i-8", { schedd, name: "slot2@i-8" }),
    slot("i-9", { schedd: "another" }),
    slot("i-10"),
  ];
  world.annexJobs = [
    { id: "1.0", instanceId: "i-7", running: true },
    { id: "1.1", instanceId: "i-6", running: false },
  ];
  const views = await viewAnnex(world.looking, OWNER);
  assert.deepEqual(
    views.map(({ id, state, slots, jobs, seen }) => [id, state, slots.length, jobs, seen]),
    [
      ["i-8", "ghost", 2, [], undefined],
      ["i-7", "ghost", 0, ["1.0"], undefined],
    ],
  );
  assert.ok(!views.some(isAlive));
});

test("an instance is idle since its slots were last taken or given back", async () => {
  const world = quiet();
  world.instances = [instance({ launched: world.now - 900 }), instance({ id: "i-2" })];
  world.slots = [slot("i-1", { since: 100 }), slot("i-1", { name: "slot2@i-1", since: 300 }), slot("i-2")];
  const views = await viewAnnex(world.looking, OWNER);
  assert.deepEqual(Object.fromEntries(views.map(({ id, idleSince }) => [id, idleSince])), {
    "i-1": 300,
    "i-2": undefined,
  });
});

test("the annex burst2 is none of burst's business", async () => {
  const world = quiet();
  world.instances = [
    instance({ id: "i-2", tags: { ...instance().tags, "htcondor:AnnexName": "burst2" } }),
    instance({ id: "i-3", tags: { ...instance().tags, "htcondor:Release": "1" } }),
  ];
  const views = await viewAnnex(world.looking, OWNER);
  assert.deepEqual(
    views.map(({ id, released }) => [id, released]),
    [["i-3", true]],
  );
});
