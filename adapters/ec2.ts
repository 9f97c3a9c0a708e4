import {
  CreateFleetCommand,
  CreateTagsCommand,
  DescribeImagesCommand,
  DescribeInstanceTypesCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  EC2Client,
  TerminateInstancesCommand,
  type CreateFleetCommandInput,
  type CreateFleetCommandOutput,
  type Filter,
  type CreateFleetError,
  type Image as Ec2Image,
  type Instance as Ec2Instance,
  type _InstanceType,
} from "@aws-sdk/client-ec2";
import { setTimeout as delay } from "node:timers/promises";
import { encodedFailure, explainRefusal } from "../core/authorization-failure.ts";
import { UpdraftError, messageOf } from "../core/errors.ts";
import type { Ec2State, Instance } from "../core/instance.ts";
import type { Ec2, FleetError, Image } from "../core/ports.ts";
import type { FleetRequest, Market } from "../core/order.ts";
import { TAG, type Tags } from "../core/tags.ts";
import { awsClient, lazyAwsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsCode, awsError, isAmbiguous, isThrottled } from "./aws-errors.ts";
import { decodeAuthorization } from "./sts.ts";

const LIVE: readonly Ec2State[] = ["pending", "running", "stopping", "stopped", "shutting-down"];
const TERMINATIONS_AT_ONCE = 200;
const TAGGED_AT_ONCE = 200;
/** Of waiting while EC2 says that there are too many requests, unless told otherwise. */
const THROTTLED_SECONDS = 120;
const LONGEST_PAUSE_SECONDS = 15;

