import { stat } from "node:fs/promises";

/** Runs one step of the build and says how long it took. */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  console.log(`${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  ${name}`);
  return result;
}

export async function fileSize(path: string): Promise<string> {
  const { size } = await stat(path);
  return size > 1e6 ? `${(size / 1e6).toFixed(1)} MB` : `${(size / 1e3).toFixed(1)} kB`;
}
