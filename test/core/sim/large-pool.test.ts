import assert from "node:assert/strict";
import { test } from "node:test";
import { provisioningRate } from "../../../core/laws/provisioning-rate.ts";
import { BASE_PLANT, cpuOffer, type Plant } from "../../../core/sim/plant.ts";
import { exponential, poissonTimes, random } from "../../../core/sim/random.ts";
import { simulate } from "../../../core/sim/simulate.ts";
import { workload } from "../../../core/sim/workload.ts";

const RATE = 20_000;
const COMPLETION = 2;
const PROVISIONING = 3;
const DELAY_SECONDS = 240;
const HOURS = 2;

type State = { readonly queued: number; readonly idle: number; readonly busy: number };

/**
 * PM2 with σ_RT = σ_IT = 0 as the plant samples it: orders and matches each minute, min(Q, I) of them, and freed slots take
 * the next job at once while there is one.
 */
function fluid(): State[] {
  const states: State[] = [];
  const orders: number[] = [];
  let [queued, idle, busy] = [0, 0, 0];
  for (let minute = 0; minute < HOURS * 60; minute++) {
    idle += orders[minute - DELAY_SECONDS / 60] ?? 0;
    const matched = Math.min(queued, idle);
    queued -= matched;
    idle -= matched;
    busy += matched;
    states.push({ queued, idle, busy });
    orders.push((PROVISIONING / 60) * queued);
    for (let second = 0; second < 60; second++) {
      const ended = (COMPLETION * busy) / 3600;
      const taken = Math.min(queued, ended);
      queued += RATE / 3600 - taken;
      busy -= ended - taken;
      idle += ended - taken;
    }
  }
  return states;
}

test("a large pool follows the delay equations of the provisioning models", () => {
  const next = random(99);
  const jobs = workload(
    poissonTimes(next, HOURS, RATE, () => RATE).map((hour) => ({
      submitted: hour * 3600,
      runSeconds: exponential(next, 1 / COMPLETION) * 3600,
      request: { cpus: 1, memory: 0, disk: 0, gpus: 0 },
      owner: "a",
    })),
    0,
  );
  const plant: Plant = {
    ...BASE_PLANT,
    offers: [cpuOffer(1)],
    spinUp: { median: DELAY_SECONDS, sigma: 0, least: DELAY_SECONDS, most: DELAY_SECONDS },
    leaseSeconds: 1e6,
  };
  const law = { ...provisioningRate({ perHour: PROVISIONING, periodSeconds: 60 }), idleSeconds: 7200 };
  const states: State[] = [];
  simulate(jobs, plant, law, 1, {
    tick: ({ waiting, machines }) => {
      const joined = machines.filter((one) => one.joined !== undefined);
      const busy = joined.filter((one) => one.jobs.length > 0).length;
      states.push({ queued: waiting[0]?.count ?? 0, idle: joined.length - busy, busy });
    },
  });
  const expected = fluid();
  for (let minute = 10; minute < HOURS * 60; minute += 10) {
    const [real, model] = [states[minute], expected[minute]];
    assert.ok(real !== undefined && model !== undefined);
    for (const part of ["queued", "idle", "busy"] as const) {
      const off = Math.abs(real[part] - model[part]);
      assert.ok(
        off < (0.02 * RATE) / COMPLETION,
        `${part} at ${minute} min: ${real[part]}, model ${model[part]}`,
      );
    }
  }
  assert.ok((expected.at(-1)?.busy ?? 0) > 8000);
});
