import { accountTemplate } from "../../lambda/account.template.ts";
import { annexTemplate } from "../../lambda/annex.template.ts";
import { SETUP_POLICIES, setupPolicy } from "../../lambda/setup-policies.ts";
import type { StatementName } from "../../sandbox/cloud/iam/policy.ts";

/** One statement of one policy that Updraft makes or prints. */
export type Statement = {
  /** `POLICY/SID`, whatever name the policy was generated. */
  readonly name: string;
  readonly policy: string;
  readonly sid: string;
  readonly effect: "Allow" | "Deny";
  readonly actions: readonly string[];
  /** As the sandbox names it, to be ignored. */
  readonly ignore: StatementName;
};

type Document = { Statement: { Sid?: string; Effect: "Allow" | "Deny"; Action: string | string[] }[] };
type Resource = { Type: string; Properties: Record<string, unknown> };

/** Name of the set-up policy as the campaigns attach it. */
export const setupPolicyName = (which: string): string => `setup-${which}`;

/** Every statement of both templates and of the set-up policies. */
export function allStatements(): Statement[] {
  const templates = [accountTemplate(""), annexTemplate(() => "")] as {
    Resources: Record<string, Resource>;
  }[];
  return [
    ...templates.flatMap(({ Resources }) =>
      Object.entries(Resources).flatMap(([id, one]) => ofResource(id, one)),
    ),
    ...SETUP_POLICIES.flatMap((which) => {
      const document = setupPolicy(which, { region: undefined, boundary: undefined }) as Document;
      return ofDocument(setupPolicyName(which), setupPolicyName(which), document);
    }),
  ];
}

function ofResource(id: string, { Type, Properties }: Resource): Statement[] {
  const document = Properties["PolicyDocument"] as Document;
  switch (Type) {
    case "AWS::IAM::ManagedPolicy":
      return ofDocument(id, `updraft-*${id}-*`, document);
    case "AWS::S3::BucketPolicy":
      return ofDocument("bucket", "bucket/*", document);
    case "AWS::SNS::TopicPolicy":
      return ofDocument("topic", "topic/*", document);
    case "AWS::IAM::Role": {
      const inline = Properties["Policies"] as { PolicyName: string; PolicyDocument: Document }[];
      return [
        ...inline.flatMap((one) => ofDocument(one.PolicyName, `*/${one.PolicyName}`, one.PolicyDocument)),
        ...ofDocument("trust", "trust/*", Properties["AssumeRolePolicyDocument"] as Document),
      ];
    }
    default:
      return [];
  }
}

function ofDocument(policy: string, pattern: string, document: Document): Statement[] {
  return document.Statement.map(({ Sid = "", Effect, Action }) => ({
    name: `${policy}/${Sid}`,
    policy,
    sid: Sid,
    effect: Effect,
    actions: [Action].flat(),
    ignore: { policy: pattern, sid: Sid },
  }));
}

/** The name of a statement as IAM's decisions tell it, with what CloudFormation has generated left out. */
export function plainName(told: string): string {
  const parts = told.split("/");
  const sid = parts.at(-1) ?? "";
  if (["bucket", "topic", "trust"].includes(parts[0] ?? "")) return `${parts[0]}/${sid}`;
  const policy = parts.at(-2) ?? "";
  return `${/^updraft-(?:[a-z]\w*-)?([A-Z]\w+)-[0-9A-F]+$/.exec(policy)?.[1] ?? policy}/${sid}`;
}
