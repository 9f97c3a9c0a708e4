import { DeleteSecurityGroupCommand, type EC2Client } from "@aws-sdk/client-ec2";
import type { IAMClient } from "@aws-sdk/client-iam";
import type { Faults } from "../faults.ts";
import type { CloudSettings, Hypervisor, SandboxImage } from "../ports.ts";
import type { Market } from "../pricing/market.ts";
import type { Handler, Handlers } from "../service.ts";
import { ec2Answer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { text } from "../wire/parameters.ts";
import type { Catalog } from "./catalog.ts";
import { instanceActions } from "./describe.ts";
import { fleets } from "./fleets.ts";
import { imageActions } from "./images.ts";
import type { Instances } from "./instances.ts";
import { launchResolver } from "./launch.ts";
import type { LaunchTemplates } from "./launch-templates.ts";
import { placeActions } from "./places.ts";
import { room } from "./room.ts";
import { runInstances } from "./run-instances.ts";
import { spotPriceHistory } from "./spot-price-history.ts";
import { starter } from "./start.ts";
import { tagActions } from "./tags.ts";

/** The emulator knows none of our instances: its answer to these would mislead. */
const NOT_DONE = [
  "AssociateIamInstanceProfile",
  "CreateImage",
  "DeleteFleets",
  "DisassociateIamInstanceProfile",
  "ModifyInstanceAttribute",
  "ModifyInstanceMetadataOptions",
  "RebootInstances",
  "ReplaceIamInstanceProfileAssociation",
  "RequestSpotFleet",
  "RequestSpotInstances",
  "StartInstances",
  "StopInstances",
];

const refuse: Handler = async ({ request }) => {
  throw new AwsError("UnsupportedOperation", `The sandbox cannot do ec2:${request.action}.`);
};

/** Instances, fleets, launch templates, images and tags are ours; networks and types are the emulator's. */
export function ec2(world: {
  instances: Instances;
  templates: LaunchTemplates;
  catalog: Catalog;
  faults: Faults;
  settings: () => CloudSettings;
  hypervisor: Hypervisor;
  images: readonly SandboxImage[];
  market: Market;
  moto: EC2Client;
  iam: IAMClient;
  forward: Handler;
  now: () => number;
}): Handlers {
  const { instances, templates, faults, moto, now } = world;
  const resolve = launchResolver(world);
  const start = starter(instances, faults);
  const shortage = room(world);
  return {
    ...Object.fromEntries(NOT_DONE.map((action) => [action, refuse])),
    ...templates.handlers,
    ...instanceActions(world),
    ...tagActions(world),
    ...imageActions(world.images, now()),
    ...placeActions(world),
    ...spotPriceHistory(world),
    ...fleets({ ...world, resolve, start, shortage }),
    RunInstances: runInstances({ ...world, resolve, start, shortage }),
    /** As on EC2, a group cannot go while an instance's interface uses it. */
    async DeleteSecurityGroup({ request }) {
      const GroupId = text(request.parameters["GroupId"]) ?? "";
      const used = instances
        .visible()
        .some((i) => i.state !== "terminated" && i.securityGroups.some((g) => g.groupId === GroupId));
      if (used) throw new AwsError("DependencyViolation", `resource ${GroupId} has a dependent object`);
      try {
        await moto.send(new DeleteSecurityGroupCommand({ GroupId }));
      } catch (error) {
        if (error instanceof Error) throw new AwsError(error.name, error.message);
        throw error;
      }
      return ec2Answer(request.action, { return: true, groupId: GroupId });
    },
  };
}
