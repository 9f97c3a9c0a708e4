import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { viewAnnex, type State, type View } from "../../core/annex-view.ts";
import { UpdraftError } from "../../core/errors.ts";
import type { Slot } from "../../core/instance.ts";
import {
  describeResize,
  planResize,
  release,
  shrinkProblem,
  watchRelease,
  withdraw,
  withinAgreed,
  type ResizePlan,
} from "../../core/resize.ts";
import { World, instance } from "../support/cloud.ts";

const OWNER = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };

type Member = Partial<Omit<View, "seen">> & { readonly launched?: number; readonly lease?: number };

function view(id: string, state: State, changes: Member = {}): View {
  const { launched = 0, lease = 1000, ...rest } = changes;
  const tags = { ...instance().tags, "htcondor:LeaseExpiration": String(lease) };
  return {
    id,
    seen: { ...instance({ id, launched, tags }), progress: "running", slots: [] },
    state,
    slots: [],
    released: false,
    busy: state === "claimed",
    idleSince: undefined,
    jobs: [],
    ...rest,
  };
}

test("up: what was released is kept first, those at work before the others, and the rest is ordered", () => {
  const views = [
    view("i-1", "idle"),
    view("i-2", "idle", { released: true }),
    view("i-3", "claimed", { released: true }),
    view("i-4", "ending", { released: true }),
    view("i-5", "ghost"),
    view("i-6", "gone"),
  ];
  const one = planResize(views, 0, 2, false);
  assert.deepEqual([one.withdraw, one.order, one.leaving], [["i-3"], 0, ["i-2"]]);
  const five = planResize(views, 1, 5, false);
  assert.deepEqual([five.withdraw, five.order, five.staying], [["i-3", "i-2"], 1, 2]);
  assert.deepEqual([five.release, five.releaseBusy, five.leaving], [[], [], []]);
});

test("down: out of reach first, then the youngest on its way, then the idle longest, then the nearest lease end", () => {
  const views = [
    view("i-1", "idle", { idleSince: 500, lease: 1 }),
    view("i-2", "idle", { idleSince: 400, lease: 2 }),
    view("i-3", "running", { launched: 10 }),
    view("i-4", "ordered", { launched: 20 }),
    view("i-5", "late"),
    view("i-6", "joined", { lease: 50 }),
    view("i-7", "draining", { lease: 40 }),
    view("i-8", "claimed"),
    view("i-9", "lost"),
  ];
  assert.deepEqual(planResize(views, 0, 1, false).release, [
    "i-5",
    "i-9",
    "i-4",
    "i-3",
    "i-2",
    "i-1",
    "i-7",
    "i-6",
  ]);
});

test("a busy one goes only when it may, never before an unclaimed one, and then the nearest lease end first", () => {
  const views = [
    view("i-1", "claimed", { lease: 20 }),
    view("i-2", "claimed", { lease: 10 }),
    view("i-3", "idle"),
    view("i-4", "lost", { busy: true }),
  ];
  const kept = planResize(views, 0, 1, false);
  assert.deepEqual([kept.release, kept.releaseBusy, kept.busyLeft], [["i-3"], [], 2]);
  const gone = planResize(views, 0, 2, true);
  assert.deepEqual([gone.release, gone.releaseBusy, gone.busyLeft], [["i-3"], ["i-2"], 0]);
  assert.equal(shrinkProblem("burst", kept), undefined);
  const stuck = planResize(views.slice(0, 1), 2, 0, false);
  const problem = shrinkProblem("burst", stuck);
  assert.match(problem?.message ?? "", /because 1 instance is busy and EC2 does not show 2 yet/);
  assert.match(problem?.remedy ?? "", /--busy/);
  const young = shrinkProblem("burst", planResize([], 2, 0, true));
  assert.match(young?.message ?? "", /because EC2 does not show 2 yet$/);
  assert.doesNotMatch(young?.remedy ?? "", /--busy/);
});

const STATES: State[] = [
  "ordered",
  "running",
  "late",
  "joined",
  "idle",
  "claimed",
  "draining",
  "lost",
  "ending",
];

