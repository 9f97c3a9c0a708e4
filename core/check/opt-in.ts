import { knobName, type AnnexKnobs, type Setting } from "../knobs.ts";
import { asksForOptIn, DEFAULT_OPT_IN, scoped } from "../opt-in.ts";
import { ok, warning, type Found, type Piece } from "./findings.ts";
import type { ScheddFacts } from "./ports.ts";

const DROP_IN = "Put condor-config/access-point.config into config.d, then run: condor_reconfig";

/** Whether jobs refuse what an annex's token advertises unless they have opted in, and those that an annex is for do not. */
export function optInPieces(
  schedd: ScheddFacts,
  settings: () => Promise<readonly Setting[]>,
  annexes: readonly AnnexKnobs[],
  optIn: string,
): Piece[] {
  const withToken = annexes.filter((annex) => annex.credential === "idtoken");
  if (withToken.length === 0) return [];
  return [{ of: "access point", name: "opt-in", look }];

  async function look(): Promise<readonly Found[]> {
    return [...(await guard(schedd, await settings(), optIn)), ...withToken.flatMap(refused(optIn))];
  }
}

async function guard(
  schedd: ScheddFacts,
  settings: readonly Setting[],
  optIn: string,
): Promise<readonly Found[]> {
  const value = (name: string): string =>
    settings.find((setting) => setting.name.toUpperCase() === name.toUpperCase())?.value ?? "";
  const listed = (names: string): string[] => names.split(/[\s,]+/).filter((name) => name !== "");
  const name = listed(value("JOB_TRANSFORM_NAMES")).find((one) =>
    /\bSET\s+Requirements\b.*\bAuthenticatedIdentity\b/is.test(value(`JOB_TRANSFORM_${one}`)),
  );
  if (name === undefined)
    return [
      warning(
        "no job transform keeps jobs that have not opted in away from slots that a stolen token advertises",
        DROP_IN,
      ),
    ];
  // As when the knob is empty, which HTCondor says nothing about: it leaves the Requirements as they are.
  if (!value(`JOB_TRANSFORM_${name}`).includes(`(${optIn})`))
    return [warning(`job transform ${name} does not ask for (${optIn}), which is UPDRAFT_OPT_IN`, DROP_IN)];
  const [running, runningOptIn] = await Promise.all([
    schedd.knob("JOB_TRANSFORM_NAMES"),
    schedd.knob("UPDRAFT_OPT_IN"),
  ]);
  if (!listed(running ?? "").some((one) => one.toUpperCase() === name.toUpperCase()))
    return [warning(`the running schedd has not read job transform ${name} yet`, "Run: condor_reconfig")];
  if (runningOptIn !== optIn)
    return [
      warning(
        `the running schedd has UPDRAFT_OPT_IN = ${runningOptIn ?? ""}, and the configuration has ${optIn}`,
        "Run: condor_reconfig",
      ),
    ];
  return [
    ok(`job transform ${name} lets those jobs alone match an annex's token of which is true: ${optIn}`),
  ];
}

/** Whoever has written another opt-in has thought of the annexes. */
const refused =
  (optIn: string) =>
  ({ name, jobs }: AnnexKnobs): Found[] =>
    optIn !== DEFAULT_OPT_IN || asksForOptIn(jobs, optIn)
      ? []
      : [
          warning(
            `${knobName(name, "JOBS")} is ${jobs}, and jobs of which ${optIn} is not true refuse the annex's nodes`,
            `Set UPDRAFT_OPT_IN = (${optIn}) || (${scoped(jobs)}), then run: condor_reconfig. It holds for jobs submitted from then on.`,
          ),
        ];
