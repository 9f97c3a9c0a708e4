import assert from "node:assert/strict";
import { test } from "node:test";
import { encodedFailure, explainRefusal } from "../../core/authorization-failure.ts";

const OLD = "You are not authorized to perform this operation. Encoded authorization failure message: aB-_9";
const NEW =
  "You are not authorized to perform this operation. User: arn:aws:iam::1:user/u is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:r:1:instance/* because no identity-based policy allows the ec2:RunInstances action. Encoded authorization failure message: aB-_9";

const decoded = (explicitDeny: boolean, statements: readonly object[]): string =>
  JSON.stringify({
    allowed: false,
    explicitDeny,
    matchedStatements: { items: statements },
    context: { principal: { arn: "arn:p" }, action: "ec2:RunInstances", resource: "arn:r" },
  });

test("the encoded part is found, and never shown", () => {
  assert.equal(encodedFailure(OLD), "aB-_9");
  assert.equal(encodedFailure("no"), undefined);
  for (const answer of [undefined, "garbage", "{}", "null", decoded(true, [])]) {
    assert.doesNotMatch(explainRefusal(OLD, answer), /aB-_9|Encoded/);
  }
});

test("action, resource and statement, as far as they are known", () => {
  for (const [message, answer, said] of [
    [
      OLD,
      decoded(true, [{ statementId: "NoSpot" }, { statementId: "" }, {}]),
      "ec2:RunInstances on arn:r is not allowed to arn:p: the statement NoSpot denies it",
    ],
    [
      OLD,
      decoded(true, []),
      "ec2:RunInstances on arn:r is not allowed to arn:p: a statement of a policy denies it",
    ],
    [
      OLD,
      decoded(false, []),
      "ec2:RunInstances on arn:r is not allowed to arn:p: no statement of a policy allows it",
    ],
    [
      NEW,
      undefined,
      "ec2:RunInstances on arn:aws:ec2:r:1:instance/* is not allowed to arn:aws:iam::1:user/u: no statement of a policy allows it",
    ],
    [
      OLD,
      JSON.stringify({ context: { action: "ec2:CreateFleet" } }),
      "ec2:CreateFleet is not allowed: no statement of a policy allows it",
    ],
    [OLD, undefined, "You are not authorized to perform this operation"],
    [
      "User: arn:u is not authorized to perform: iam:PassRole with an explicit deny",
      undefined,
      "iam:PassRole is not allowed to arn:u: a statement of a policy denies it",
    ],
  ] as const) {
    assert.equal(explainRefusal(message, answer), said);
  }
});
