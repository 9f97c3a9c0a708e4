import { UpdraftError } from "./errors.ts";

/** Whose annex a name is in this account and region: `annexes/<annex>/owner`, claimed once. */
export type OwnerClaim = {
  readonly annex: string;
  readonly pool: string;
  readonly schedd: string;
  readonly account: string;
  readonly region: string;
};

const FIELDS = ["annex", "pool", "schedd", "account", "region"] as const;

export function formatOwner(claim: OwnerClaim): string {
  return `${JSON.stringify(Object.fromEntries(FIELDS.map((field) => [field, claim[field]])), null, 1)}\n`;
}

/** Undefined when the text is no claim. */
export function parseOwner(text: string): OwnerClaim | undefined {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof found !== "object" || found === null) return undefined;
  const fields = found as Record<string, unknown>;
  return FIELDS.every((field) => typeof fields[field] === "string") ? (fields as OwnerClaim) : undefined;
}

/** Throws unless the stored claim is ours. */
export function checkOwner(stored: string, own: OwnerClaim): void {
  const claim = parseOwner(stored);
  if (claim === undefined) {
    throw new UpdraftError(
      "failed",
      `the owner of annex ${own.annex} in account ${own.account}, ${own.region}, cannot be read`,
      "Look at the object `owner` under the annex's prefix; remove it only when no instance of the annex is left.",
    );
  }
  if (FIELDS.every((field) => claim[field] === own[field])) return;
  throw new UpdraftError(
    "denied",
    `annex ${own.annex} in account ${own.account}, ${own.region}, belongs to schedd ${claim.schedd} of pool ${claim.pool}, ` +
      `not to schedd ${own.schedd} of pool ${own.pool}`,
    "Choose another name for this annex, or have its owner delete it with `updraft delete`.",
  );
}
