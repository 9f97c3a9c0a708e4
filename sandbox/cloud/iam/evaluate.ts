import { conditionsHold, substitute } from "./condition.ts";
import { many, type Context, type Policy, type Statement } from "./policy.ts";
import { matches } from "./wildcard.ts";

/** One question to IAM: may this action be done on this resource, these keys being known? */
export type Check = { action: string; resource: string; context: Context };

export type Decision = {
  outcome: "allow" | "implicit-deny" | "explicit-deny";
  /** Of the statement that decided. */
  sid?: string;
  source?: "identity" | "resource";
};

type Asker = { arn: string; accountId: string };

/** Identity policies allow or deny; a resource's policy may deny anyone and allow the same account. */
export function evaluate(
  check: Check,
  asker: Asker,
  identity: readonly Policy[],
  resource: Policy | undefined,
): Decision {
  const own = identity.flatMap((policy) => many(policy.Statement)).filter((s) => applies(s, check));
  const theirs = many(resource?.Statement).filter((s) => addresses(s, asker) && applies(s, check));
  const decided = (
    statement: Statement | undefined,
    outcome: Decision["outcome"],
    source: "identity" | "resource",
  ): Decision | undefined =>
    statement && { outcome, source, ...(statement.Sid === undefined ? {} : { sid: statement.Sid }) };
  const by = (statements: Statement[], effect: Statement["Effect"]): Statement | undefined =>
    statements.find((s) => s.Effect === effect);
  return (
    decided(by(own, "Deny"), "explicit-deny", "identity") ??
    decided(by(theirs, "Deny"), "explicit-deny", "resource") ??
    decided(by(own, "Allow"), "allow", "identity") ??
    decided(by(theirs, "Allow"), "allow", "resource") ?? { outcome: "implicit-deny" }
  );
}

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
  const aws = many(statement.Principal?.["AWS"]);
  const root = `arn:aws:iam::${asker.accountId}:root`;
  return aws.some((p) => p === "*" || p === asker.arn || p === root || p === asker.accountId);
}
