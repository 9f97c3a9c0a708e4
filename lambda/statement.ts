/** One statement of a policy. Its name stands in EC2's refusals. */
export type Statement = {
  readonly Sid: string;
  readonly Effect: "Allow" | "Deny";
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: object;
};

export const allow = (
  Sid: string,
  Action: Statement["Action"],
  Resource: unknown,
  Condition?: object,
): Statement => ({ Sid, Effect: "Allow", Action, Resource, ...(Condition && { Condition }) });

export const deny = (
  Sid: string,
  Action: Statement["Action"],
  Resource: unknown,
  Condition: object,
): Statement => ({ Sid, Effect: "Deny", Action, Resource, Condition });

export const policy = (Statement: readonly object[]) => ({ Version: "2012-10-17", Statement });
