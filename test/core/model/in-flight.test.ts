import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../../core/errors.ts";
import {
  inFlightCriticalDelay,
  inFlightEquilibrium,
  inFlightRoots,
  inFlightSystem,
  inFlightTrajectory,
  type InFlightModel,
} from "../../../core/model/in-flight.ts";
import { PRINTED, type ModelVariant } from "../../../core/model/parameters.ts";
import { countRootsRightOf } from "../../../core/model/root-count.ts";
import { flowBalance } from "../../../core/model/trajectory.ts";
import { BASE, randomParameters, VARIANTS } from "./random-parameters.ts";

const MIN: ModelVariant = { matching: "min", evicted: "lost", idleEnd: "timer" };
const EMPTY = { queued: 0, idle: 0, busy: 0 };
const FAST = { ...BASE, matchRate: 1e7 };

test("at the equilibrium of every variant what is ordered replaces what ends, and all flows balance", () => {
  let i = 0;
  for (const parameters of randomParameters(800, 61)) {
    const variant = VARIANTS[i++ % VARIANTS.length] ?? PRINTED;
    const at = inFlightEquilibrium({ parameters, variant, spinUpDelay: 0.2 });
    const ordered = parameters.provisioningRate * (at.queued - at.idle - at.inFlight);
    const left = flowBalance(parameters, variant, at, ordered);
    const size = parameters.submissionRate + parameters.provisioningRate * at.queued;
    for (const value of Object.values(left)) assert.ok(Math.abs(value) < 1e-9 * size);
    assert.ok(Math.abs(at.inFlight - 0.2 * ordered) < 1e-9 * size);
  }
});

test("with matching without delay the critical delay is acos(−r/c)/√(c² − r²) at any high gain", () => {
  for (const c of [1, 12]) {
    const parameters = { ...FAST, completionRate: c, provisioningRate: 1e4 };
    const found = inFlightCriticalDelay({ parameters, variant: MIN });
    const r = 0.125;
    const expected = Math.acos(-r / c) / Math.sqrt(c * c - r * r);
    assert.ok(Math.abs((found ?? 0) / expected - 1) < 2e-3, `${found} ${expected}`);
  }
});

test("counting what is in flight bears forty times the delay that a gain of 60/h bears without", () => {
  const found = inFlightCriticalDelay({ parameters: { ...FAST, provisioningRate: 60 }, variant: MIN });
  assert.ok((found ?? 0) * 60 > 40 * 1.55);
});

test("the search for the critical delay may begin at a stable delay, and is over at once at an unstable one", () => {
  const model = { parameters: { ...FAST, provisioningRate: 5 }, variant: MIN };
  const critical = inFlightCriticalDelay(model) ?? Number.NaN;
  const found = inFlightCriticalDelay(model, critical / 2) ?? Number.NaN;
  assert.ok(Math.abs(found / critical - 1) < 1e-8);
  assert.equal(inFlightCriticalDelay(model, critical * 1.1), critical * 1.1);
});

test("leases shorter than jobs make every delay safe", () => {
  const parameters = { ...FAST, runningTerminationRate: 1.5, provisioningRate: 100 };
  assert.equal(inFlightCriticalDelay({ parameters, variant: MIN }), undefined);
});

test("the roots change sides at the critical delay, and the structural one at 0 is left out", () => {
  const model = { parameters: { ...FAST, provisioningRate: 5 }, variant: MIN };
  const critical = inFlightCriticalDelay(model) ?? Number.NaN;
  for (const [factor, right] of [
    [0.98, 0],
    [1.02, 2],
  ] as const) {
    const spinUpDelay = factor * critical;
    const [first] = inFlightRoots({ ...model, spinUpDelay });
    assert.equal((first?.re ?? 0) > 0, right > 0);
    assert.ok(Math.abs(first?.re ?? 0) > 1e-6);
    assert.equal(countRootsRightOf(inFlightSystem({ ...model, spinUpDelay }), 1e-9), right);
  }
});

test("a run comes to rest at the equilibrium, with and without a delay, and never orders less than nothing", () => {
  for (const spinUpDelay of [0, 0.2]) {
    const model: InFlightModel = { parameters: BASE, variant: PRINTED, spinUpDelay };
    const at = inFlightEquilibrium(model);
    const rows = inFlightTrajectory(model, { ...EMPTY, idle: 50 }, [0.1, 100]);
    assert.ok((rows[0]?.inFlight ?? -1) >= 0);
    const [, last] = rows;
    assert.ok(last);
    for (const name of ["queued", "idle", "busy", "inFlight"] as const)
      assert.ok(Math.abs(last[name] - at[name]) < 1e-6 * (1 + at[name]), `${name} ${last[name]} ${at[name]}`);
    assert.ok((inFlightRoots(model)[0]?.re ?? 0) < 0);
  }
});

test("bad rates, delays and states are refused", () => {
  const model: InFlightModel = { parameters: BASE, variant: PRINTED, spinUpDelay: 0.1 };
  const usage = (error: unknown): boolean => error instanceof UpdraftError && error.kind === "usage";
  assert.throws(() => inFlightEquilibrium({ ...model, spinUpDelay: Number.NaN }), usage);
  assert.throws(() => inFlightRoots({ ...model, parameters: { ...BASE, matchRate: 0 } }), usage);
  assert.throws(() => inFlightTrajectory(model, { ...EMPTY, busy: -1 }, [1]), usage);
});
