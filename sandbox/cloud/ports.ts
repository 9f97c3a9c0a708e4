import type { StatementName } from "./iam/policy.ts";
import type { QuotaSettings } from "./quotas.ts";
import type { RateLimits } from "./rate-limits.ts";

/** A launched instance as the hypervisor must boot it. */
export type BootRequest = {
  instanceId: string;
  imageId: string;
  privateIp: string;
  hostName: string;
  userData: Uint8Array;
  /** Where the others reach it beside its private address, if it has such an address. */
  publicIp: string | undefined;
  /** Who may open connections to it; nobody else. */
  inbound: InboundRule[];
};

/** A rule of a security group; the ports of a protocol, from a CIDR block. */
export type InboundRule = { protocol: string; fromPort: number; toPort: number; source: string };

/** Implemented by the hypervisor. */
export type Hypervisor = {
  /** Resolves when init and user data have been started. */
  boot(request: BootRequest): Promise<void>;
  /** Stops it after graceSeconds, then like a power cut. Resolves at once for one that is not running. */
  powerOff(instanceId: string, graceSeconds: number): Promise<void>;
  /** What the machine printed. */
  consoleOutput(instanceId: string): Promise<string>;
};

/** An AMI known to the cloud: registered under this id; the hypervisor maps id → layers. */
export type SandboxImage = { imageId: string; name: string; description: string };

export type CloudOptions = {
  /** Scratch for this cloud: logs, code of Lambda functions. */
  directory: string;
  /** Root file system with python3-moto. */
  motoRoot: string;
  endpointAddress: string;
  /** 80 unless named. */
  endpointPort?: number;
  metadataAddresses: string[];
  /** 80 unless named. */
  metadataPort?: number;
  /** Private address of the instance that talks to the metadata service from this source address; the address itself unless given. */
  metadataSource?: (remoteAddress: string) => string;
  images: SandboxImage[];
  hypervisor: Hypervisor;
  settings?: Partial<CloudSettings>;
  log(line: string): void;
};

export type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };

export type InstanceState = "pending" | "running" | "shutting-down" | "terminated" | "stopping" | "stopped";

export type InstanceView = {
  instanceId: string;
  state: InstanceState;
  imageId: string;
  instanceType: string;
  zone: string;
  privateIp: string;
  tags: Record<string, string>;
  /** Unix seconds, with fractions. */
  launched: number;
};

/** Seconds; a log-normal one is drawn anew for every instance, from the cloud's seed. */
export type Delay =
  | { kind: "constant"; seconds: number }
  | { kind: "log-normal"; medianSeconds: number; sigma: number };

export type CloudSettings = {
  /** From pending to running, when the machine is switched on. */
  launchDelay: Delay;
  /** What a machine gets between TerminateInstances and the power cut. */
  shuttingDownSeconds: number;
  /** How long a terminated instance is still described. */
  terminatedVisibleSeconds: number;
  /** Overrides the rate of every scheduled rule; undefined leaves each its own. */
  enforcerPeriodSeconds: number | undefined;
  /** USD per hour that differ from what the cloud charges by itself: by type, or by `TYPE ZONE`. */
  spotPrices: Readonly<Record<string, number>>;
  /** The same by type; the price list has them too. */
  onDemandPrices: Readonly<Record<string, number>>;
  seed: number;
  /** Statements of policies that count for nothing, as if somebody had removed them. */
  ignoredStatements: readonly StatementName[];
  /** What aws:SecureTransport says of every request; false: as if it came without TLS. */
  secureTransport: boolean;
  /** How the credentials of roles are delivered to instances, by what ec2:RoleDelivery says. */
  roleDelivery: "1.0" | "2.0";
  /** vCPUs by the code of Service Quotas; see quotas.ts. */
  quotas: QuotaSettings;
  /** How many instances there are to be had at once where they match; the parts left out match all. */
  capacity: readonly {
    instanceType?: string;
    zone?: string;
    purchase?: "spot" | "on-demand";
    instances: number;
  }[];
  /** Types that a zone does not have, beside those that the emulator says it has not. */
  notOffered: readonly { instanceType: string; zone: string }[];
  /** How many instances a subnet has addresses for, by its id. */
  addresses: Readonly<Record<string, number>>;
  /** EC2's limits on the rate of requests: all as they are on EC2, or those that are named; none when undefined. */
  rateLimits: RateLimits | true | undefined;
};

/** Which requests a fault hits; a part left out matches all. */
export type FaultMatch = {
  id?: string;
  /** As in IAM's actions: `ec2`, `s3`, `cloudformation` … */
  service?: string;
  /** As in IAM's actions; `*` stands for any characters. */
  action?: string;
  /** Principal's ARN, or the service that calls with its rights; `*` stands for any characters. */
  principal?: string;
  /** So many requests that match are let through first. */
  skip?: number;
  /** How often it strikes before it is used up; for ever when left out. */
  times?: number;
  /** Of striking, each time; 1 when left out. */
  probability?: number;
  seed?: number;
};

