import type { CloudSettings } from "../ports.ts";
import { vcpusLeft } from "../quotas.ts";
import type { Catalog } from "./catalog.ts";
import type { Instances } from "./instances.ts";
import type { Market } from "./instance.ts";
import type { Launch } from "./launch.ts";

/** Why no further instance can be launched somewhere, in EC2's words. */
export type Shortage = { readonly code: string; readonly message: string; readonly status: number };

/** Something of this call that is decided and not launched yet. */
export type Planned = { readonly launch: Launch; readonly market: Market };

export type Room = ReturnType<typeof room>;

/** Capacity, quotas and addresses, as the settings limit them. Nothing waits in here, so two calls cannot share the last place. */
export function room(world: {
  readonly instances: Instances;
  readonly catalog: Catalog;
  readonly settings: () => CloudSettings;
}) {
  return (launch: Launch, market: Market, planned: readonly Planned[]): Shortage | undefined => {
    const { capacity, addresses, quotas } = world.settings();
    const { instanceType, subnet } = launch;
    const live = [
      ...world.instances.live().map((one) => ({
        instanceType: one.instanceType,
        subnetId: one.subnet.subnetId,
        zone: one.subnet.zone,
        market: one.market,
      })),
      ...planned.map((one) => ({
        instanceType: one.launch.instanceType,
        subnetId: one.launch.subnet.subnetId,
        zone: one.launch.subnet.zone,
        market: one.market,
      })),
    ].map((one) => ({ ...one, vcpus: world.catalog.vcpus(one.instanceType) }));

    const { quota, left } = vcpusLeft(quotas, live, instanceType, market);
    if (left < world.catalog.vcpus(instanceType)) {
      return market === "spot"
        ? { code: "MaxSpotInstanceCountExceeded", message: "Max spot instance count exceeded", status: 400 }
        : {
            code: "VcpuLimitExceeded",
            message: `You have requested more vCPU capacity than your current vCPU limit of ${quota?.value ?? 0} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
            status: 400,
          };
    }
    const used = live.filter((one) => one.subnetId === subnet.subnetId).length;
    if (used >= (addresses[subnet.subnetId] ?? Infinity)) {
      return {
        code: "InsufficientFreeAddressesInSubnet",
        message: `There are not enough free addresses in subnet '${subnet.subnetId}' to satisfy the requested number of instances.`,
        status: 400,
      };
    }
    const full = capacity.some((limit) => {
      const counts = (one: { instanceType: string; zone: string; market: Market }): boolean =>
        (limit.instanceType ?? one.instanceType) === one.instanceType &&
        (limit.zone ?? one.zone) === one.zone &&
        (limit.purchase ?? one.market) === one.market;
      return (
        counts({ instanceType, zone: subnet.zone, market }) && live.filter(counts).length >= limit.instances
      );
    });
    return full ? noCapacity(launch, market) : undefined;
  };
}

export function noCapacity({ instanceType, subnet }: Launch, market: Market): Shortage {
  return market === "spot"
    ? {
        code: "UnfulfillableCapacity",
        message:
          "Unable to fulfill capacity due to your request configuration. Please adjust your request and try again.",
        status: 400,
      }
    : {
        code: "InsufficientInstanceCapacity",
        message: `We currently do not have sufficient ${instanceType} capacity in the Availability Zone you requested (${subnet.zone}). Our system will be working on provisioning additional capacity.`,
        status: 500,
      };
}
