import { randomBytes } from "node:crypto";
import { messageOf } from "../../../core/errors.ts";
import type { CloudSettings, Hypervisor, InstanceView, TerminationEntry } from "../ports.ts";
import { draw, uniform } from "../random.ts";
import { AwsError } from "../wire/error.ts";
import { addresses } from "./addresses.ts";
import { hostNameOf, publicIpOf, type Instance } from "./instance.ts";

/** What a launch decides; the rest is the cloud's. */
export type NewInstance = Omit<
  Instance,
  | "instanceId"
  | "sequence"
  | "state"
  | "stateReason"
  | "privateIp"
  | "hostName"
  | "launched"
  | "stopped"
  | "ended"
  | "visible"
  | "interruption"
  | "rebalance"
> & { lateSeconds: number };

export type Instances = ReturnType<typeof instances>;

/** An instance that ended by itself is described as shutting-down this long. */
const SELF_ENDED_SECONDS = 1;

/** All instances and their lives: pending, running (the machine is on), shutting-down, terminated. */
export function instances(world: {
  hypervisor: Hypervisor;
  settings: () => CloudSettings;
  now: () => number;
  log: (line: string) => void;
}) {
  const { hypervisor, settings, now, log } = world;
  const all = new Map<string, Instance>();
  const timers = new Set<NodeJS.Timeout>();
  const terminations: TerminationEntry[] = [];
  const address = addresses();
  const random = uniform(settings().seed);
  let sequence = 0;

  const after = (seconds: number, act: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, seconds * 1000);
    timers.add(timer);
  };
  const taken = (candidate: string): boolean =>
    [...all.values()].some((i) => i.privateIp === candidate && i.state !== "terminated");

  function launch(order: NewInstance): Instance {
    const privateIp = address(order.subnet.cidr, taken);
    if (privateIp === undefined)
      throw new AwsError(
        "InsufficientFreeAddressesInSubnet",
        `There are not enough free addresses in subnet '${order.subnet.subnetId}' to satisfy the requested number of instances.`,
      );
    const { lateSeconds, ...rest } = order;
    const instance: Instance = {
      ...rest,
      instanceId: `i-0${randomBytes(8).toString("hex")}`,
      sequence: ++sequence,
      state: "pending",
      stateReason: undefined,
      privateIp,
      hostName: hostNameOf(privateIp),
      launched: now(),
      stopped: undefined,
      ended: undefined,
      visible: now() + lateSeconds,
      interruption: undefined,
      rebalance: undefined,
    };
    all.set(instance.instanceId, instance);
    after(draw(settings().launchDelay, random), () => start(instance));
    return instance;
  }

  function start(instance: Instance): void {
    if (instance.state !== "pending") return;
    instance.state = "running";
    boot(instance).catch((error: unknown) => {
      log(`${instance.instanceId} did not boot: ${messageOf(error)}`);
      instance.stateReason = { code: "Server.InternalError", message: messageOf(error) };
      ended(instance);
    });
  }

  async function boot(instance: Instance): Promise<void> {
    const { instanceId, imageId, privateIp, hostName, userData, securityGroups } = instance;
    await hypervisor.boot({
      instanceId,
      imageId,
      privateIp,
      hostName,
      userData: Buffer.from(userData ?? "", "base64"),
      publicIp: publicIpOf(instance),
      inbound: securityGroups.flatMap((group) => group.inbound),
    });
  }

  function terminate(instance: Instance, by: string): void {
    if (instance.state === "terminated" || instance.state === "shutting-down") return;
    const switchedOn = instance.state === "running";
    instance.state = "shutting-down";
    instance.stopped = now();
    instance.stateReason = {
      code: "Client.UserInitiatedShutdown",
      message: "Client.UserInitiatedShutdown: User initiated shutdown",
    };
    terminations.push({ time: now(), instanceId: instance.instanceId, by });
    if (!switchedOn) {
      ended(instance);
      return;
    }
    hypervisor
      .powerOff(instance.instanceId, settings().shuttingDownSeconds)
      .catch((error: unknown) => log(`${instance.instanceId} was not powered off: ${messageOf(error)}`))
      .finally(() => ended(instance));
  }

  function poweredOff(instanceId: string): void {
    const instance = all.get(instanceId);
    if (instance === undefined || (instance.state !== "running" && instance.state !== "pending")) return;
    instance.stopped = now();
    instance.stateReason = {
      code: "Client.InstanceInitiatedShutdown",
      message: "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
    };
    if (instance.shutdownBehavior === "stop") {
      instance.state = "stopping";
      after(SELF_ENDED_SECONDS, () => {
        if (instance.state === "stopping") instance.state = "stopped";
      });
      return;
    }
    instance.state = "shutting-down";
    terminations.push({ time: now(), instanceId, by: "instance" });
    after(SELF_ENDED_SECONDS, () => ended(instance));
  }

  function ended(instance: Instance): void {
    if (instance.state === "terminated") return;
    instance.state = "terminated";
    instance.ended = now();
    after(settings().terminatedVisibleSeconds, () => all.delete(instance.instanceId));
  }

  function spot(instanceId: string): Instance {
    const instance = all.get(instanceId);
    if (instance?.market === "spot") return instance;
    throw new AwsError("InvalidInstanceID.NotFound", `${instanceId} is no spot instance`);
  }

  return {
    launch,
    terminate,
    poweredOff,
    /** Marks a spot instance and ends it when its notice is over. */
    interrupt(instanceId: string, seconds: number): void {
      const instance = spot(instanceId);
      instance.rebalance ??= now();
      instance.interruption = now() + seconds;
      after(seconds, () => terminate(instance, "spot interruption"));
    },
    recommendRebalance(instanceId: string): void {
      spot(instanceId).rebalance ??= now();
    },
    /** Those that Describe calls may show. */
    visible(): Instance[] {
      return [...all.values()].filter((i) => i.visible <= now());
    },
    /** Those that take up room. */
    live(): Instance[] {
      return [...all.values()].filter((i) => i.state !== "terminated");
    },
    get(instanceId: string): Instance | undefined {
      return all.get(instanceId);
    },
    byAddress(privateIp: string): Instance | undefined {
      return [...all.values()].find((i) => i.privateIp === privateIp && i.state !== "terminated");
    },
    /** Refuses ids as EC2 does: all of the call, for one that is malformed or unknown. */
    named(ids: readonly string[]): Instance[] {
      const malformed = ids.find((id) => !/^i-([0-9a-f]{8}|[0-9a-f]{17})$/.test(id));
      if (malformed !== undefined)
        throw new AwsError("InvalidInstanceID.Malformed", `Invalid id: "${malformed}"`);
      const missing = ids.filter((id) => (all.get(id)?.visible ?? Infinity) > now());
      if (missing.length === 1)
        throw new AwsError("InvalidInstanceID.NotFound", `The instance ID '${missing[0]}' does not exist`);
      if (missing.length > 1)
        throw new AwsError(
          "InvalidInstanceID.NotFound",
          `The instance IDs '${missing.join(", ")}' do not exist`,
        );
      return ids.flatMap((id) => all.get(id) ?? []);
    },
    views(): InstanceView[] {
      return [...all.values()].map((i) => ({
        instanceId: i.instanceId,
        state: i.state,
        imageId: i.imageId,
        instanceType: i.instanceType,
        zone: i.subnet.zone,
        privateIp: i.privateIp,
        tags: { ...i.tags },
        launched: i.launched,
      }));
    },
    terminations: () => [...terminations],
    stop(): void {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
