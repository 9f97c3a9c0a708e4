import { annexKnobs } from "../../core/knobs.ts";
import { planPublication, writeAnnex } from "../../core/publish.ts";
import { DRY_RUN, JSON_OUTPUT } from "../options.ts";
import { print, printJson } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, annexName, aws, local } from "./site.ts";
import { exclusively } from "./state.ts";

export const publish: Verb = {
  name: "publish",
  usage: "updraft publish NAME [--dry-run] [--json]",
  summary:
    "write what an annex's nodes fetch when they boot, and order nothing; the hook orders only what is published",
  options: [{ ...DRY_RUN, help: "check everything; write nothing" }, JSON_OUTPUT],
  maxPositionals: 1,
  async run(options) {
    const name = annexName(options, "publish NAME");
    const { site, knobs } = await accessPoint();
    const annex = annexKnobs(knobs, name);
    const ports = { ...aws(annex.region), ...local(annex, site, knobs) };
    const publication = await planPublication(ports, annex, site);
    const dryRun = options.is("dry-run");
    if (!dryRun) await exclusively(site, knobs, () => writeAnnex(ports, publication));
    const { bucket } = publication.accountSetup;
    if (options.is("json")) printJson({ annex: name, bucket, dryRun });
    else print(`annex ${name}: ${dryRun ? "dry run: nothing was written to" : "published in"} ${bucket}`);
  },
};
