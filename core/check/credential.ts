import { checkAnnexToken, describeLife, expiryWarning, CREDENTIAL_MARGIN_SECONDS } from "../credential.ts";
import { UpdraftError } from "../errors.ts";
import { knobName, type AnnexKnobs } from "../knobs.ts";
import type { PublishPorts } from "../publish.ts";
import type { Site } from "../site.ts";
import { formatDuration } from "../time.ts";
import { ok, warning, wrong, type Found } from "./findings.ts";

/** What nodes authenticate by: whether it can be read here, and how long it is good for. */
export async function credentialFound(
  ports: Pick<PublishPorts, "credential" | "clock">,
  annex: AnnexKnobs,
  site: Site,
): Promise<Found[]> {
  let bytes: Uint8Array;
  try {
    bytes = await ports.credential();
  } catch (error) {
    if (!(error instanceof UpdraftError) || error.kind !== "denied") throw error;
    return [
      warning(
        `not compared with what is published: ${error.message}`,
        "Run this as root to have it compared; nodes use what `updraft publish` stored.",
      ),
    ];
  }
  if (annex.credential === "password")
    return [ok("password: every node holds the pool's password, with all that it can do")];
  const now = ports.clock.now();
  const token = checkAnnexToken(new TextDecoder().decode(bytes), annex.name, site.trustDomain, now);
  const left = token.expires - now;
  if (left < annex.leaseSeconds + CREDENTIAL_MARGIN_SECONDS)
    return [
      wrong(
        `${describeLife(token, now)}, and ${knobName(annex.name, "LEASE")} is ${formatDuration(annex.leaseSeconds)}: nothing is ordered`,
        `Run as root: updraft credential rotate ${annex.name}`,
      ),
    ];
  return [
    expiryWarning(annex.name, token.expires, now) === undefined
      ? ok(describeLife(token, now))
      : warning(describeLife(token, now), `Run as root: updraft credential rotate ${annex.name}`),
  ];
}
