import { userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { cloudFormation } from "../../adapters/cloudformation.ts";
import { condor, type Condor } from "../../adapters/condor.ts";
import { ec2 } from "../../adapters/ec2.ts";
import { run } from "../../adapters/run.ts";
import { s3 } from "../../adapters/s3.ts";
import { identity } from "../../adapters/sts.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs, knobError, knobName, readKnobs, type AnnexKnobs, type Knobs } from "../../core/knobs.ts";
import type { Clock } from "../../core/ports.ts";
import { SETTINGS, site, type Site } from "../../core/site.ts";
import { report } from "../output.ts";

export const clock: Clock = { now: () => Date.now() / 1000, sleep: (seconds) => delay(seconds * 1000) };

/** This access point: its pool and every knob, checked by HTCondor where only HTCondor can. */
export async function accessPoint(): Promise<{ condor: Condor; site: Site; knobs: Knobs }> {
  const here = condor(run());
  const settings = await here.settings(SETTINGS);
  const { knobs, problems } = readKnobs(settings);
  for (const annex of knobs.annexes) {
    for (const [suffix, text] of [
      ["JOBS", annex.jobs],
      ["EXPECTED_RUNTIME", annex.expectedRuntime],
    ] as const) {
      const name = knobName(annex.name, suffix);
      const setting = settings.find((one) => one.name.toUpperCase() === name.toUpperCase());
      if (text === undefined || setting === undefined) continue;
      const wrong = await here.expressionError(text);
      if (wrong !== undefined) problems.push({ ...setting, expected: `a ClassAd expression, but ${wrong}` });
    }
  }
  if (problems.length > 0) throw knobError(problems);
  return { condor: here, site: site(settings), knobs };
}

/** The annex that a command names, or the only one there is. */
export function chooseAnnex(knobs: Knobs, name: string | undefined): AnnexKnobs {
  if (name !== undefined) return annexKnobs(knobs, name);
  const [only, ...others] = knobs.annexes;
  if (only !== undefined && others.length === 0) return only;
  throw new UpdraftError(
    "usage",
    "the command names no annex",
    `Name one of ${knobs.annexes.map((annex) => annex.name).join(", ")}.`,
  );
}

/** The neighbours in AWS of one region. */
export function aws(region: string) {
  return {
    clock,
    ec2: ec2(region),
    cloudFormation: cloudFormation(region, clock, report),
    storage: (bucket: string, account: string) => s3(region, bucket, account),
    account: async () => (await identity(region)).account,
    report,
  };
}

/** Who gives this command: the person behind sudo rather than root. */
export function user(): string {
  return process.env["SUDO_USER"] ?? userInfo().username;
}
