/** What AWS refused, as far as it says so. */
export type AuthorizationFailure = {
  readonly principal: string | undefined;
  readonly action: string | undefined;
  readonly resource: string | undefined;
  readonly explicitDeny: boolean;
  /** Sid of the statements that deny it. */
  readonly statements: readonly string[];
};

const ENCODED = /\.?\s*Encoded authorization failure message:\s*([\w+/=-]+)/;

/** What sts:DecodeAuthorizationMessage is asked about; undefined when the message holds nothing encoded. */
export function encodedFailure(message: string): string | undefined {
  return ENCODED.exec(message)?.[1];
}

/** A refusal in one sentence, with action, resource and statement; `decoded` is what DecodeAuthorizationMessage answered. */
export function explainRefusal(message: string, decoded: string | undefined): string {
  const plain = message.replace(ENCODED, "").trim();
  const { principal, action, resource, explicitDeny, statements } = {
    ...fromMessage(plain),
    ...(decoded !== undefined && fromDecoded(decoded)),
  };
  if (action === undefined) return plain;
  const who = principal === undefined ? "" : ` to ${principal}`;
  const on = resource === undefined ? "" : ` on ${resource}`;
  const why = explicitDeny
    ? statements.length > 0
      ? `the statement ${statements.join(", ")} denies it`
      : "a statement of a policy denies it"
    : "no statement of a policy allows it";
  return `${action}${on} is not allowed${who}: ${why}`;
}

/** Newer messages of EC2 say it in plain words too. */
function fromMessage(message: string): AuthorizationFailure {
  const found =
    /User: (?<principal>\S+) is not authorized to perform: (?<action>[\w-]+:\w+)(?: on resource: (?<resource>\S+))?/.exec(
      message,
    )?.groups ?? {};
  return {
    principal: found["principal"],
    action: found["action"],
    resource: found["resource"],
    explicitDeny: /explicit deny/i.test(message),
    statements: [],
  };
}

function fromDecoded(text: string): Partial<AuthorizationFailure> {
  try {
    const found = JSON.parse(text) as {
      explicitDeny?: unknown;
      matchedStatements?: { items?: { statementId?: unknown }[] };
      context?: { principal?: { arn?: unknown }; action?: unknown; resource?: unknown };
    };
    const { context } = found;
    if (typeof context?.action !== "string") return {};
    return {
      ...(typeof context.principal?.arn === "string" && { principal: context.principal.arn }),
      action: context.action,
      ...(typeof context.resource === "string" && { resource: context.resource }),
      explicitDeny: found.explicitDeny === true,
      statements: (found.matchedStatements?.items ?? []).flatMap(({ statementId }) =>
        typeof statementId === "string" && statementId !== "" ? [statementId] : [],
      ),
    };
  } catch {
    return {};
  }
}
