import type { CapacityMemory } from "./capacity-memory.ts";
import type { FleetRequest, Market } from "./order.ts";
import type { Instance, Owner, Slot } from "./instance.ts";
import type { Tags } from "./tags.ts";
import type { UnixTime } from "./time.ts";

/** What the flows in core/ ask of the world. Failures that were foreseen arrive as UpdraftError. */

export type StoredObject = { readonly key: string; readonly modified: UnixTime };

/** The account's bucket. */
export type Storage = {
  /** Undefined when there is no such object. */
  get(key: string): Promise<Uint8Array | undefined>;
  has(key: string): Promise<boolean>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** False when the object exists already. */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean>;
  list(prefix: string): Promise<StoredObject[]>;
  remove(keys: readonly string[]): Promise<void>;
};

export type InstanceTypeFacts = {
  readonly type: string;
  readonly burstable: boolean;
  readonly cpus: number;
  /** MiB. */
  readonly memory: number;
  readonly gpus: number;
};
/** A volume that an image's instances start with. */
export type Volume = {
  /** EBS's own word, such as gp3. */
  readonly type: string;
  /** Undefined when EC2 does not tell it. */
  readonly gib: number | undefined;
  readonly iops: number | undefined;
  /** MiB per second. */
  readonly throughput: number | undefined;
};
export type Image = {
  readonly id: string;
  readonly name: string;
  /** What AWS bills a launch as: `RunInstances` for plain Linux, else with a suffix for the platform. */
  readonly usageOperation: string;
  /** The platform in words, such as Linux/UNIX. */
  readonly platform: string;
  /** A product of the AWS Marketplace is in it, which may have a fee. */
  readonly marketplace: boolean;
  readonly volumes: readonly Volume[];
};
export type Subnet = { readonly id: string; readonly vpcId: string; readonly zone: string };
/** Why a fleet launched nothing somewhere; where, as far as EC2 says so. */
export type FleetError = {
  readonly code: string;
  readonly message: string;
  readonly market?: Market;
  readonly type?: string;
  readonly subnet?: string;
  readonly zone?: string;
};
/** An instance as the answer to its order tells it. */
export type LaunchedInstance = { readonly id: string; readonly type: string; readonly zone: string };

/** An unknown outcome must be settled by looking for the order's instances; the same request may be sent again. */
export type FleetOutcome =
  | {
      readonly outcome: "answered";
      readonly instanceIds: readonly string[];
      /** The same with type and zone, as far as EC2 told them. */
      readonly launched?: readonly LaunchedInstance[];
      readonly errors: readonly FleetError[];
    }
  | { readonly outcome: "unknown"; readonly reason: string };

export type Ec2 = {
  /** Every instance whose tags match all three, terminated ones included as long as EC2 shows them. */
  instances(owner: Owner): Promise<Instance[]>;
  /** Every live instance of an annex of that name, whosever it is; of any annex when undefined. */
  liveInstances(annex: string | undefined): Promise<Instance[]>;
  createFleet(request: FleetRequest): Promise<FleetOutcome>;
  terminate(instanceIds: readonly string[]): Promise<void>;
  /** Sets tags of instances that exist; others are left alone. */
  tag(instanceIds: readonly string[], tags: Tags): Promise<void>;
  subnets(ids: readonly string[]): Promise<Subnet[]>;
  instanceTypes(types: readonly string[]): Promise<InstanceTypeFacts[]>;
  /** Undefined when there is no such image or it cannot be launched. */
  image(id: string): Promise<Image | undefined>;
};

export type Stack = {
  readonly status: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
};

/** One of those that a stack has, or had until it was deleted. */
export type StackResource = {
  readonly logicalId: string;
  readonly type: string;
  /** As its own service names it: an id, a name or an ARN. */
  readonly id: string;
  readonly status: string;
  /** Why it is in that status, where CloudFormation says so. */
  readonly reason: string;
};

export type CloudFormation = {
  stack(name: string): Promise<Stack | undefined>;
  /** The stack once nothing is under way in it. */
  settled(name: string): Promise<Stack | undefined>;
  resources(name: string): Promise<StackResource[]>;
  /** Creates or updates and waits until it is done. False when nothing had to change. */
  deploy(name: string, template: string, parameters: Readonly<Record<string, string>>): Promise<boolean>;
  /**
   * Deletes, without those resources, and waits for the end. What the stack had, and whether it is gone; when it is
   * not, some of those have failed. `retain` is for what a deletion has failed on before.
   */
  remove(
    name: string,
    retain: readonly string[],
  ): Promise<{ readonly gone: boolean; readonly resources: readonly StackResource[] }>;
  /** Names of the stacks that exist and start with the prefix. */
  names(prefix: string): Promise<string[]>;
};

/** Whoever holds a managed policy. */
export type Attachment = {
  /** ARN. */
  readonly policy: string;
  readonly kind: "user" | "role" | "group";
  readonly name: string;
};

export type Iam = {
  /** Whether EC2's service-linked role for spot instances exists. */
  spotRole(): Promise<boolean>;
  /** False when it was there already. */
  createSpotRole(): Promise<boolean>;
  attachments(policy: string): Promise<Attachment[]>;
  /** One that is gone already is no failure. */
  detach(attachment: Attachment): Promise<void>;
  /** Takes every policy from a role that is to be deleted, and names them. */
  clearRole(name: string): Promise<string[]>;
};

/** The account's bucket as a whole. */
export type Bucket = {
  exists(): Promise<boolean>;
  /** Removes every version of every object, and every unfinished upload; how many there were. */
  empty(): Promise<number>;
};

export type TaggedResource = { readonly type: string; readonly id: string };

/** What of EC2 outlives an instance. */
export type Ec2Ground = {
  keyPair(name: string): Promise<boolean>;
  /** What carries the tag of that annex, or of any, instances left out. */
  tagged(annex: string | undefined): Promise<TaggedResource[]>;
};

export type Clock = { now(): UnixTime; sleep(seconds: number): Promise<void> };

/** The annex's slots that the collector knows. */
export type Slots = (annex: string) => Promise<Slot[]>;

/** What EC2 refused lately; whoever writes it holds the lock. Neither fails: what is unreadable is forgotten. */
export type Refusals = {
  read(): Promise<CapacityMemory>;
  write(memory: CapacityMemory): Promise<void>;
};

/** One line for the person who waits. */
export type Report = (line: string) => void;
