import type { Decision } from "./iam/evaluate.ts";
import type { Principal } from "./principals.ts";
import type { Answer } from "./wire/answer.ts";
import type { AwsRequest } from "./wire/request.ts";

/** One thing that IAM must allow, before the keys that every request carries are added. */
export type Question = {
  action: string;
  resource: string;
  keys?: Record<string, string | readonly string[] | undefined>;
};

/** A request on its way through the front. */
export type Call = {
  request: AwsRequest;
  principal: Principal;
  decide(question: Question): Promise<Decision>;
  /** Throws the service's own refusal unless everything is allowed. */
  authorize(questions: readonly Question[]): Promise<void>;
};

export type Handler = (call: Call) => Promise<Answer>;

/** What we answer ourselves; every other action goes to the emulator. */
export type Handlers = Record<string, Handler>;

export const REGION = "us-east-1";
export const ACCOUNT = "123456789012";

/** ARN of something of EC2 in this account and region. */
export function ec2Arn(type: string, id: string): string {
  const account = type === "image" || type === "snapshot" ? "" : ACCOUNT;
  return `arn:aws:ec2:${REGION}:${account}:${type}/${id}`;
}
