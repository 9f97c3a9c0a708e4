import { enforcer } from "../../adapters/enforcer.ts";
import type { Sweep } from "../../core/enforcement.ts";
import { UpdraftError } from "../../core/errors.ts";
import { parseRegion } from "../../core/request.ts";
import { describeSweep, sweepNow } from "../../core/sweep.ts";
import { DRY_RUN, JSON_OUTPUT, type Options } from "../options.ts";
import { print, printJson, report } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws } from "./site.ts";

export const sweep: Verb = {
  name: "sweep",
  usage: "updraft sweep [--region REGION] [--dry-run] [--json]",
  summary: "run the account's lease enforcer now, and show what it ended and why",
  options: [
    { name: "region", value: "REGION", help: "where; without it, every region of the annexes" },
    { ...DRY_RUN, help: "show what it would end; end nothing" },
    JSON_OUTPUT,
  ],
  maxPositionals: 0,
  async run(options) {
    const dryRun = options.is("dry-run");
    const sweeps: ({ region: string } & Pick<Sweep, "seen" | "ended" | "notEnded">)[] = [];
    for (const region of await regions(options)) {
      const { cloudFormation } = aws(region);
      report(`sweeping ${region}${dryRun ? " (dry run)" : ""}`);
      const done = await sweepNow({ cloudFormation, enforcer: enforcer(region) }, region, dryRun);
      sweeps.push({ region, seen: done.seen, ended: done.ended, notEnded: done.notEnded });
      if (!options.is("json")) for (const line of describeSweep(done, dryRun)) print(line);
    }
    if (options.is("json")) printJson({ dryRun, sweeps });
  },
};

async function regions(options: Options): Promise<string[]> {
  const given = options.text("region");
  if (given !== undefined) return [parseRegion(given)];
  const { knobs } = await accessPoint();
  if (knobs.annexes.length > 0) return [...new Set(knobs.annexes.map((annex) => annex.region))];
  throw new UpdraftError("usage", "no annex says which region to sweep", "Give --region REGION.");
}
