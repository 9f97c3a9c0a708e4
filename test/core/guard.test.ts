import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { EndReason } from "../../core/end-of-life.ts";
import { decide, DRAIN_REASON, readSlots, stage, type Action, type Htcondor } from "../../core/guard.ts";
import { lastStretch } from "../../core/last-stretch.ts";

const END = 100_000;
const stretch = lastStretch(600, 28_800);
const at = (
  left: number,
  htcondor: Htcondor,
  released = false,
  reason: EndReason = "lease",
  stopped = false,
  deserted = false,
): Action =>
  decide({ now: END - left, ending: { at: END, reason }, released, stretch, htcondor, stopped, deserted });

const slots = (claimed: number, draining: "no" | "ours" | "another's" = "no"): Htcondor => ({
  claimed,
  draining,
});

describe("the stage of a node", () => {
  const table: readonly (readonly [number, string])[] = [
    [601, "serving"],
    [600, "refusing"],
    [301, "refusing"],
    [300, "draining"],
    [5, "draining"],
    [4, "stopping"],
    [0, "over"],
    [-100, "over"],
  ];
  for (const [left, expected] of table) {
    it(`with ${left} s left is ${expected}`, () =>
      assert.equal(stage({ now: END - left, ending: { at: END, reason: "lease" }, stretch }), expected));
  }
  it("is draining from a spot notice on, however much time is left", () => {
    assert.equal(stage({ now: 0, ending: { at: END, reason: "interruption" }, stretch }), "draining");
  });
});

describe("the guard", () => {
  const table: readonly (readonly [string, Action, Action])[] = [
    ["lets a node serve", at(5000, slots(3)), "none"],
    ["leaves a drain that an administrator began", at(5000, slots(3, "another's")), "none"],
    ["takes back its drain when the lease was renewed", at(5000, slots(3, "ours")), "cancel drain"],
    ["does nothing about a service that is stopped", at(5000, "gone"), "none"],
    [
      "ends an instance to which HTCondor has not come back",
      at(5000, "unknown", false, "lease", false, true),
      "power off",
    ],
    [
      "lets an instance without HTCondor end in order",
      at(300, "gone", false, "lease", false, true),
      "power off",
    ],
    ["drains", at(300, slots(3)), "drain"],
    ["waits for what runs while it drains", at(300, slots(3, "ours")), "none"],
    ["counts another's drain", at(300, slots(0, "another's")), "stop"],
    ["ends HTCondor early once nothing is claimed", at(300, slots(0, "ours")), "stop"],
    ["ends early once HTCondor has ended", at(300, "gone"), "power off"],
    ["waits for HTCondor that does not answer", at(5, "unknown"), "none"],
    ["stops HTCondor at last, whatever it does", at(4, "unknown"), "stop"],
    ["stops what still runs", at(4, slots(3, "ours")), "stop"],
    ["ends as soon as HTCondor has", at(3, "gone"), "power off"],
    ["ends at the end, whatever HTCondor does", at(0, "unknown"), "power off"],
    ["drains from a spot notice on", at(5000, slots(3), false, "interruption"), "drain"],
    ["drains a released node in a way that a claim forbids", at(5000, slots(0), true), "drain if unclaimed"],
    ["lets a released node serve what has claimed it", at(5000, slots(1), true), "none"],
    ["ends a released node once it is drained", at(5000, slots(0, "ours"), true), "stop"],
    ["ends a released node once HTCondor has ended", at(5000, "gone", true), "power off"],
    ["waits for an answer about a released node", at(5000, "unknown", true), "none"],
    [
      "gives a released node back that was claimed meanwhile",
      at(5000, slots(1, "ours"), true),
      "cancel drain",
    ],
    [
      "ends once it has stopped HTCondor, though renewed",
      at(5000, "gone", false, "lease", true),
      "power off",
    ],
    ["keeps stopping HTCondor until it has ended", at(5000, "unknown", false, "lease", true), "stop"],
    ["ends at the end what it could not stop", at(0, "unknown", false, "lease", true), "power off"],
    ["leaves an administrator's drain of a released node", at(5000, slots(1, "another's"), true), "none"],
  ];
  for (const [title, action, expected] of table) it(title, () => assert.equal(action, expected));

  const world = fc.record({
    left: fc.integer({ min: -1000, max: 10_000 }),
    drainSeconds: fc.nat(2000),
    released: fc.boolean(),
    reason: fc.constantFrom<EndReason>("lease", "unreadable lease", "interruption"),
    htcondor: fc.oneof(
      fc.constantFrom<Htcondor>("unknown", "gone"),
      fc.record({
        claimed: fc.nat(3),
        draining: fc.constantFrom<"no" | "ours" | "another's">("no", "ours", "another's"),
      }),
    ),
    deserted: fc.boolean(),
  });
  const observe = (one: {
    left: number;
    drainSeconds: number;
    released: boolean;
    reason: EndReason;
    htcondor: Htcondor;
    deserted: boolean;
  }) => ({
    now: END - one.left,
    ending: { at: END, reason: one.reason },
    released: one.released,
    stretch: lastStretch(one.drainSeconds, 28_800),
    htcondor: one.htcondor,
    stopped: false,
    deserted: one.deserted,
  });

  it("always powers off at the end, and before it only when HTCondor has ended or is not there", () => {
    fc.assert(
      fc.property(world, (one) => {
        const action = decide(observe(one));
        if (one.left <= 0) assert.equal(action, "power off");
        else if (action === "power off") {
          assert.ok(one.htcondor === "gone" || (one.deserted && one.htcondor === "unknown"));
        }
      }),
    );
  });

  it("never ends what is claimed before its last seconds, and never drains a claimed node that is only released", () => {
    fc.assert(
      fc.property(world, (one) => {
        const observation = observe(one);
        const action = decide(observation);
        const claimed = typeof one.htcondor === "object" && one.htcondor.claimed > 0;
        if (claimed && action === "stop") assert.ok(one.left <= observation.stretch.stop);
        const current = stage(observation);
        if (claimed && (current === "serving" || current === "refusing")) {
          assert.ok(action === "none" || action === "cancel drain");
        }
      }),
    );
  });

  it("does nothing to a node that is neither released nor near its end but take back its own drain", () => {
    fc.assert(
      fc.property(world, (one) => {
        const observation = observe({ ...one, released: false, deserted: false });
        if (stage(observation) !== "serving") return;
        assert.ok(["none", "cancel drain"].includes(decide(observation)));
      }),
    );
  });
});

describe("the slots of a node", () => {
  const table: readonly (readonly [string, Htcondor])[] = [
    ["", "unknown"],
    ["Unclaimed\tundefined\tundefined\n", slots(0)],
    ["Unclaimed\tfalse\tundefined\nClaimed\tfalse\tundefined\nPreempting\tfalse\tx\n", slots(2)],
    ["Matched\tundefined\tundefined\n", slots(1)],
    [`Drained\ttrue\t${DRAIN_REASON}\n`, slots(0, "ours")],
    [`Drained\ttrue\t${DRAIN_REASON}\nClaimed\ttrue\t${DRAIN_REASON}\n`, slots(1, "ours")],
    ["Drained\ttrue\tby condor\n", slots(0, "another's")],
    ["Drained\ttrue\tundefined\n", slots(0, "another's")],
    [`Unclaimed\tundefined\t${DRAIN_REASON}\n`, slots(0)],
  ];
  for (const [text, expected] of table) {
    it(`read ${JSON.stringify(text)}`, () => assert.deepEqual(readSlots(text), expected));
  }
});
