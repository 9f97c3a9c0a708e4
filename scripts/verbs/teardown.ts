import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs } from "../../core/knobs.ts";
import { parseRegion } from "../../core/request.ts";
import { ACCOUNT_STACK, annexStack } from "../../core/stacks.ts";
import { tearDownAccount, tearDownAnnex } from "../../core/teardown.ts";
import { JSON_OUTPUT, YES } from "../options.ts";
import { confirm, print, printJson } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws } from "./site.ts";

export const teardown: Verb = {
  name: "teardown",
  usage: "updraft teardown --annex NAME | updraft teardown --region REGION [--yes]",
  summary: "undo what setup made; refuses while instances live",
  options: [
    { name: "annex", value: "NAME", help: "the annex whose stack and objects go" },
    { name: "region", value: "REGION", help: "the region whose bucket, enforcer and policies go" },
    YES,
    JSON_OUTPUT,
  ],
  maxPositionals: 0,
  async run(options) {
    const given = options.text("region");
    const region = given === undefined ? undefined : parseRegion(given);
    const name = options.text("annex");
    if ((region === undefined) === (name === undefined)) {
      throw new UpdraftError(
        "usage",
        "teardown needs either --annex or --region, not both",
        "Tear down every annex first, then the region.",
      );
    }
    let stack = ACCOUNT_STACK;
    if (name !== undefined) {
      const { site, knobs } = await accessPoint();
      const annex = annexKnobs(knobs, name);
      stack = annexStack(name);
      await confirm(`Tear down annex ${name} in ${annex.region}?`, options.is("yes"));
      await tearDownAnnex(aws(annex.region), name, annex.region, site);
    } else {
      await confirm(`Tear down ${region ?? ""} with everything in its bucket?`, options.is("yes"));
      await tearDownAccount(aws(region ?? ""), region ?? "");
    }
    if (options.is("json")) printJson({ stack, removed: true });
    else print(`stack ${stack}: gone`);
  },
};
