import { createHash } from "node:crypto";
import { AwsError } from "../wire/error.ts";
import { text, type Parameters } from "../wire/parameters.ts";

/** The same token with the same parameters gets the same answer, also while the first is still under way; others are refused. */
export function clientTokens<T>() {
  const seen = new Map<string, { parameters: string; outcome: Promise<T> }>();
  return (parameters: Parameters, act: () => Promise<T>): Promise<T> => {
    const token = text(parameters["ClientToken"]);
    if (token === undefined || text(parameters["DryRun"]) === "true") return act();
    if (token.length > 64)
      throw new AwsError("InvalidParameterValue", "The client token is longer than 64 characters.");
    const digest = createHash("sha256").update(canonical(parameters)).digest("hex");
    const known = seen.get(token);
    if (known !== undefined) {
      if (known.parameters === digest) return known.outcome;
      throw new AwsError(
        "IdempotentParameterMismatch",
        `Arguments on this idempotent request are inconsistent with arguments used in previous request(s) with token ${token}.`,
      );
    }
    const outcome = act();
    seen.set(token, { parameters: digest, outcome });
    outcome.catch(() => seen.delete(token));
    return outcome;
  };
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${canonical(entry)}`).join()}}`;
}
