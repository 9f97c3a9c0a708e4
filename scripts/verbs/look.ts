import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { condorAnnexes } from "../../adapters/condor-annexes.ts";
import type { Condor } from "../../adapters/condor.ts";
import { run } from "../../adapters/run.ts";
import type { Remembered } from "../../core/annex-view.ts";
import { UpdraftError } from "../../core/errors.ts";
import { STATE_FILE, parseHookState } from "../../core/hook-state.ts";
import type { AnnexKnobs, Knobs } from "../../core/knobs.ts";
import { findRates } from "../../core/rates.ts";
import type { Site } from "../../core/site.ts";
import type { StatusPorts } from "../../core/status.ts";
import { report } from "../output.ts";
import { aws, clock } from "./site.ts";
import { money } from "./state.ts";

/** What it takes to see an annex as EC2, the collector, the schedd and the hook know it. */
export function looking(annex: AnnexKnobs, knobs: Knobs, condor: Condor, { environment }: Site) {
  const annexes = condorAnnexes(run(environment));
  const here = aws(annex.region);
  const ports: StatusPorts & ReturnType<typeof aws> = {
    ...here,
    slots: condor.slots,
    jobs: (name) => orElse([], annexes.jobs(name)),
    worked: (ids) => orElse([], annexes.worked(ids)),
    hookSaid: (schedd, name) => orElse(undefined, annexes.hookSaid(schedd, name)),
    remembered: (name) => remembered(knobs.stateDirectory, name),
    rates: (instances) =>
      findRates({ ...here, ...money(knobs, annex.region) }, annex, instances, clock.now()),
  };
  return ports;
}

/** EC2 and the collector say enough without it; what is missing is told. */
async function orElse<T>(otherwise: T, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    report(error.message);
    return otherwise;
  }
}

/** The hook's memory, which only root and HTCondor's user may read. */
async function remembered(directory: string, annex: string): Promise<Remembered> {
  const text = await readFile(join(directory, STATE_FILE), "utf8").catch(() => "");
  return parseHookState(text)[annex]?.memory.joined ?? {};
}
