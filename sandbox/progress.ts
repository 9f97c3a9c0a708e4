import { messageOf } from "../core/errors.ts";

/** One step of something that takes a while: begun when `seconds` is undefined, else done. */
export type Step = {
  readonly title: string;
  readonly seconds?: number;
  /** What went wrong, when it did. */
  readonly failure?: string;
};

export type OnStep = (step: Step) => void;

/** Tells of a step when it begins and when it ends. */
export async function step<T>(title: string, onStep: OnStep, work: () => Promise<T>): Promise<T> {
  const begun = performance.now();
  const seconds = () => Math.round((performance.now() - begun) / 10) / 100;
  onStep({ title });
  try {
    const result = await work();
    onStep({ title, seconds: seconds() });
    return result;
  } catch (error) {
    onStep({ title, seconds: seconds(), failure: messageOf(error) });
    throw error;
  }
}

/** A finished step as a line; undefined for one that only begins. */
export function stepLine(step: Step): string | undefined {
  if (step.seconds === undefined) return undefined;
  const mark = step.failure === undefined ? "ok    " : "FAILED";
  return `${mark} ${step.seconds.toFixed(1).padStart(6)} s  ${step.title}`;
}
