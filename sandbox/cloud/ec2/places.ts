import type { CloudSettings } from "../ports.ts";
import type { Handler, Handlers } from "../service.ts";
import { rewritten } from "../wire/answer.ts";
import type { Instances } from "./instances.ts";

/** What the emulator tells of zones and subnets, as the settings and our instances, which it does not know, change it. */
export function placeActions(world: {
  readonly instances: Instances;
  readonly settings: () => CloudSettings;
  readonly forward: Handler;
}): Handlers {
  const { instances, settings, forward } = world;

  return {
    DescribeSubnets: async (call) =>
      rewritten(await forward(call), (xml) =>
        xml.replaceAll(
          /(<subnetId>(subnet-\w+)<\/subnetId>(?:(?!<subnetId>)[\s\S])*?<availableIpAddressCount>)(\d+)/g,
          (_, before: string, subnet: string, count: string) => {
            const used = instances.live().filter((one) => one.subnet.subnetId === subnet).length;
            return `${before}${Math.max(0, (settings().addresses[subnet] ?? Number(count)) - used)}`;
          },
        ),
      ),
    DescribeInstanceTypeOfferings: async (call) =>
      rewritten(await forward(call), (xml) =>
        xml.replaceAll(/<item>(?:(?!<item>)[\s\S])*?<\/item>/g, (item) => {
          const of = (name: string): string | undefined =>
            new RegExp(`<${name}>([^<]*)</${name}>`).exec(item)?.[1];
          const missing = settings().notOffered.some(
            (one) => one.instanceType === of("instanceType") && one.zone === of("location"),
          );
          return missing ? "" : item;
        }),
      ),
  };
}
