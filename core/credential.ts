import { quote } from "./classad.ts";
import { UpdraftError } from "./errors.ts";
import { parseIdtoken, type Idtoken } from "./idtoken.ts";
import { formatDuration, formatTime, parseDuration, type UnixTime } from "./time.ts";

/** An annex's token that has passed {@link checkAnnexToken}: it ends. */
export type AnnexToken = Idtoken & { readonly expires: UnixTime };

/** Levels of authorization that a node needs, and all that its token is good for. */
export const TOKEN_SCOPES = ["ADVERTISE_STARTD", "ADVERTISE_MASTER"] as const;

export const DEFAULT_LIFETIME_SECONDS = 30 * 86400;
export const MIN_LIFETIME_SECONDS = 3600;
export const MAX_LIFETIME_SECONDS = 366 * 86400;

/** A node must still be able to take its ads back when its lease is over, and clocks differ. */
export const CREDENTIAL_MARGIN_SECONDS = 300;
/** So long before a token's end whoever looks is told. */
export const EXPIRY_WARNING_SECONDS = 7 * 86400;

/** Who every node is that has the pool's password. */
export const PASSWORD_IDENTITY = "condor@password";

export const tokenIdentity = (annex: string, trustDomain: string): string => `annex-${annex}@${trustDomain}`;

/** How HTCondor's own program makes a token as {@link checkAnnexToken} wants it: for a machine without Updraft. */
export function tokenCommand(annex: string, trustDomain: string, lifetimeSeconds: number, key?: string) {
  return [
    "condor_token_create",
    "-identity",
    tokenIdentity(annex, trustDomain),
    ...TOKEN_SCOPES.flatMap((scope) => ["-authz", scope]),
    "-lifetime",
    String(lifetimeSeconds),
    ...(key === undefined ? [] : ["-key", key]),
  ];
}

/**
 * Reads the token of an annex. Refuses one of another identity or another pool, one that is good for more than a node
 * needs, and one that never ends or has ended. A node, which does not know the trust domain, believes the token's own.
 */
export function checkAnnexToken(
  text: string,
  annex: string,
  trustDomain: string | undefined,
  now: UnixTime,
): AnnexToken {
  const token = parseIdtoken(text);
  if (typeof token === "string") throw refused(annex, token);
  const domain = trustDomain ?? token.issuer;
  const identity = tokenIdentity(annex, domain);
  if (token.identity !== identity)
    throw refused(annex, `its identity is ${shown(token.identity)}, not ${identity}`);
  if (token.issuer !== domain)
    throw refused(annex, `its issuer is ${shown(token.issuer)}, not the trust domain ${domain}`);
  const more = token.scopes.find((scope) => !TOKEN_SCOPES.some((one) => one === scope));
  if (token.scopes.length === 0 || more !== undefined)
    throw refused(annex, `it is good for ${more === undefined ? "everything" : shown(more)}`);
  const missing = TOKEN_SCOPES.find((scope) => !token.scopes.includes(scope));
  if (missing !== undefined) throw refused(annex, `it is not good for ${missing}`);
  const { expires } = token;
  if (expires === undefined) throw refused(annex, "it never ends");
  if (expires <= now) throw refused(annex, `it ended at ${formatTime(expires)}`);
  return { ...token, expires };
}

/** Nobody minds the seconds of a life of weeks. */
const inMinutes = (seconds: number): string => formatDuration(Math.round(seconds / 60) * 60);

/** What a token says of itself may hold anything. */
const shown = (text: string): string => JSON.stringify(text.slice(0, 300));

function refused(annex: string, why: string): UpdraftError {
  return new UpdraftError(
    "config",
    `the token of annex ${annex} cannot be used: ${why}`,
    `Make another one as root: updraft credential rotate ${annex}`,
  );
}

/** Throws when instances whose leases end at `until` would outlive what they authenticate with. */
export function checkOutlives(annex: string, expires: UnixTime | undefined, until: UnixTime): void {
  if (expires === undefined || expires >= until + CREDENTIAL_MARGIN_SECONDS) return;
  throw new UpdraftError(
    "config",
    `the token of annex ${annex} ends at ${formatTime(expires)}, and leases until ${formatTime(until)} need one that ` +
      `lasts ${formatDuration(CREDENTIAL_MARGIN_SECONDS)} longer than they do`,
    `Run as root: updraft credential rotate ${annex} (living nodes take the new one over), or ask for a shorter lease.`,
  );
}

/** What somebody should know about a token's end; undefined when it is far off. */
export function expiryWarning(annex: string, expires: UnixTime, now: UnixTime): string | undefined {
  const left = expires - now;
  if (left >= EXPIRY_WARNING_SECONDS) return undefined;
  const when = left <= 0 ? `ended at ${formatTime(expires)}` : `ends in ${inMinutes(left)}`;
  return `the token of annex ${annex} ${when}; run as root: updraft credential rotate ${annex}`;
}

/** What a token says of itself, as a person reads it. */
export function describeToken(token: AnnexToken, now: UnixTime): string[] {
  return [
    `identity: ${token.identity}`,
    `issuer: ${token.issuer}, signing key ${token.keyId}`,
    `good for: ${token.scopes.join(", ")}`,
    `id: ${token.id}`,
    `made at: ${formatTime(token.issuedAt)}`,
    `ends at: ${formatTime(token.expires)}, in ${inMinutes(token.expires - now)}`,
  ];
}

/** Who it is, and until when. */
export function describeLife(token: AnnexToken, now: UnixTime): string {
  return `${token.identity}, until ${formatTime(token.expires)} (for ${inMinutes(token.expires - now)} more)`;
}

/** How the tokens before this one are made worthless, those too that their holder had HTCondor make of them. */
export function revocation(replaced: AnnexToken, token: AnnexToken): string[] {
  return [
    `the token before it stays good until ${formatTime(replaced.expires)}; if it may be in wrong hands, put this into the`,
    "configuration of the central manager and of the access points once the nodes have the new one, and run condor_reconfig:",
    `  SEC_TOKEN_REVOCATION_EXPR = sub =?= ${quote(token.identity)} && jti =!= ${quote(token.id)}`,
  ];
}

/** The lifetime that a person asked for. */
export function parseLifetime(text: string): number {
  const seconds = parseDuration(text);
  if (seconds !== undefined && seconds >= MIN_LIFETIME_SECONDS && seconds <= MAX_LIFETIME_SECONDS)
    return seconds;
  throw new UpdraftError(
    "usage",
    `lifetime "${text}" is not a duration from ${formatDuration(MIN_LIFETIME_SECONDS)} to ${formatDuration(MAX_LIFETIME_SECONDS)}`,
    "Give one such as 30d.",
  );
}
