import type { Call, Handlers } from "./service.ts";
import { queryAnswer, rewritten, type Answer } from "./wire/answer.ts";
import { text } from "./wire/parameters.ts";

/**
 * Subscriptions by e-mail: they are pending until someone follows the link in the mail, which the emulator leaves out.
 * Here the token in that link is the address itself.
 */
export function sns(forward: (call: Call) => Promise<Answer>): Handlers {
  const confirmed = new Set<string>();
  const key = (topic: string, address: string): string => `${topic} ${address}`;
  return {
    async ConfirmSubscription({ request }) {
      const topic = text(request.parameters["TopicArn"]) ?? "";
      const address = text(request.parameters["Token"]) ?? "";
      confirmed.add(key(topic, address));
      return queryAnswer("sns", request.action, { SubscriptionArn: `${topic}:${address}` });
    },
    async ListSubscriptionsByTopic(call) {
      const topic = text(call.request.parameters["TopicArn"]) ?? "";
      const pending = (member: string): string => {
        const address = /<Endpoint>([^<]*)</.exec(member)?.[1] ?? "";
        return !member.includes("<Protocol>email<") || confirmed.has(key(topic, address))
          ? member
          : member.replace(/<SubscriptionArn>[^<]*</, "<SubscriptionArn>PendingConfirmation<");
      };
      return rewritten(await forward(call), (text) =>
        text.replaceAll(/<member>[\s\S]*?<\/member>/g, (member) => pending(member)),
      );
    },
  };
}
