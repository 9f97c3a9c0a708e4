import { randomBytes } from "node:crypto";
import type { Faults } from "../faults.ts";
import type { Instance } from "./instance.ts";
import type { Instances } from "./instances.ts";
import type { Launch } from "./launch.ts";

/** Makes `count` instances of one launch: a reservation. */
export function starter(instances: Instances, faults: Faults) {
  return (
    launch: Launch,
    count: number,
    by: { arn: string; action: string; clientToken: string | undefined; fleetId?: string },
  ): Instance[] => {
    const reservationId = `r-0${randomBytes(8).toString("hex")}`;
    return Array.from({ length: count }, (_, index) => {
      const late = faults.strike(["late-visibility"], {
        service: "ec2",
        action: by.action,
        principal: by.arn,
      });
      return instances.launch({
        reservationId,
        index,
        imageId: launch.imageId,
        instanceType: launch.instanceType,
        subnet: launch.subnet,
        tags: {
          ...launch.tags["instance"],
          ...(by.fleetId === undefined ? {} : { "aws:ec2:fleet-id": by.fleetId }),
          ...(launch.template === undefined
            ? {}
            : {
                "aws:ec2launchtemplate:id": launch.template.template.id,
                "aws:ec2launchtemplate:version": String(launch.template.version),
              }),
        },
        clientToken: by.clientToken,
        profile: launch.profile,
        securityGroups: launch.securityGroups,
        isPublic: launch.isPublic,
        userData: launch.userData,
        shutdownBehavior: launch.shutdownBehavior,
        terminationProtected: launch.terminationProtected,
        metadata: launch.metadata,
        keyName: launch.keyName,
        market: launch.market,
        fleetId: by.fleetId,
        launcher: by.arn,
        lateSeconds: late?.seconds ?? 0,
      });
    });
  };
}

/** Whether this launch finds no room: a fault says so. */
export function outOfCapacity(
  faults: Faults,
  launch: Launch,
  target: { action: string; principal: string },
): boolean {
  const fault = faults.strike(
    ["capacity"],
    { service: "ec2", ...target },
    (f) =>
      (f.instanceType ?? launch.instanceType) === launch.instanceType &&
      (f.subnetId ?? launch.subnet.subnetId) === launch.subnet.subnetId &&
      (f.zone ?? launch.subnet.zone) === launch.subnet.zone &&
      (f.purchase ?? launch.market) === launch.market,
  );
  return fault !== undefined;
}
