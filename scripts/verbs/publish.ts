import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs } from "../../core/knobs.ts";
import { planPublication, writeAnnex } from "../../core/publish.ts";
import { JSON_OUTPUT } from "../options.ts";
import { print, printJson } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws, local } from "./site.ts";
import { exclusively } from "./state.ts";

export const publish: Verb = {
  name: "publish",
  usage: "updraft publish NAME [--json]",
  summary:
    "write what an annex's nodes fetch when they boot, and order nothing; the hook orders only what is published",
  options: [JSON_OUTPUT],
  maxPositionals: 1,
  async run(options) {
    const name = options.positionals[0];
    if (name === undefined)
      throw new UpdraftError("usage", "publish names no annex", "Run: updraft publish NAME");
    const { site, knobs } = await accessPoint();
    const annex = annexKnobs(knobs, name);
    const ports = { ...aws(annex.region), ...local(annex, site) };
    const publication = await planPublication(ports, annex, site);
    await exclusively(site, knobs, () => writeAnnex(ports, publication));
    const { bucket } = publication.accountSetup;
    if (options.is("json")) printJson({ annex: name, bucket });
    else print(`annex ${name}: published in ${bucket}`);
  },
};