export function ec2(region: string, options: AwsClientOptions = {}): Ec2 {
  const client = awsClient(EC2Client, region, options);
  const ordering = lazyAwsClient(EC2Client, region, { ...options, maxAttempts: 1 });

  async function describe(filters: Filter[]): Promise<Instance[]> {
    const found: Instance[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client
        .send(
          new DescribeInstancesCommand({
            Filters: filters,
            MaxResults: 1000,
            ...(NextToken && { NextToken }),
          }),
        )
        .catch(async (error: unknown) => {
          throw await failure(error, "list the instances");
        });
      for (const reservation of page.Reservations ?? []) {
        for (const one of reservation.Instances ?? []) found.push(instance(one));
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined && NextToken !== "");
    return found;
  }

  async function terminate(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    try {
      await client.send(new TerminateInstancesCommand({ InstanceIds: [...ids] }));
    } catch (error) {
      const gone = awsCode(error) === "InvalidInstanceID.NotFound";
      if (ids.length === 1) {
        if (gone) return;
        throw await failure(error, `terminate ${ids[0]}`);
      }
      // One bad id fails the whole call and nothing is terminated: halve until only the bad one is left out.
      const half = ids.length >> 1;
      const results = await Promise.allSettled([terminate(ids.slice(0, half)), terminate(ids.slice(half))]);
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    }
  }

  /** EC2 says for itself what it refuses, but the statement only in a message that STS must decode. */
  async function failure(error: unknown, doing: string): Promise<UpdraftError> {
    const made = awsError(error, doing);
    const message = messageOf(error);
    if (awsCode(error) !== "UnauthorizedOperation") return made;
    const explained = explainRefusal(message, await decoded(message));
    return new UpdraftError(made.kind, `could not ${doing}: ${explained}`, made.remedy, error);
  }

  async function decoded(message: string): Promise<string | undefined> {
    const encoded = encodedFailure(message);
    return encoded === undefined ? undefined : decodeAuthorization(region, encoded, options);
  }

  /** Not repeated by the SDK: the error of a second attempt would hide that the first may have had an effect. */
  async function order(request: FleetRequest): Promise<CreateFleetCommandOutput> {
    const until = Date.now() + (options.throttledSeconds ?? THROTTLED_SECONDS) * 1000;
    for (let attempt = 1; ; attempt++) {
      try {
        return await ordering().send(new CreateFleetCommand(request as CreateFleetCommandInput));
      } catch (error) {
        // EC2 says so before it looks at the request, so the same token is good for another try.
        if (!isThrottled(error)) throw error;
        const pause = 1000 * Math.min(LONGEST_PAUSE_SECONDS, 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
        if (Date.now() + pause > until) throw error;
        await delay(pause);
      }
    }
  }

  /** A denial is explained once for all places that it concerns: each carries an encoded message of its own. */
  async function fleetErrors(errors: readonly CreateFleetError[]): Promise<FleetError[]> {
    const explained = new Map<string, Promise<string>>();
    const explain = (message: string): Promise<string> => {
      const plain = explainRefusal(message, undefined);
      const known =
        explained.get(plain) ?? decoded(message).then((answer) => explainRefusal(message, answer));
      explained.set(plain, known);
      return known;
    };
    return Promise.all(
      errors.map(async (error) => {
        const { InstanceType, SubnetId, AvailabilityZone } =
          error.LaunchTemplateAndOverrides?.Overrides ?? {};
        const message = error.ErrorMessage ?? "";
        return {
          code: error.ErrorCode ?? "",
          message: error.ErrorCode === "UnauthorizedOperation" ? await explain(message) : message,
          ...(error.Lifecycle !== undefined && { market: error.Lifecycle as Market }),
          ...(InstanceType !== undefined && { type: InstanceType }),
          ...(SubnetId !== undefined && { subnet: SubnetId }),
          ...(AvailabilityZone !== undefined && { zone: AvailabilityZone }),
        };
      }),
    );
  }

  async function tag(ids: readonly string[], tags: Tags): Promise<void> {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    try {
      await client.send(new CreateTagsCommand({ Resources: [...ids], Tags }));
    } catch (error) {
      const gone = awsCode(error) === "InvalidInstanceID.NotFound";
      if (ids.length === 1 && gone) return;
      if (ids.length === 1 || !gone) throw await failure(error, `tag ${ids.join(", ")}`);
      // One that is gone fails the whole call, so halve until only that one is left out.
      const half = ids.length >> 1;
      await tag(ids.slice(0, half), tags);
      await tag(ids.slice(half), tags);
    }
  }

  return {
    instances: (owner) =>
      describe([
        tagFilter(TAG.annex, owner.annex),
        tagFilter(TAG.pool, owner.pool),
        tagFilter(TAG.schedd, owner.schedd),
      ]),
    liveInstances: (annex) =>
      describe([
        annex === undefined ? { Name: "tag-key", Values: [TAG.annex] } : tagFilter(TAG.annex, annex),
        { Name: "instance-state-name", Values: [...LIVE] },
      ]),
    async createFleet(request) {
      try {
        const answer = await order(request);
        return {
          outcome: "answered",
          instanceIds: (answer.Instances ?? []).flatMap((set) => set.InstanceIds ?? []),
          launched: (answer.Instances ?? []).flatMap((set) =>
            (set.InstanceIds ?? []).map((id) => ({
              id,
              type: set.InstanceType ?? "",
              zone: set.LaunchTemplateAndOverrides?.Overrides?.AvailabilityZone ?? "",
            })),
          ),
          errors: await fleetErrors(answer.Errors ?? []),
        };
      } catch (error) {
        if (isAmbiguous(error)) {
          return { outcome: "unknown", reason: awsError(error, "order instances").message };
        }
        throw await failure(error, "order instances");
      }
    },
    async terminate(ids) {
      for (let start = 0; start < ids.length; start += TERMINATIONS_AT_ONCE) {
        await terminate(ids.slice(start, start + TERMINATIONS_AT_ONCE));
      }
    },
    async tag(ids, tags) {
      for (let start = 0; start < ids.length; start += TAGGED_AT_ONCE) {
        await tag(ids.slice(start, start + TAGGED_AT_ONCE), tags);
      }
    },
    async subnets(ids) {
      const answer = await client
        .send(new DescribeSubnetsCommand({ SubnetIds: [...ids] }))
        .catch((error: unknown) => {
          throw awsError(error, `find the subnets ${ids.join(", ")}`);
        });
      return (answer.Subnets ?? []).map((subnet) => ({
        id: subnet.SubnetId ?? "",
        vpcId: subnet.VpcId ?? "",
        zone: subnet.AvailabilityZone ?? "",
      }));
    },
    async instanceTypes(types) {
      const answer = await client
        .send(new DescribeInstanceTypesCommand({ InstanceTypes: [...types] as _InstanceType[] }))
        .catch((error: unknown) => {
          throw awsError(error, `find the instance types ${types.join(", ")}`);
        });
      return (answer.InstanceTypes ?? []).map((facts) => ({
        type: facts.InstanceType ?? "",
        burstable: facts.BurstablePerformanceSupported ?? false,
        cpus: facts.VCpuInfo?.DefaultVCpus ?? 0,
        memory: facts.MemoryInfo?.SizeInMiB ?? 0,
        gpus: (facts.GpuInfo?.Gpus ?? []).reduce((sum, gpu) => sum + (gpu.Count ?? 0), 0),
      }));
    },
    async image(id) {
      try {
        const answer = await client.send(new DescribeImagesCommand({ ImageIds: [id] }));
        const found = answer.Images?.find((image) => image.ImageId === id && image.State === "available");
        return found && image(found);
      } catch (error) {
        if (awsCode(error).startsWith("InvalidAMIID.")) return undefined;
        throw awsError(error, `find the image ${id}`);
      }
    },
  };
}

/** `*` and `?` are wild cards in a filter's value; here they stand for themselves. */
function tagFilter(tag: string, value: string): Filter {
  return { Name: `tag:${tag}`, Values: [value.replace(/[\\*?]/g, "\\$&")] };
}

function image(found: Ec2Image): Image {
  return {
    id: found.ImageId ?? "",
    name: found.Name ?? "",
    usageOperation: found.UsageOperation ?? "",
    platform: found.PlatformDetails ?? "",
    marketplace: (found.ProductCodes ?? []).some((code) => code.ProductCodeType === "marketplace"),
    volumes: (found.BlockDeviceMappings ?? []).flatMap(({ Ebs }) =>
      Ebs === undefined
        ? []
        : [
            {
              type: Ebs.VolumeType ?? "gp3",
              gib: Ebs.VolumeSize,
              iops: Ebs.Iops,
              throughput: Ebs.Throughput,
            },
          ],
    ),
  };
}

/** The time that EC2 writes into its reason, such as `User initiated (2026-11-22 12:00:00 GMT)`. */
function endTime(reason: string | undefined): number | undefined {
  const [, day, time] = /\((\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (?:GMT|UTC)\)/.exec(reason ?? "") ?? [];
  return day === undefined || time === undefined ? undefined : Date.parse(`${day}T${time}Z`) / 1000;
}

function instance(one: Ec2Instance): Instance {
  const ended = endTime(one.StateTransitionReason);
  return {
    id: one.InstanceId ?? "",
    state: one.State?.Name ?? "pending",
    type: one.InstanceType ?? "",
    imageId: one.ImageId ?? "",
    zone: one.Placement?.AvailabilityZone ?? "",
    privateIp: one.PrivateIpAddress,
    launched: (one.LaunchTime?.getTime() ?? 0) / 1000,
    ...(ended !== undefined && { ended }),
    ...(one.StateReason?.Code !== undefined && { endCode: one.StateReason.Code }),
    spot: one.InstanceLifecycle === "spot",
    tags: Object.fromEntries((one.Tags ?? []).map((tag) => [tag.Key ?? "", tag.Value ?? ""])),
  };
}
