import { GetTopicAttributesCommand, type SNSClient } from "@aws-sdk/client-sns";
import { readPolicy, type Policy } from "./policy.ts";

/** Policies of topics, read from the emulator, which does not judge by them; `forget` after any change of SNS. */
export function topicPolicies(sns: SNSClient) {
  let known = new Map<string, Promise<Policy | undefined>>();

  async function read(TopicArn: string): Promise<Policy | undefined> {
    try {
      const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
      const policy = readPolicy(Attributes?.["Policy"] ?? "");
      return policy && { ...policy, name: `topic/${TopicArn.slice(TopicArn.lastIndexOf(":") + 1)}` };
    } catch (error) {
      if (error instanceof Error && /NotFound/.test(error.name)) return undefined;
      throw error;
    }
  }

  return {
    of(arn: string): Promise<Policy | undefined> {
      // A subscription's ARN goes on after its topic's.
      const topic = arn.split(":").slice(0, 6).join(":");
      const found = known.get(topic) ?? read(topic);
      known.set(topic, found);
      found.catch(() => known.delete(topic));
      return found;
    },
    forget(): void {
      known = new Map();
    },
  };
}
