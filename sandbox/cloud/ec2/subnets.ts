import type { Call, Handlers } from "../service.ts";
import { rewritten, type Answer } from "../wire/answer.ts";
import type { Instances } from "./instances.ts";

/** Subnets are the emulator's; how many addresses are left, it cannot know, because instances are ours. */
export function subnetActions(instances: Instances, forward: (call: Call) => Promise<Answer>): Handlers {
  return {
    async DescribeSubnets(call) {
      const taken = Map.groupBy(
        instances.visible().filter((one) => one.state !== "terminated"),
        (one) => one.subnet.subnetId,
      );
      return rewritten(await forward(call), (text) =>
        text.replaceAll(
          /(<subnetId>([^<]+)<\/subnetId>[\s\S]*?<availableIpAddressCount>)(\d+)/g,
          (_, before: string, id: string, count: string) =>
            `${before}${Math.max(0, Number(count) - (taken.get(id)?.length ?? 0))}`,
        ),
      );
    },
  };
}
