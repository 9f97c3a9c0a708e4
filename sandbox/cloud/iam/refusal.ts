import type { Principal } from "../principals.ts";
import type { Question } from "../service.ts";
import { AwsError } from "../wire/error.ts";
import type { Decision } from "./evaluate.ts";

/** A refusal in the words and the shape of the service. EC2's carries a message that DecodeAuthorizationMessage reads. */
export function refusal(
  service: string,
  principal: Principal,
  question: Question,
  decision: Decision,
): AwsError {
  const kind = {
    identity: "identity-based policy",
    resource: "resource-based policy",
    boundary: "permissions boundary",
  }[decision.source ?? "identity"];
  const article = kind.startsWith("i") ? "an" : "a";
  const why =
    decision.outcome === "explicit-deny"
      ? `with an explicit deny in ${article} ${kind}${decision.sid === undefined ? "" : ` (statement ${decision.sid})`}`
      : `because no ${kind} allows the ${question.action} action`;
  const message = `User: ${principal.callerArn} is not authorized to perform: ${question.action} on resource: ${question.resource} ${why}`;
  switch (service) {
    case "ec2":
      return new AwsError(
        "UnauthorizedOperation",
        `You are not authorized to perform this operation. ${message}. Encoded authorization failure message: ${encode(principal, question, decision)}`,
        403,
      );
    case "s3":
    case "iam":
    case "sts":
    case "cloudformation":
      return new AwsError("AccessDenied", message, 403);
    case "sns":
      return new AwsError("AuthorizationError", message, 403);
    case "lambda":
      return new AwsError("AccessDeniedException", message, 403);
    default:
      return new AwsError("AccessDeniedException", message, 400);
  }
}

function encode(principal: Principal, question: Question, decision: Decision): string {
  const content = {
    allowed: false,
    explicitDeny: decision.outcome === "explicit-deny",
    matchedStatements: {
      items: decision.sid === undefined ? [] : [{ statementId: decision.sid, effect: "DENY" }],
    },
    failures: { items: [] },
    context: {
      principal: { id: principal.userId, arn: principal.callerArn },
      action: question.action,
      resource: question.resource,
      conditions: {
        items: Object.entries(question.keys ?? {}).flatMap(([key, value]) =>
          value === undefined
            ? []
            : [{ key, values: { items: [value].flat().map((one) => ({ value: one })) } }],
        ),
      },
    },
  };
  return Buffer.from(JSON.stringify(content)).toString("base64url");
}

/** What DecodeAuthorizationMessage answers; undefined when the message is none of ours. */
export function decodeRefusal(message: string): string | undefined {
  try {
    const text = Buffer.from(message, "base64url").toString("utf8");
    return (JSON.parse(text) as { allowed?: unknown }).allowed === false ? text : undefined;
  } catch {
    return undefined;
  }
}
