import type { FleetRequest } from "../order.ts";
import type { LaunchTemplate } from "../order.ts";
import type { Tags } from "../tags.ts";

/** What the check asks of the world beyond what ordering asks. Failures that were foreseen arrive as UpdraftError. */

export type BucketFacts = {
  /** All four blocks of public access are on. */
  readonly publicAccessBlocked: boolean;
  readonly encrypted: boolean;
  /** Sids of the statements of its policy that deny. */
  readonly denials: readonly string[];
};

/** The parts of the account's stack, as they are and not as the stack remembers them. */
export type AccountFacts = {
  identity(): Promise<{ readonly account: string; readonly arn: string }>;
  /** The template that a stack was made of. */
  template(stack: string): Promise<string>;
  bucket(name: string, account: string): Promise<BucketFacts>;
  /** Lambda's word for the function's state, such as Active; undefined when there is none. */
  functionState(name: string): Promise<string | undefined>;
  /** Undefined when there is no such rule. */
  rule(name: string): Promise<{ readonly enabled: boolean; readonly targets: readonly string[] } | undefined>;
  /** CloudWatch's word for the alarm's state; undefined when there is none. */
  alarm(name: string): Promise<{ readonly state: string; readonly actionsEnabled: boolean } | undefined>;
  subscriptions(
    topic: string,
  ): Promise<readonly { readonly endpoint: string; readonly confirmed: boolean }[]>;
  /** Value of a quota of EC2 by its code. */
  quota(code: string): Promise<number>;
};

export type SubnetFacts = {
  readonly id: string;
  readonly vpcId: string;
  readonly zone: string;
  readonly free: number;
};
export type TypeFacts = {
  readonly type: string;
  readonly cpus: number;
  readonly architectures: readonly string[];
};
export type ImageFacts = {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly architecture: string;
};
export type Route = {
  /** A CIDR, or the id of a prefix list. */
  readonly destination: string;
  /** Id of what the traffic goes to: igw-…, nat-…, vpce-…, or `local`. */
  readonly target: string;
  readonly active: boolean;
};
export type RouteTable = {
  readonly id: string;
  readonly main: boolean;
  readonly subnets: readonly string[];
  readonly routes: readonly Route[];
};
export type RunningInstance = { readonly type: string; readonly spot: boolean };

export type GroupFacts = {
  readonly vpcId: string;
  /** Who may come in, each as core/direct.ts writes a rule. */
  readonly inbound: readonly string[];
};

/** Where an annex's instances would run. */
export type PlaceFacts = {
  subnets(ids: readonly string[]): Promise<SubnetFacts[]>;
  /** Address ranges of a VPC. */
  ranges(vpcId: string): Promise<string[]>;
  /** Undefined when there is no such security group. */
  group(id: string): Promise<GroupFacts | undefined>;
  routeTables(vpcId: string): Promise<RouteTable[]>;
  types(names: readonly string[]): Promise<TypeFacts[]>;
  /** In which zones each of these types is offered. */
  zonesOf(types: readonly string[]): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
  /** Undefined when there is no such image that this account may see. */
  image(id: string): Promise<ImageFacts | undefined>;
  hasKeyPair(name: string): Promise<boolean>;
  /** Every instance of the account that counts against a quota, whosever it is. */
  running(): Promise<RunningInstance[]>;
};

export type TrialLaunch = {
  readonly template: LaunchTemplate;
  readonly imageId: string;
  readonly type: string;
  readonly subnet: string;
  readonly group: string;
  readonly tags: Tags;
};

/** EC2's answer to an order that it is told not to carry out, such as DryRunOperation; nothing is ever launched. */
export type Trials = {
  fleet(request: FleetRequest): Promise<TrialAnswer>;
  launch(request: TrialLaunch): Promise<TrialAnswer>;
};
export type TrialAnswer = { readonly code: string; readonly message: string };

/** What HTCondor says of this access point's schedd. */
export type ScheddFacts = {
  /** Its ad in the collector; undefined when the collector does not know it. */
  ad(name: string): Promise<ScheddAd | undefined>;
  /** A knob as the running schedd has it; undefined when it has none. */
  knob(name: string): Promise<string | undefined>;
};

export type ScheddAd = {
  readonly address: string;
  readonly started: number;
  readonly now: number;
  /** When the hook last ran to its end; undefined: never since the schedd started. */
  readonly hookUpdated: number | undefined;
  /** Of each annex, what its hook could not measure. */
  readonly errors: Readonly<Record<string, string>>;
};

/** Addresses of a host's name as this machine finds them; empty when there is none. */
export type Resolve = (host: string) => Promise<readonly string[]>;
