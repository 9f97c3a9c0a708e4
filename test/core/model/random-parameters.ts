import type { ModelParameters, ModelVariant } from "../../../core/model/parameters.ts";
import { random } from "./simulated-pool.ts";

/** What a pool may be: rates over three to five decades around the usual ones, the same sets at every run. */
export function* randomParameters(count: number, seed: number): Generator<ModelParameters> {
  const draw = random(seed);
  const between = (low: number, high: number): number => low * (high / low) ** draw();
  for (let i = 0; i < count; i++)
    yield {
      submissionRate: between(0.1, 1e4),
      matchRate: between(1e-3, 1e2),
      provisioningRate: between(1e-3, 1e2),
      completionRate: between(0.02, 60),
      idleTerminationRate: between(0.02, 60),
      runningTerminationRate: between(1e-3, 10),
    };
}

export const VARIANTS: readonly ModelVariant[] = (["mass-action", "min"] as const).flatMap((matching) =>
  (["lost", "requeued"] as const).flatMap((evicted) =>
    (["rate", "timer"] as const).map((idleEnd) => ({ matching, evicted, idleEnd })),
  ),
);

/** The pool of the slides' scale that most tests use. */
export const BASE: ModelParameters = {
  submissionRate: 100,
  matchRate: 1,
  provisioningRate: 1,
  completionRate: 1,
  idleTerminationRate: 3,
  runningTerminationRate: 0.125,
};
