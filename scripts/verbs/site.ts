import { userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { cloudFormation } from "../../adapters/cloudformation.ts";
import { condor, type Condor } from "../../adapters/condor.ts";
import { ec2 } from "../../adapters/ec2.ts";
import { run } from "../../adapters/run.ts";
import { s3 } from "../../adapters/s3.ts";
import { identity } from "../../adapters/sts.ts";
import { EXPRESSION_KNOB, knobError, readKnobs, type Knobs } from "../../core/knobs.ts";
import type { Clock } from "../../core/ports.ts";
import { SETTINGS, site, type Site } from "../../core/site.ts";
import { report } from "../output.ts";

export const clock: Clock = { now: () => Date.now() / 1000, sleep: (seconds) => delay(seconds * 1000) };

/** This access point: its pool and every knob, checked by HTCondor where only HTCondor can. */
export async function accessPoint(): Promise<{ condor: Condor; site: Site; knobs: Knobs }> {
  const here = condor(run());
  const settings = await here.settings(SETTINGS);
  const { knobs, problems } = readKnobs(settings);
  for (const setting of settings) {
    const known = problems.some((problem) => problem.name === setting.name);
    if (known || !EXPRESSION_KNOB.test(setting.name)) continue;
    const wrong = await here.expressionError(setting.value);
    if (wrong !== undefined) problems.push({ ...setting, expected: `a ClassAd expression, but ${wrong}` });
  }
  if (problems.length > 0) throw knobError(problems);
  return { condor: here, site: site(settings), knobs };
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
