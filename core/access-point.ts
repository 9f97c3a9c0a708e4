import {
  EXPRESSION_KNOB,
  knobError,
  readKnobs,
  type KnobProblem,
  type Knobs,
  type Setting,
} from "./knobs.ts";
import { DEFAULT_OPT_IN } from "./opt-in.ts";
import { SETTINGS, site, type Site } from "./site.ts";

export type Configuration = {
  /** Every knob of the schedd whose whole name matches the regular expression. */
  settings(names: string): Promise<readonly Setting[]>;
  /** What is wrong with a ClassAd expression; undefined when nothing is. */
  expressionError(expression: string): Promise<string | undefined>;
};

/** This access point: its pool and every knob, checked by HTCondor where only HTCondor can. */
export async function readAccessPoint(condor: Configuration): Promise<{ site: Site; knobs: Knobs }> {
  const { settings, knobs, problems } = await lookAtKnobs(condor);
  if (problems.length > 0) throw knobError(problems);
  return { site: site(settings), knobs };
}

/** The same without judging it: annexes with a bad knob are left out, and every bad knob is told. */
export async function lookAtKnobs(
  condor: Configuration,
): Promise<{ settings: readonly Setting[]; knobs: Knobs; problems: readonly KnobProblem[] }> {
  const settings = await condor.settings(SETTINGS);
  const { knobs, problems } = readKnobs(settings);
  const unchecked = settings.filter(
    ({ name, value }) =>
      EXPRESSION_KNOB.test(name) &&
      // As the drop-in has it, which need not be asked about every minute.
      value !== DEFAULT_OPT_IN &&
      !problems.some((problem) => problem.name === name),
  );
  const wrong = await Promise.all(unchecked.map(({ value }) => condor.expressionError(value)));
  for (const [index, setting] of unchecked.entries()) {
    const why = wrong[index];
    if (why !== undefined) problems.push({ ...setting, expected: `a ClassAd expression, but ${why}` });
  }
  return { settings, knobs, problems };
}
