import { priceList } from "../../adapters/price-list.ts";
import { spotPrices } from "../../adapters/spot-prices.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs, type AnnexKnobs, type Knobs } from "../../core/knobs.ts";
import { offers, priceTable } from "../../core/offer.ts";
import { launchable } from "../../core/plan-order.ts";
import { fetchBook } from "../../core/price-list.ts";
import { PLAIN_LINUX, type PriceBook } from "../../core/prices.ts";
import { parseRegion } from "../../core/request.ts";
import { JSON_OUTPUT } from "../options.ts";
import { print, printJson, report, table } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws, clock } from "./site.ts";
import { exclusively, keptPrices } from "./state.ts";
import { parseTypes } from "./types.ts";

export const prices: Verb = {
  name: "prices",
  usage: "updraft prices [TYPE]… [--region REGION | --annex NAME] [--refresh] [--json]",
  summary: "show what instance types cost on-demand and as spot, zone by zone; keep AWS's current price list",
  options: [
    { name: "region", value: "REGION", help: "every zone of this region" },
    {
      name: "annex",
      value: "NAME",
      help: "the zones of this annex's subnets, its image's platform, and its types",
    },
    { name: "refresh", help: "read AWS's price list, and keep it: plans and limits go by it from then on" },
    JSON_OUTPUT,
  ],
  maxPositionals: 100,
  async run(options) {
    const givenRegion = options.text("region");
    const annexName = options.text("annex");
    if (givenRegion !== undefined && annexName !== undefined) {
      throw new UpdraftError("usage", "--region and --annex contradict each other", "Give one of them.");
    }
    const asked = options.positionals.length === 0 ? undefined : parseTypes(options.positionals.join(","));
    const askedRegion = givenRegion === undefined ? undefined : parseRegion(givenRegion);

    const { site, knobs } = await accessPoint();
    const annex = askedRegion === undefined ? chosenAnnex(knobs, annexName) : undefined;
    const region = askedRegion ?? annex?.region ?? "";
    const types = asked ?? annex?.instanceTypes ?? [];
    if (types.length === 0 && !options.is("refresh")) {
      throw new UpdraftError(
        "usage",
        "prices names no instance type",
        "Run: updraft prices m7i.large --region us-east-1",
      );
    }
    const { ec2, imageId } = aws(region);
    const image = annex && (await launchable(ec2, annex, await imageId(annex.image)));
    const operation = image?.usageOperation ?? PLAIN_LINUX;

    const kept = keptPrices(knobs);
    let refused: ReadonlyMap<string, string> = new Map();
    if (options.is("refresh")) {
      const known = await kept.book(region);
      const operations = [...new Set([PLAIN_LINUX, ...Object.keys(known.onDemand), operation])];
      report(`reading AWS's price list of ${region}`);
      const fetched = await fetchBook(priceList(region), region, operations, known, clock.now());
      refused = fetched.refused;
      for (const [what, why] of refused) report(`${what} is left without a price: ${why}`);
      refuseAsked(types, refused);
      await exclusively(site, knobs, () => kept.keep(fetched.book));
      report(`kept in ${knobs.stateDirectory}: ${countTypes(fetched.book)} prices of ${region}`);
    }

    const book = await kept.book(region);
    const zones = annex === undefined ? [] : (await ec2.subnets(annex.subnets)).map(({ zone }) => zone);
    const spot = types.length === 0 ? [] : await spotPrices(region)(types, zones);
    const shownZones = zones.length > 0 ? zones : [...new Set(spot.map(({ zone }) => zone))].sort();
    const found = offers(types, shownZones.length > 0 ? shownZones : ["-"], book, spot, operation);
    const unknown = types.find((type) => !found.some((offer) => offer.type === type));
    if (unknown !== undefined) {
      throw new UpdraftError(
        "config",
        `neither the ${book.source} nor EC2 has a price of ${unknown} in ${region}`,
        "Correct the type, or read the price list: updraft prices --refresh.",
      );
    }
    if (options.is("json")) {
      const { date, source, publicIpv4, volumes } = book;
      printJson({
        region,
        date,
        source,
        operation,
        offers: found,
        publicIpv4,
        volumes,
        refused: Object.fromEntries(refused),
      });
      return;
    }
    const known = book.onDemand[operation] !== undefined;
    const which = annex === undefined ? `--region ${region}` : `--annex ${annex.name}`;
    print(
      `on-demand: ${known ? `${book.source} of ${book.date}` : `not known before updraft prices ${which} --refresh`}, ${operation}; spot: EC2, now`,
    );
    if (types.length > 0) print(table(priceTable(found)));
  },
};

/** The annex of that name, or the only one that there is. */
function chosenAnnex(knobs: Knobs, name: string | undefined): AnnexKnobs {
  if (name !== undefined) return annexKnobs(knobs, name);
  const [only, ...others] = knobs.annexes;
  if (only !== undefined && others.length === 0) return only;
  throw new UpdraftError(
    "usage",
    "prices names neither a region nor an annex",
    "Run: updraft prices --annex NAME, or updraft prices TYPE --region REGION",
  );
}

/** A price that was asked for and cannot be believed is an error, and the prices that were known stay. */
function refuseAsked(types: readonly string[], refused: ReadonlyMap<string, string>): void {
  const bad = types.find((type) => refused.has(type));
  if (bad === undefined) return;
  throw new UpdraftError(
    "failed",
    `AWS's price list has no usable price of ${bad}: ${refused.get(bad) ?? ""}`,
    "Nothing was kept. Leave the type out, or set the annex's _MAX_PRICE.",
  );
}

function countTypes(book: PriceBook): number {
  return Object.values(book.onDemand).reduce((sum, types) => sum + Object.keys(types).length, 0);
}
