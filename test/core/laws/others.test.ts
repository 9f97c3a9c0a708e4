import assert from "node:assert/strict";
import { test } from "node:test";
import { clusterAutoscaler } from "../../../core/laws/cluster-autoscaler.ts";
import { cobald } from "../../../core/laws/cobald.ts";
import { elastiq } from "../../../core/laws/elastiq.ts";
import { forecastBand } from "../../../core/laws/forecast-band.ts";
import { gcp } from "../../../core/laws/gcp.ts";
import type { AnyLaw, Limits, Observation } from "../../../core/laws/law.ts";
import { marginalValue } from "../../../core/laws/marginal-value.ts";
import { provisioningRate } from "../../../core/laws/provisioning-rate.ts";
import { prp } from "../../../core/laws/prp.ts";
import { unmetDemandLaw } from "../../../core/laws/unmet-demand-law.ts";
import { inFlight, limits, machine, NOW, seen, waiting } from "./scene.ts";

/** Runs a law over looks a tick apart; gives what it ordered at each. */
function orders(law: AnyLaw, looks: readonly Partial<Observation>[], bounds: Limits = limits()): number[] {
  let memory: unknown = law.initial;
  return looks.map((look, i) => {
    const wish = law.decide(seen({ now: NOW + i * bounds.tickSeconds, ...look }), memory, bounds);
    memory = JSON.parse(JSON.stringify(wish.memory));
    assert.notEqual(wish.reason, "");
    return wish.order.reduce((sum, { count }) => sum + count, 0);
  });
}

const released = (law: AnyLaw, look: Partial<Observation>, bounds: Limits = limits()): readonly number[] =>
  law.decide(seen(look), law.initial, bounds).release;

const ALL: readonly AnyLaw[] = [
  unmetDemandLaw(),
  gcp(),
  clusterAutoscaler(),
  elastiq(),
  prp(),
  cobald(),
  provisioningRate(),
  marginalValue(),
  forecastBand(),
];

test("every law says where it comes from and what was simplified", () => {
  for (const { name, source, simplified } of ALL)
    assert.ok(name !== "" && source !== "" && simplified !== "", name);
  assert.equal(new Set(ALL.map(({ name }) => name)).size, ALL.length);
});

test("every law but the integrator orders nothing for an empty queue, whole machines else", () => {
  for (const law of ALL) {
    if (law.name !== "cobald") assert.deepEqual(orders(law, [{}]), [0], law.name);
    const [first = -1, second = -1, third = -1] = orders(
      law,
      [{ waiting: [waiting(37)] }, { waiting: [waiting(37)] }, { waiting: [waiting(37)] }],
      limits({}, 4),
    );
    for (const count of [first, second, third]) assert.ok(Number.isInteger(count) && count >= 0, law.name);
    assert.ok(first + second + third > 0, law.name);
  }
});

test("unmet demand: what is needed less what is on its way and not late; rested idle ones go", () => {
  const law = unmetDemandLaw();
  const late = inFlight({ ordered: NOW - 700 });
  assert.deepEqual(
    orders(law, [{ waiting: [waiting(10)], machines: [inFlight(), late] }], limits({}, 4)),
    [2],
  );
  const [rested, fresh] = [machine(), machine({ idleSince: NOW - 60 })];
  assert.deepEqual(released(law, { machines: [rested, fresh] }), [rested.id]);
  assert.deepEqual(released(law, { machines: [rested], waiting: [waiting(5)] }), []);
});

test("gcp: target is what is busy and what waits, with idle and in-flight ones taken off", () => {
  const four = limits({}, 4);
  assert.deepEqual(orders(gcp(), [{ waiting: [waiting(9)], machines: [inFlight({ cpus: 4 })] }], four), [2]);
  assert.deepEqual(orders(gcp({ minIdle: 2 }), [{}], four), [2]);
  const [a, b] = [machine({ idleSince: NOW - 600 }), machine()];
  assert.deepEqual(released(gcp(), { machines: [b, a] }), [a.id, b.id]);
  assert.deepEqual(released(gcp({ minIdle: 1 }), { machines: [b, a] }), [a.id]);
  const spent = machine({ leaseEnd: NOW + 3600 });
  const gated = gcp({ gateHours: 2, minIdle: 1 });
  assert.deepEqual(released(gated, { machines: [spent] }), [spent.id]);
  assert.equal(gated.decide(seen(), null, limits()).refuseSeconds, 7200);
});

test("cluster-autoscaler: packs on what is coming, and removes after a quiet time only", () => {
  const law = clusterAutoscaler();
  const coming = inFlight({ cpus: 4 });
  const old = inFlight({ cpus: 4, ordered: NOW - 1000 });
  assert.deepEqual(orders(law, [{ waiting: [waiting(9)], machines: [coming, old] }], limits({}, 4)), [2]);
  const idle = machine({ idleSince: NOW - 700 });
  assert.deepEqual(released(law, { machines: [idle] }), [idle.id]);
  const { memory } = law.decide(seen({ waiting: [waiting(1)] }), law.initial, limits());
  assert.deepEqual(law.decide(seen({ now: NOW + 60, machines: [idle] }), memory, limits()).release, []);
  assert.deepEqual(law.decide(seen({ now: NOW + 660, machines: [idle] }), memory, limits()).release, [
    idle.id,
  ]);
});

