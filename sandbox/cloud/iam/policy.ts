export type Effect = "Allow" | "Deny";

export type Statement = {
  Sid?: string;
  Effect: Effect;
  Principal?: "*" | Record<string, string | string[]>;
  NotPrincipal?: unknown;
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
  NotResource?: string | string[];
  Condition?: Record<string, Record<string, string | number | boolean | (string | number | boolean)[]>>;
};

export type Policy = {
  /** Where it stands: a managed policy's own name, `ROLE/NAME` of an inline one, `bucket/NAME`, `topic/NAME`, `trust/ROLE`. */
  name?: string;
  Version?: string;
  Statement: Statement | Statement[];
};

/** Which statement of which policy; `*` stands for any characters in the policy's name. */
export type StatementName = { policy: string; sid: string };

/** Condition keys, in lower case, with their values; a key without a value is simply absent. */
export type Context = ReadonlyMap<string, readonly string[]>;

export function context(entries: Record<string, string | readonly string[] | undefined>): Context {
  const found = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(entries)) {
    if (value === undefined) continue;
    found.set(key.toLowerCase(), typeof value === "string" ? [value] : value);
  }
  return found;
}

export function many<T>(value: T | T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** Reads a policy document; undefined when it is none. */
export function readPolicy(document: string): Policy | undefined {
  try {
    const parsed = JSON.parse(document) as Partial<Policy> | null;
    const statements = many(parsed?.Statement);
    const sound = statements.every(
      (s) =>
        (s.Effect === "Allow" || s.Effect === "Deny") &&
        (s.Action ?? s.NotAction) !== undefined &&
        s.NotPrincipal === undefined,
    );
    return statements.length > 0 && sound ? { ...parsed, Statement: statements } : undefined;
  } catch {
    return undefined;
  }
}
