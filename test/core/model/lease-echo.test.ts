import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../../core/errors.ts";
import { characteristic } from "../../../core/model/delay-system.ts";
import { idleEnds, timerRate } from "../../../core/model/flows.ts";
import {
  leaseEquilibrium,
  leaseFlow,
  leaseRoots,
  leaseSystem,
  leaseTrajectory,
  type LeaseModel,
} from "../../../core/model/lease-echo.ts";
import { PRINTED } from "../../../core/model/parameters.ts";
import { pm2Roots } from "../../../core/model/pm2.ts";
import { countRootsRightOf } from "../../../core/model/root-count.ts";
import { flowBalance } from "../../../core/model/trajectory.ts";
import { complex, distance, LEASE, pool, relativeError } from "./goldens.ts";
import { BASE, randomParameters, VARIANTS } from "./random-parameters.ts";

const EMPTY = { queued: 0, idle: 0, busy: 0 };

for (const golden of LEASE) {
  const model: LeaseModel = { ...golden.model, variant: PRINTED };
  test(`a lease of ${golden.lease} h: equilibrium, roots and trajectory agree with the golden values`, () => {
    assert.ok(relativeError(leaseEquilibrium(model), pool(golden.equilibrium)) < 1e-12);
    const roots = leaseRoots(model, golden.roots.length);
    golden.roots.forEach((one, i) => assert.ok(distance(roots[i] ?? EMPTY_ROOT, complex(one)) < 1e-8));
    const rows = leaseTrajectory(model, 0, golden.times);
    golden.x.forEach((row, i) => assert.ok(relativeError(rows[i] ?? EMPTY, pool(row)) < 1e-8));
  });
}
const EMPTY_ROOT = { re: Number.NaN, im: Number.NaN };

const model = (changes: Partial<LeaseModel> = {}): LeaseModel => ({
  parameters: {
    ...BASE,
    matchRate: 24,
    idleTerminationRate: timerRate(24, 1 / 3).rate,
    provisioningRate: 0.3,
  },
  variant: { matching: "min", evicted: "lost", idleEnd: "rate" },
  lease: 8,
  spinUpDelay: 5 / 60,
  ...changes,
});

test("at the equilibrium of every variant machines, jobs and idle hazard balance", () => {
  let i = 0;
  for (const parameters of randomParameters(400, 51)) {
    const variant = VARIANTS[i++ % VARIANTS.length] ?? PRINTED;
    const at = leaseEquilibrium({ parameters, variant, lease: 8, spinUpDelay: 0.1 });
    const ended = at.leaseEndRate;
    const withoutEnds = { ...parameters, runningTerminationRate: 0 };
    const left = flowBalance(withoutEnds, variant, at);
    const back = variant.evicted === "requeued" ? ended * at.busy : 0;
    const size = parameters.submissionRate + parameters.provisioningRate * at.queued;
    assert.ok(Math.abs(left.queued + back) < 1e-9 * size);
    assert.ok(Math.abs(left.idle - ended * at.idle) < 1e-9 * size);
    assert.ok(Math.abs(left.busy - ended * at.busy) < 1e-9 * size);
    const hazard = idleEnds(withoutEnds, variant, at.queued, at.idle).rate / (at.idle + at.busy);
    assert.ok(Math.abs(timerRate(hazard, 8).rate - ended) < 1e-9 * (ended + 1 / 8));
  }
});

test("the linear system is the derivative of the right-hand side, in every variant", () => {
  for (const variant of VARIANTS) {
    const one = model({ variant, parameters: { ...BASE, idleTerminationRate: 0.5, matchRate: 2 } });
    const at = leaseEquilibrium(one);
    const system = leaseSystem(one);
    const hazard = -(system.structuralRoots[1] ?? 0) * one.lease;
    // X_Q, X_I, X_R, H, then the queue two delays and H one lease ago.
    const rest = [at.queued, at.idle, at.busy, hazard, at.queued, at.queued, 0];
    const flow = (moved: readonly number[]): number[] =>
      leaseFlow(one, moved.slice(0, 4), moved[4] ?? 0, moved[5] ?? 0, moved[6] ?? 0);
    for (const value of flow(rest).slice(0, 3)) assert.ok(Math.abs(value) < 1e-9);
    const [queue, memory] = system.feedbacks;
    const columns = [
      ...[0, 1, 2, 3].map((j) => system.matrix.map((row) => row[j] ?? 0)),
      queue?.inputs[0]?.gain ?? [],
      queue?.inputs[1]?.gain ?? [],
      memory?.inputs[0]?.gain ?? [],
    ];
    columns.forEach((column, j) => {
      const step = 1e-6 * (1 + Math.abs(rest[j] ?? 0));
      const shifted = (by: number): number[] => flow(rest.map((value, k) => (k === j ? value + by : value)));
      const [up, down] = [shifted(step), shifted(-step)];
      column.forEach((slope, i) => {
        const measured = ((up[i] ?? 0) - (down[i] ?? 0)) / (2 * step);
        assert.ok(
          Math.abs(measured - slope) < 1e-6 * (1 + Math.abs(slope)),
          `${JSON.stringify(variant)} ${i} ${j}`,
        );
      });
    });
  }
});