test("whatever the annex looks like: the sizes add up, and without leave no busy one is released", () => {
  const members = fc.array(
    fc.record({ state: fc.constantFrom(...STATES), busy: fc.boolean(), released: fc.boolean() }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(members, fc.nat(3), fc.nat(9), fc.boolean(), (found, unseen, count, busy) => {
      const views = found.map(({ state, ...rest }, i) => view(`i-${i}`, state, rest));
      const plan = planResize(views, unseen, count, busy);
      const of = (id: string) => views.find((one) => one.id === id);
      assert.ok(plan.release.every((id) => of(id)?.busy === false));
      if (!busy) assert.deepEqual(plan.releaseBusy, []);
      assert.ok(plan.withdraw.every((id) => of(id)?.released === true && of(id)?.state !== "ending"));
      const after =
        plan.staying + plan.withdraw.length + plan.order - plan.release.length - plan.releaseBusy.length;
      if (plan.staying <= count) assert.equal(after, count);
      else assert.ok(after - count <= plan.busyLeft + unseen);
      assert.ok(after >= count);
      assert.ok(plan.order === 0 || plan.release.length + plan.releaseBusy.length === 0);
    }),
  );
});

test("no more is done than was agreed to, whatever has changed meanwhile", () => {
  const agreed: ResizePlan = planResize([view("i-1", "idle"), view("i-2", "idle")], 0, 4, false);
  const none = planResize([], 0, 4, false);
  assert.equal(withinAgreed(none, agreed).order, 2);
  const kept = planResize([view("i-1", "claimed", { released: true })], 0, 1, false);
  const ended = planResize([], 0, 1, false);
  assert.equal(withinAgreed(ended, kept).order, 1, "a withdrawal that came too late is ordered instead");
  const more = planResize([view("i-1", "idle"), view("i-2", "idle")], 0, 0, true);
  const less = planResize([view("i-1", "idle")], 0, 0, true);
  assert.equal(withinAgreed(more, less).release.length, 1);
  const busy = planResize([view("i-1", "claimed")], 0, 0, true);
  assert.deepEqual(withinAgreed(busy, less).releaseBusy, [], "it was idle when the person agreed");
});

test("the plan says what is done with which instance", () => {
  const views = [
    view("i-1", "idle"),
    view("i-2", "claimed"),
    view("i-3", "claimed", { released: true }),
    view("i-4", "claimed"),
  ];
  assert.deepEqual(describeResize("burst", planResize(views, 1, 1, false)), [
    "annex burst: 4 instances now (EC2 does not show 1 of them yet), 1 wanted",
    "released before, and still to end: i-3",
    "to release, unclaimed: i-1",
    "busy and to stay: 2 more than wanted; with --busy they end when their jobs do",
  ]);
  assert.deepEqual(describeResize("burst", planResize(views, 0, 1, true)).slice(2), [
    "to release, unclaimed: i-1",
    "to release, busy (each ends when its jobs do): i-2",
  ]);
  assert.deepEqual(describeResize("burst", planResize(views, 0, 6, true)).slice(1), [
    "released before, and stay after all: i-3",
    "to order: 2",
  ]);
});

/** Three instances: idle, busy, and one that does what `events` say after so many seconds. */
function shrinking(): { world: World; plan: (count: number, busy: boolean) => Promise<ResizePlan> } {
  const world = new World();
  world.joinAfterSeconds = undefined;
  const slot = (id: string, state: string): Slot => ({
    name: `slot1@${id}`,
    instanceId: id,
    state,
    activity: "Idle",
  });
  world.instances = ["i-1", "i-2", "i-3"].map((id) => instance({ id }));
  world.slots = [slot("i-1", "Unclaimed"), slot("i-2", "Claimed"), slot("i-3", "Unclaimed")];
  return {
    world,
    plan: async (count, busy) => planResize(await viewAnnex(world.looking, OWNER), 0, count, busy),
  };
}

/** Something happens at the first sleep. */
function then(world: World, what: () => void): void {
  const { sleep } = world.clock;
  let done = false;
  world.clock.sleep = async (seconds) => {
    await sleep(seconds);
    if (!done) what();
    done = true;
  };
}

const end = (world: World, ...ids: string[]): void => {
  world.instances = world.instances.map((one) =>
    ids.includes(one.id) ? { ...one, state: "terminated" } : one,
  );
  world.slots = world.slots.filter((slot) => !ids.includes(slot.instanceId ?? ""));
};

test("what is released is tagged, waited for, and told; the busy one is left alone", async () => {
  const { world, plan } = shrinking();
  const made = await plan(0, false);
  await release(world.looking, made);
  assert.deepEqual(world.deeds, [`tag i-1 i-3 {"htcondor:Release":"${world.now}"}`]);
  then(world, () => end(world, "i-1", "i-3"));
  const shrunk = await watchRelease(world.looking, OWNER, made, { busy: false, timeoutSeconds: 60 });
  assert.deepEqual(shrunk, { ended: ["i-1", "i-3"], stayed: [], left: [], busy: [] });
  assert.deepEqual(world.said, [
    "released: i-1, i-3",
    "0s: 0 ended, 2 still to end",
    "3s: 2 ended, 0 still to end",
  ]);
});

test("one that takes a job before it can end stays, unless busy ones may go", async () => {
  for (const busy of [false, true]) {
    const { world, plan } = shrinking();
    const made = await plan(busy ? 0 : 1, busy);
    await release(world.looking, made);
    world.deeds.length = 0;
    then(world, () => {
      end(world, "i-1");
      world.slots = world.slots.map((slot) => ({ ...slot, state: "Claimed" }));
    });
    const shrunk = await watchRelease(world.looking, OWNER, made, { busy, timeoutSeconds: 60 });
    assert.deepEqual(shrunk, {
      ended: ["i-1"],
      stayed: busy ? [] : ["i-3"],
      left: [],
      busy: busy ? ["i-2", "i-3"] : [],
    });
    assert.deepEqual(world.deeds, busy ? [] : ['tag i-3 {"htcondor:Release":""}']);
  }
});

test("waiting ends at its time, and a collector that is away for a moment ends nothing", async () => {
  const { world, plan } = shrinking();
  const made = await plan(1, false);
  await release(world.looking, made);
  const never = await watchRelease(world.looking, OWNER, made, { busy: false, timeoutSeconds: 10 });
  assert.deepEqual(never.left, ["i-1", "i-3"]);

  let failures = 1;
  const slots = async (annex: string) => {
    if (failures-- > 0) throw new UpdraftError("failed", "no answer", "wait");
    return world.looking.slots(annex);
  };
  end(world, "i-1", "i-3");
  const ports = { ...world.looking, slots };
  assert.equal((await watchRelease(ports, OWNER, made, { busy: false, timeoutSeconds: 10 })).ended.length, 2);
  assert.ok(world.said.includes("no answer"));
  const away = async () => {
    throw new UpdraftError("failed", "no answer", "wait");
  };
  const blind = await watchRelease({ ...ports, slots: away }, OWNER, made, {
    busy: false,
    timeoutSeconds: 5,
  });
  assert.deepEqual([blind.ended, blind.left], [[], ["i-1", "i-3"]]);
  const broken = async () => {
    throw new TypeError("bug");
  };
  await assert.rejects(
    watchRelease({ ...ports, slots: broken }, OWNER, made, { busy: false, timeoutSeconds: 5 }),
    TypeError,
  );
});

test("with nothing to release nothing is tagged and nobody is asked", async () => {
  const { world, plan } = shrinking();
  const made = await plan(3, false);
  await release(world.looking, made);
  await withdraw(world.looking, []);
  const asked = world.ec2.instances;
  let looks = 0;
  world.ec2.instances = async (owner) => {
    looks++;
    return asked(owner);
  };
  await watchRelease(world.looking, OWNER, made, { busy: false, timeoutSeconds: 60 });
  assert.deepEqual([world.deeds, world.said, looks], [[], [], 0]);
});

test("a withdrawn release is an empty value", async () => {
  const { world } = shrinking();
  await withdraw(world.looking, ["i-2"]);
  assert.deepEqual(world.deeds, ['tag i-2 {"htcondor:Release":""}']);
});
