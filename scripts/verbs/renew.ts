import { journalFile } from "../../adapters/journal-file.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs, knobName } from "../../core/knobs.ts";
import {
  carryOutRenewal,
  checkRenewalCost,
  describeRenewal,
  describeRenewalCost,
  planRenewal,
  renewalProblem,
  type RenewPorts,
  type Renewal,
  type RenewalRow,
} from "../../core/renew.ts";
import { checkOutlives } from "../../core/credential.ts";
import { publishedCredential } from "../../core/published-credential.ts";
import { recordSeen } from "../../core/ledger.ts";
import { ours } from "../../core/place-orders.ts";
import { rounded } from "../../core/order-answer.ts";
import { counted } from "../../core/plural.ts";
import { parseLease, parseUntil } from "../../core/request.ts";
import { ACCOUNT_STACK, accountSetup } from "../../core/stacks.ts";
import { formatDuration, formatTime } from "../../core/time.ts";
import { checkIsFor } from "../../core/user-access.ts";
import { DRY_RUN, JSON_OUTPUT, YES } from "../options.ts";
import { confirm, fail, print, printJson, report } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, annexName, aws, clock } from "./site.ts";
import { exclusively, money } from "./state.ts";

export const renew: Verb = {
  name: "renew",
  usage: "updraft renew NAME [--lease TIME | --until TIME] [--instance ID]… [--yes] [--dry-run]",
  summary: "prolong the leases of an annex's instances",
  options: [
    { name: "lease", value: "TIME", help: "how long they may live from now; else the knob _LEASE" },
    { name: "until", value: "TIME", help: "when their leases shall end, such as 2030-01-31T18:00Z" },
    { name: "instance", value: "ID", several: true, help: "only this instance" },
    { name: "shorten", help: "also shorten leases that last longer" },
    YES,
    { ...DRY_RUN, help: "show which leases would change; change nothing" },
    JSON_OUTPUT,
  ],
  maxPositionals: 1,
  async run(options) {
    const name = annexName(options, "renew NAME");
    const lease = options.text("lease");
    const until = options.text("until");
    if (lease !== undefined && until !== undefined) {
      throw new UpdraftError("usage", "--lease and --until contradict each other", "Give one of them.");
    }
    const given = until === undefined ? lease : parseUntil(until);
    if (given !== undefined) parseLease(given, clock.now(), Number.POSITIVE_INFINITY);
    const instanceIds = options.texts("instance");
    const wrong = instanceIds.find((id) => !/^i-[0-9a-f]{8,17}$/.test(id));
    if (wrong !== undefined) {
      throw new UpdraftError(
        "usage",
        `${JSON.stringify(wrong)} is not the id of an instance`,
        "Give one such as i-0123456789abcdef0.",
      );
    }

    const { site, knobs } = await accessPoint();
    const annex = annexKnobs(knobs, name);
    checkIsFor(annex, site.person);
    const here = aws(annex.region);
    const { maxLeaseSeconds } = accountSetup(await here.cloudFormation.stack(ACCOUNT_STACK), annex.region);
    const now = Math.floor(clock.now());
    const seconds =
      given === undefined
        ? parseLease(formatDuration(annex.leaseSeconds), now, maxLeaseSeconds, knobName(annex.name, "LEASE"))
        : parseLease(given, now, maxLeaseSeconds);
    const books = { ...money(knobs, annex.region), journal: journalFile(knobs.stateDirectory) };
    const ports: RenewPorts = {
      ...here,
      checkCost: (renewal) => checkRenewalCost({ ...here, ...books }, annex, maxLeaseSeconds, renewal),
    };
    const owner = { annex: annex.name, pool: site.pool, schedd: site.schedd };
    const renewal = await planRenewal(ports, owner, {
      until: now + seconds,
      maxLeaseSeconds,
      instanceIds,
      shorten: options.is("shorten"),
    });
    if (renewal.renew.length > 0) {
      const credential = await publishedCredential(here, annex.name, annex.region);
      checkOutlives(annex.name, credential?.expires, renewal.until);
    }
    const json = options.is("json");
    const show = json ? report : print;
    for (const line of describeRenewal(renewal, clock.now())) show(line);
    const liability = renewal.renew.length === 0 ? undefined : await ports.checkCost(renewal);
    if (renewal.renew.length > 0) show(describeRenewalCost(liability));
    const dryRun = options.is("dry-run");
    const told = {
      annex: annex.name,
      dryRun,
      until: renewal.until,
      liability: liability && rounded(liability),
    };
    if (dryRun) {
      show("dry run: no lease was changed");
      if (json) printJson({ ...told, instances: planned(renewal) });
      return;
    }
    if (renewal.renew.length > 0)
      await confirm(`Change ${counted(renewal.renew.length, "lease")}?`, options.is("yes"));
    const rows = await exclusively(site, knobs, async () => {
      const done = await carryOutRenewal(ports, renewal);
      await recordSeen({ ...here, ...books }, await ours(ports, owner), annex.region, undefined, clock.now());
      return done;
    });
    for (const row of rows) if (row.outcome !== "kept") show(outcomeLine(row));
    const problem = renewalProblem(annex.name, rows);
    const answer = { ...told, instances: rows };
    if (problem !== undefined) fail(problem, json, answer);
    else if (json) printJson(answer);
  },
};

function planned({ until, renew, skipped }: Renewal) {
  return [
    ...renew.map(({ id }) => ({ id, outcome: "planned", leaseExpiration: until })),
    ...skipped.map(({ instance, outcome, reason }) => ({ id: instance.id, outcome, reason })),
  ];
}

function outcomeLine({ id, outcome, leaseExpiration, reason }: RenewalRow): string {
  const until = leaseExpiration === undefined ? "" : ` until ${formatTime(leaseExpiration)}`;
  return outcome === "renewed" ? `${id}: renewed${until}` : `${id}: not renewed: ${reason ?? ""}`;
}