export type FaultEffect =
  | { kind: "error"; code: string; status?: number; message?: string }
  | { kind: "throttle" }
  /** The request is held this long, then the connection is dropped; nothing takes effect. */
  | { kind: "timeout"; seconds: number }
  /** The request takes effect, then the connection is dropped, after so many seconds when they are given. */
  | { kind: "lost-answer"; seconds?: number }
  /** Launches that match find no capacity; the parts left out match all. */
  | {
      kind: "capacity";
      instanceType?: string;
      subnetId?: string;
      zone?: string;
      purchase?: "spot" | "on-demand";
    }
  /** What is launched meanwhile is invisible to Describe calls this long. */
  | { kind: "late-visibility"; seconds: number };

export type Fault = FaultMatch & FaultEffect;

/** Never holds a secret. */
export type RequestLogEntry = {
  /** Unix seconds, with fractions. */
  time: number;
  /** ARN; `anonymous` when the key is unknown. */
  principal: string;
  /** The service that called with the principal's rights, such as cloudformation.amazonaws.com. */
  via?: string;
  service: string;
  action: string;
  resource: string;
  /** `none` when IAM was not asked: the key is unknown, or a fault came first. */
  decision: "allow" | "deny" | "explicit-deny" | "none";
  /** Of the statement that decided, where it has one. */
  sid?: string;
  /** HTTP status of the answer; 0 when the connection was dropped. */
  status: number;
  error?: string;
  fault?: string;
};

/** Something that somebody may want to do, with the keys that are not every request's. */
export type SimulatedCall = { action: string; resource: string; keys?: Record<string, string | string[]> };

/** What IAM decided, and by which statements. */
export type AuthorizationAnswer = {
  outcome: "allow" | "implicit-deny" | "explicit-deny";
  sid?: string;
  /** Statements that allow it, as `POLICY/SID`: if it is one alone, without it the call would be refused. */
  allowedBy: string[];
};

/** What IAM was asked, once for each principal, action and answer; a call may need several. */
export type AuthorizationEntry = AuthorizationAnswer & {
  /** ARN that policies see; a service's name when it calls by itself. */
  principal: string;
  via?: string;
  /** As in IAM's actions: `s3:ListBucket`. */
  action: string;
  /** Of the first time. */
  resource: string;
  times: number;
};

/** Everything that an account holds, by kind; each list sorted. */
export type Inventory = Record<string, string[]>;

/** Who ended an instance, and when. */
export type TerminationEntry = {
  time: number;
  instanceId: string;
  /** ARN of the caller of TerminateInstances, or `instance` when the machine ended by itself. */
  by: string;
};

export type Cloud = {
  endpoint: string;
  region: string;
  accountId: string;
  /** May do everything but what a bucket's policy explicitly denies. */
  administrator: Credentials;
  /** Subnets of the default VPC, for launches. */
  subnets(): Promise<{ subnetId: string; zone: string; vpcId: string }[]>;
  /** An IAM user with these managed policies and those made of these documents; one that is there keeps what it has. */
  createUser(name: string, policyArns: string[], documents?: Record<string, string>): Promise<Credentials>;
  /** Detaches its policies, which could not be deleted otherwise, removes those made for it, and it; its key is worth nothing from then on. */
  removeUser(name: string): Promise<void>;
  /** The machine ended by itself (power off inside, or its init died): EC2 shows it as shutting-down, then terminated. */
  poweredOff(instanceId: string): void;
  instances(): InstanceView[];
  /** Spot notice of an instance: metadata and, after `seconds`, its end are as on EC2. */
  interruptSpot(instanceId: string, seconds: number): void;
  /** EC2's early word that it may interrupt a spot instance: in its metadata, and nothing else happens. */
  recommendRebalance(instanceId: string): void;
  addFault(fault: Fault): string;
  removeFault(id: string): void;
  faults(): Fault[];
  requests(): RequestLogEntry[];
  authorizations(): AuthorizationEntry[];
  /** As IAM's policy simulator: what a user would be answered. */
  simulate(user: string, question: SimulatedCall): Promise<AuthorizationAnswer>;
  /** What is in the account now; instances that have ended are nothing. */
  inventory(): Promise<Inventory>;
  terminationLog(): TerminationEntry[];
  settings(change: Partial<CloudSettings>): void;
  /** Runs a function now, as its schedule would; resolves with what it returned. */
  invoke(functionName: string, event: unknown): Promise<{ payload: string; error?: string }>;
  /** In the order of the metadata addresses. */
  metadataPorts: number[];
  /** Ends moto, the servers and running functions; instances are left to the hypervisor. */
  stop(): Promise<void>;
};
