import { TOKEN_SCOPES, tokenIdentity } from "../credential.ts";
import { UpdraftError } from "../errors.ts";
import type { AnnexKnobs } from "../knobs.ts";
import type { Site } from "../site.ts";
import { ok, warning, wrong, type Found, type Piece } from "./findings.ts";

export type CentralManagerPorts = {
  /** A knob as the running collector has it; undefined when it has none. */
  collectorKnob(name: string): Promise<string | undefined>;
};

const DROP_IN =
  "Put condor-config/central-manager.config into config.d of the central manager, then run there: condor_reconfig";

/** Whether the collector takes what the annexes' tokens advertise, and nothing else. */
export function centralManagerPieces(
  { collectorKnob }: CentralManagerPorts,
  annexes: readonly AnnexKnobs[],
  site: Site,
): Piece[] {
  const identities = annexes
    .filter((annex) => annex.credential === "idtoken")
    .map((annex) => tokenIdentity(annex.name, site.trustDomain));
  if (identities.length === 0) return [];
  return [{ of: "access point", name: "central manager", look }];

  async function look(): Promise<readonly Found[]> {
    let requirements: string | undefined;
    const refused: Found[] = [];
    try {
      requirements = await collectorKnob("COLLECTOR_REQUIREMENTS");
      for (const level of TOKEN_SCOPES) {
        const list = (await collectorKnob(`ALLOW_${level}`)) ?? (await collectorKnob("ALLOW_DAEMON")) ?? "";
        const stranger = identities.find((identity) => !allows(list, identity));
        if (stranger !== undefined)
          refused.push(wrong(`the collector refuses ${stranger}: it is not in ALLOW_${level}`, DROP_IN));
      }
    } catch (error) {
      if (!(error instanceof UpdraftError)) throw error;
      return [
        warning(`the collector was not asked: ${error.message}`, "See that it runs and lets you read."),
      ];
    }
    // Whoever has written an expression of their own over it has thought of it.
    const confined = /\bAuthenticatedIdentity\b/i.test(requirements ?? "");
    return [
      ...refused,
      confined
        ? ok("the collector holds the annexes' tokens to slots of their own annex")
        : warning("with a stolen token of an annex any machine of the pool could be advertised", DROP_IN),
    ];
  }
}

/** As HTCondor reads such a list: users, with `/` and hosts behind them perhaps, and any number of `*`. */
function allows(list: string, identity: string): boolean {
  return list.split(/[\s,]+/).some((entry) => {
    const user = entry.includes("@") || entry === "*" ? (entry.split("/")[0] ?? "") : "";
    const pattern = user
      .split("*")
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*");
    return user !== "" && new RegExp(`^${pattern}$`, "i").test(identity);
  });
}