test("in every variant of mass action a run rings down as the first root says", () => {
  const parameters = { ...BASE, provisioningRate: 0.03, idleTerminationRate: 0.1 };
  for (const variant of VARIANTS.filter(({ matching }) => matching === "mass-action")) {
    const one = model({ parameters, variant });
    const [root = EMPTY_ROOT] = leaseRoots(one);
    const period = (2 * Math.PI) / root.im;
    const at = leaseEquilibrium(one);
    const [early = EMPTY, late = EMPTY] = leaseTrajectory(one, 0, [30, 30 + period], {
      relative: 1e-7,
      absolute: 1e-7,
    });
    const ratio = (late.busy - at.busy) / (early.busy - at.busy);
    assert.ok(Math.abs(ratio / Math.exp(root.re * period) - 1) < 0.02, `${JSON.stringify(variant)} ${ratio}`);
  }
});

test("the two structural roots are at 0 and at −η, and are no roots once divided out", () => {
  const system = leaseSystem(model());
  assert.equal(system.structuralRoots.length, 2);
  const whole = characteristic({ ...system, structuralRoots: [] });
  const reduced = characteristic(system);
  for (const root of system.structuralRoots) {
    const near = whole({ re: root + 1e-7, im: 0 }).logarithm;
    const away = whole({ re: root + 1e-3, im: 0 }).logarithm;
    assert.ok(away - near > 8, `${root}: ${near} ${away}`);
    const smooth =
      reduced({ re: root + 1e-5, im: 0 }).logarithm - reduced({ re: root + 1e-3, im: 0 }).logarithm;
    assert.ok(Math.abs(smooth) < 0.1);
  }
  assert.ok((system.structuralRoots[1] ?? 0) < -1e-7);
});

test("the count of roots confirms that none lies right of the first", () => {
  for (const lease of [4, 8, 24])
    for (const variant of VARIANTS) {
      const one = model({ lease, variant });
      const [first = EMPTY_ROOT] = leaseRoots(one);
      assert.equal(countRootsRightOf(leaseSystem(one), first.re + 1e-3), 0);
      assert.ok(countRootsRightOf(leaseSystem(one), first.re - 1e-3) >= 1);
    }
});

test("a fixed lifetime oscillates a little slower than itself where a rate of the same mean is calm", () => {
  const echo = leaseRoots(model())[0] ?? EMPTY_ROOT;
  const calm = pm2Roots(
    { ...BASE, ...model().parameters, runningTerminationRate: 1 / 8 },
    model().variant,
    5 / 60,
  )[0];
  assert.ok(echo.re > 0 && (calm?.re ?? 0) < -0.1);
  const period = (2 * Math.PI) / echo.im;
  assert.ok(period > 8 && period < 14, `${period}`);
});

test("in a run the cohort that was ordered together dies together, one lease after it joined", () => {
  const { parameters } = model();
  const burst = model({
    parameters: { ...parameters, submissionRate: 1e-6, provisioningRate: 3, completionRate: 0.001 },
  });
  const rows = leaseTrajectory(burst, 100, [0.08, 4, 8, 11]);
  const [none, many = 0, still = 0, gone] = rows.map(({ idle, busy }) => idle + busy);
  assert.equal(none, 0);
  assert.ok(many > 95 && Math.abs(still - many) < 0.1);
  assert.ok((gone ?? 1) < 0.1 * many, `${gone}`);
});

test("jobs come back to the queue at a lease's end when they are requeued", () => {
  const requeued = model({ variant: { ...model().variant, evicted: "requeued" }, spinUpDelay: 0 });
  const lost = model({ spinUpDelay: 0 });
  const at = (one: LeaseModel): number => {
    const [{ queued, busy } = EMPTY] = leaseTrajectory(one, 50, [10]);
    return queued + busy;
  };
  assert.ok(at(requeued) > at(lost) + 1);
  assert.ok(leaseEquilibrium(requeued).busy > leaseEquilibrium(lost).busy);
});

test("with a timer that never runs out all machines live for their whole lease", () => {
  const at = leaseEquilibrium(
    model({
      parameters: { ...model().parameters, matchRate: 1e6, idleTerminationRate: 1e-3 },
      variant: { matching: "min", evicted: "lost", idleEnd: "timer" },
    }),
  );
  assert.ok(Math.abs(at.leaseEndRate - 1 / 8) < 1e-12);
});

test("what is no lease, delay, queue or rate is refused", () => {
  const refused = (pattern: RegExp, run: () => unknown): void =>
    assert.throws(
      run,
      (error: unknown) =>
        error instanceof UpdraftError && error.kind === "usage" && pattern.test(error.message),
    );
  refused(/lease is 0/, () => leaseEquilibrium(model({ lease: 0 })));
  refused(/lease is NaN/, () => leaseRoots(model({ lease: Number.NaN })));
  refused(/spin-up delay is -1/, () => leaseRoots(model({ spinUpDelay: -1 })));
  refused(/queued is -1/, () => leaseTrajectory(model(), -1, [1]));
  refused(/σ_RI/, () =>
    leaseEquilibrium(model({ parameters: { ...model().parameters, completionRate: 0 } })),
  );
});