test("elastiq: waits for its threshold and hold, then credits what it ordered for the assumed boot time", () => {
  const many = { waiting: [waiting(12)] };
  assert.deepEqual(orders(elastiq(), [many, many, many, many, {}]), [0, 0, 12, 0, 0]);
  assert.deepEqual(orders(elastiq(), [{ waiting: [waiting(9)] }, { waiting: [waiting(9)] }]), [0, 0]);
  const idle = machine({ idleSince: NOW - 3600 });
  assert.deepEqual(released(elastiq(), { machines: [idle, machine()] }), [idle.id]);
});

test("prp: a quarter and one, at most its cap, less what is unmatched, each second minute", () => {
  const look = { waiting: [waiting(40)] };
  assert.deepEqual(orders(prp(), [look, look, look]), [11, 0, 11]);
  assert.deepEqual(orders(prp(), [{ waiting: [waiting(40)], machines: [inFlight(), machine()] }]), [9]);
  assert.deepEqual(orders(prp({ mostPods: 1000 }), [{ waiting: [waiting(400)] }]), [40]);
});

test("cobald: demand goes up while drones are used and down while they are not, and drains what is too much", () => {
  const law = cobald({ coresPerSecond: 1 / 60 });
  assert.deepEqual(orders(law, [{}, {}]), [1, 2]);
  const busy = machine({ jobs: [60] });
  const idle = machine();
  const partly = machine({ cpus: 4, jobs: [60] });
  const wish = law.decide(seen({ machines: [busy, idle, machine()] }), { demand: 3 }, limits());
  assert.equal(wish.memory.demand, 2);
  assert.deepEqual(wish.release, [idle.id]);
  const even = law.decide(seen({ machines: [busy, idle] }), { demand: 2 }, limits());
  assert.deepEqual([even.memory.demand, even.release], [2, []]);
  const drained = law.decide(seen({ machines: [partly] }), { demand: 0.5 }, limits({}, 4));
  assert.deepEqual(drained.release, [partly.id]);
});

test("the provisioning rate orders σ·Q a period whatever is in flight, and carries fractions over", () => {
  const look = { waiting: [waiting(10)], machines: [inFlight()] };
  const law = provisioningRate({ perHour: 3, periodSeconds: 60 });
  assert.deepEqual(orders(law, [look, look, look, {}, look]), [0, 1, 0, 0, 0]);
  assert.deepEqual(orders(provisioningRate(), [look, look]), [10, 0]);
});

test("marginal value: orders what waits, less what is coming; spares only where waiting is dear", () => {
  const look = { waiting: [waiting(20)], machines: [inFlight(), inFlight({ ordered: NOW - 600 })] };
  const [cheap = 0] = orders(marginalValue(), [look]);
  assert.ok(cheap >= 15 && cheap <= 19, String(cheap));
  const arrived = [{ ...waiting(0), count: 30 }];
  const busy = Array.from({ length: 20 }, () => machine({ jobs: [600], leaseEnd: NOW + 100 }));
  const steady = { machines: busy, arrived };
  const [none] = orders(marginalValue({ spare: false }), [steady], limits({ waitValue: 10 }));
  const [spare = 0] = orders(marginalValue(), [steady], limits({ waitValue: 10 }));
  assert.ok(spare > (none ?? 0));
  const idle = [machine({ leaseEnd: NOW + 9000 }), machine({ leaseEnd: NOW + 5000 })];
  assert.deepEqual(released(marginalValue(), { machines: idle }), [idle[1]?.id, idle[0]?.id]);
  assert.deepEqual(released(marginalValue({ holdSeconds: 600 }), { machines: idle }), []);
});

test("forecast band: nothing is ordered for what frees itself in time, and idle ones go, the longest idle first", () => {
  const law = forecastBand();
  // Short jobs, many of them: what runs will be done before an instance has booted.
  let memory = law.initial;
  const short = Array.from({ length: 50 }, () => ({ group: "alice", seconds: 30 }));
  for (let i = 0; i < 30; i++) ({ memory } = law.decide(seen({ completed: short }), memory, limits()));
  const busy = Array.from({ length: 10 }, () => machine({ jobs: [20] }));
  const wish = law.decide(seen({ machines: busy, waiting: [waiting(3)] }), memory, limits());
  assert.deepEqual(wish.order, []);
  const [old, young] = [machine({ idleSince: NOW - 900 }), machine()];
  assert.deepEqual(released(law, { machines: [young, old] }), [old.id, young.id]);
  const gone = machine({ leaseEnd: NOW + 60, jobs: [60] });
  const [replaced] = orders(law, [{ machines: [gone], waiting: [waiting(1)] }]);
  assert.ok((replaced ?? 0) >= 1);
});
