import { UpdraftError } from "../errors.ts";
import { USABLE_MEMORY } from "../machine.ts";
import type { Resources } from "../packing.ts";

/** GiB per vCPU of the families whose types differ in nothing else. */
const MEMORY_PER_CPU: Readonly<Record<string, number>> = { c: 2, m: 4, r: 8 };
const CPUS: Readonly<Record<string, number>> = { medium: 1, large: 2, xlarge: 4 };
const OTHERWISE = new Set(["c5n"]);

/** What an instance of a type has for jobs, as its name tells: families c, m and r from generation 5 on. */
export function machineOfType(type: string): Resources {
  const [, family = "", letter = "", size = ""] =
    /^(([cmr])[5-9][a-z-]*)\.(medium|(?:\d{1,2})?x?large)$/.exec(type) ?? [];
  const cpus = CPUS[size] ?? 4 * Number(/^(\d+)xlarge$/.exec(size)?.[1] ?? Number.NaN);
  const perCpu = MEMORY_PER_CPU[letter];
  if (perCpu === undefined || !(cpus > 0) || OTHERWISE.has(family)) {
    throw new UpdraftError(
      "usage",
      `what ${type} has cannot be told from its name`,
      "Say it: --machine CPUS:GIB, or CPUS:GIB:GPUS, and its price by --price USD.",
    );
  }
  return machine(cpus, perCpu * cpus * USABLE_MEMORY, 0);
}

/** `8:32` or `8:32:1`: CPUs, GiB of memory, GPUs. */
export function parseMachine(text: string): Resources {
  const [, cpus, gib, gpus] = /^(\d{1,4}):(\d{1,6}(?:\.\d{1,3})?)(?::(\d{1,3}))?$/.exec(text) ?? [];
  if (cpus === undefined || Number(cpus) === 0 || Number(gib) === 0) {
    throw new UpdraftError(
      "usage",
      `--machine "${text}" is no machine`,
      "Give CPUs and GiB of memory, such as 8:32, with GPUs such as 8:64:1.",
    );
  }
  return machine(Number(cpus), Number(gib), Number(gpus ?? 0));
}

/** Disks are the image's and the launch template's matter. */
function machine(cpus: number, gib: number, gpus: number): Resources {
  return { cpus, memory: Math.floor(gib * 1024), disk: Number.POSITIVE_INFINITY, gpus };
}
