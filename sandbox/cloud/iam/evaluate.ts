import { conditionsHold, substitute } from "./condition.ts";
import { many, type Context, type Policy, type Statement } from "./policy.ts";
import { matches } from "./wildcard.ts";

/** One question to IAM: may this action be done on this resource, these keys being known? */
export type Check = { action: string; resource: string; context: Context };

export type Decision = {
  outcome: "allow" | "implicit-deny" | "explicit-deny";
  /** Of the statement that decided. */
  sid?: string;
  source?: "identity" | "resource" | "boundary";
  /** Every statement that allows it, as `POLICY/SID`: without one that stands alone here it would be refused. */
  allowedBy?: readonly string[];
};

type Asker = { arn: string; accountId: string };

/**
 * Identity policies allow or deny; a resource's policy may deny anyone and allow the same account; a permissions
 * boundary denies, and what identity policies allow it must allow too.
 */
export function evaluate(
  check: Check,
  asker: Asker,
  identity: readonly Policy[],
  resource: Policy | undefined,
  boundary?: Policy,
): Decision {
  const named = (policy: Policy | undefined): Named[] =>
    many(policy?.Statement)
      .filter((s) => applies(s, check))
      .map((s) => ({
        effect: s.Effect,
        sid: s.Sid,
        name: `${policy?.name ?? ""}/${s.Sid ?? ""}`,
        statement: s,
      }));
  const own = identity.flatMap(named);
  const theirs = named(resource).filter(({ statement }) => addresses(statement, asker));
  const limits = named(boundary);
  const decided = (
    found: Named | undefined,
    outcome: Decision["outcome"],
    source: Decision["source"],
  ): Decision | undefined =>
    found && {
      outcome,
      ...(source !== undefined && { source }),
      ...(found.sid !== undefined && { sid: found.sid }),
      ...(outcome === "allow" && {
        allowedBy: [...own, ...theirs].filter(({ effect }) => effect === "Allow").map(({ name }) => name),
      }),
    };
  const by = (statements: Named[], effect: Statement["Effect"]): Named | undefined =>
    statements.find((s) => s.effect === effect);
  const denied =
    decided(by(own, "Deny"), "explicit-deny", "identity") ??
    decided(by(theirs, "Deny"), "explicit-deny", "resource") ??
    decided(by(limits, "Deny"), "explicit-deny", "boundary");
  if (denied !== undefined) return denied;
  const byResource = decided(by(theirs, "Allow"), "allow", "resource");
  if (boundary !== undefined && by(limits, "Allow") === undefined)
    return byResource ?? { outcome: "implicit-deny", source: "boundary" };
  return decided(by(own, "Allow"), "allow", "identity") ?? byResource ?? { outcome: "implicit-deny" };
}

type Named = { effect: Statement["Effect"]; sid: string | undefined; name: string; statement: Statement };

function applies(statement: Statement, check: Check): boolean {
  return (
    covers(statement.Action, statement.NotAction, (pattern) => matches(pattern, check.action, true)) &&
    covers(statement.Resource, statement.NotResource, (pattern) =>
      matches(substitute(pattern, check.context), check.resource),
    ) &&
    conditionsHold(statement.Condition, check.context)
  );
}

function covers(
  wanted: string | string[] | undefined,
  unwanted: string | string[] | undefined,
  match: (pattern: string) => boolean,
): boolean {
  if (wanted !== undefined) return many(wanted).some(match);
  return unwanted === undefined || !many(unwanted).some(match);
}

function addresses(statement: Statement, asker: Asker): boolean {
  if (statement.Principal === "*") return true;
  if (many(statement.Principal?.["Service"]).includes(asker.arn)) return true;
  const aws = many(statement.Principal?.["AWS"]);
  const root = `arn:aws:iam::${asker.accountId}:root`;
  return aws.some((p) => p === "*" || p === asker.arn || p === root || p === asker.accountId);
}
