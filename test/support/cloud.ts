import { createHash } from "node:crypto";
import type { AnnexJob, Remembered } from "../../core/annex-view.ts";
import type { CapacityMemory } from "../../core/capacity-memory.ts";
import type { CreatePorts } from "../../core/create.ts";
import { isLive, type Instance, type Slot } from "../../core/instance.ts";
import { formatEntry, parseEntry, type Journal } from "../../core/journal.ts";
import type { FleetRequest } from "../../core/order.ts";
import type { HookSaid, StatusPorts } from "../../core/status.ts";
import { formatRecords, isOf, parseRecords, type Ledger } from "../../core/ledger.ts";
import type {
  Attachment,
  CloudFormation,
  Ec2,
  FleetOutcome,
  Image,
  LaunchedInstance,
  Stack,
  StackResource,
  Storage,
  StoredObject,
  TaggedResource,
} from "../../core/ports.ts";
import type { PriceBook, SpotPrice } from "../../core/prices.ts";

/** An instance of annex burst, pool pool.test, schedd cm.pool.test. */
export function instance(changes: Partial<Instance> = {}): Instance {
  return {
    id: "i-1",
    state: "running",
    type: "m7i.large",
    imageId: "ami-0123456789abcdef0",
    zone: "us-east-1a",
    privateIp: "172.31.0.1",
    launched: 0,
    spot: false,
    tags: {
      "htcondor:AnnexName": "burst",
      "htcondor:Pool": "pool.test",
      "htcondor:Schedd": "cm.pool.test",
    },
    ...changes,
  };
}

/** One that a stack has. */
export function resource(
  logicalId: string,
  type: string,
  id: string,
  status = "CREATE_COMPLETE",
  reason = "",
): StackResource {
  return { logicalId, type, id, status, reason };
}

export const HOOK_POLICY = resource(
  "HookPolicy",
  "AWS::IAM::ManagedPolicy",
  "arn:aws:iam::123456789012:policy/updraft/updraft-HookPolicy-1",
);

/** Prices of the tests: round, so that sums are easy by hand. */
export const BOOK: PriceBook = {
  region: "us-east-1",
  date: "2030-01-01",
  source: "test list",
  onDemand: {
    RunInstances: { "m7i.large": 0.1, "m6i.large": 0.08, "t3.micro": 0.01, "c5.4xlarge": 0.7 },
  },
  volumes: { gp3: 0.073, "gp3-iops": 0.00365, "gp3-throughput": 0.0365, io2: 0.146, "io2-iops": 0.073 },
  publicIpv4: 0.005,
};

/** Plain Linux with a root volume of 10 GiB, which costs 0.001 USD per hour by the book above. */
export const IMAGE: Image = {
  id: "ami-0123456789abcdef0",
  name: "htcondor",
  usageOperation: "RunInstances",
  platform: "Linux/UNIX",
  marketplace: false,
  volumes: [{ type: "gp3", gib: 10, iops: 3000, throughput: 125 }],
};

export const ACCOUNT = "123456789012";

/** A world for the flows of core/: a bucket, instances and stacks in memory, and a clock that sleeping moves. */
export class World {
  now = 1_900_000_000;
  readonly said: string[] = [];
  /** Everything that changed something, in order. */
  readonly deeds: string[] = [];
  readonly objects = new Map<string, { bytes: Uint8Array; modified: number }>();
  instances: Instance[] = [];
  slots: Slot[] = [];
  readonly stacks = new Map<string, Stack>();
  readonly requests: FleetRequest[] = [];
  /** What the next calls of CreateFleet answer; a launch when it is empty. */
  readonly fleetAnswers: (FleetOutcome | "launch" | "lost")[] = [];
  /** Instances join this long after their launch; undefined: never. */
  joinAfterSeconds: number | undefined = 10;
  account = ACCOUNT;
  credential: Uint8Array = new TextEncoder().encode("scrambled");
  configFiles: Record<string, string> = {};
  /** The journal's files by order id. */
  readonly journalFiles = new Map<string, string>();
  /** What EC2 refused, as the state directory keeps it. */
  refused: CapacityMemory = [];
  book: PriceBook = BOOK;
  spot: SpotPrice[] = [];
  image: Image = IMAGE;
  /** Lines of the ledger. */
  ledgerText = "";
  private orders = 0;

  constructor() {
    this.stacks.set("updraft", {
      status: "CREATE_COMPLETE",
      parameters: { MaxLeaseSeconds: "604800" },
      outputs: { Bucket: "updraft-bucket" },
    });
    this.stacks.set("updraft-burst", {
      status: "CREATE_COMPLETE",
      parameters: { Pool: "pool.test" },
      outputs: {
        RoleId: "AROA1",
        LaunchTemplate: "lt-1",
        LaunchTemplateVersion: "1",
        BurstableLaunchTemplate: "lt-2",
        BurstableLaunchTemplateVersion: "1",
      },
    });
  }

  text(key: string): string | undefined {
    const found = this.objects.get(key);
    return found && new TextDecoder().decode(found.bytes);
  }

  put(key: string, text: string, modified = this.now): void {
    this.objects.set(key, { bytes: new TextEncoder().encode(text), modified });
  }

  readonly storage: Storage = {
    get: async (key) => this.objects.get(key)?.bytes,
    has: async (key) => this.objects.has(key),
    put: async (key, bytes) => {
      this.deeds.push(`put ${key}`);
      this.objects.set(key, { bytes, modified: this.now });
    },
    putIfAbsent: async (key, bytes) => {
      if (this.objects.has(key)) return false;
      this.deeds.push(`claim ${key}`);
      this.objects.set(key, { bytes, modified: this.now });
      return true;
    },
    list: async (prefix) =>
      [...this.objects]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, object]): StoredObject => ({ key, modified: object.modified })),
    remove: async (keys) => {
      for (const key of keys) {
        this.deeds.push(`remove ${key}`);
        this.objects.delete(key);
      }
    },
  };

  launch(request: FleetRequest, count: number): string[] {
    const template = request.LaunchTemplateConfigs[0]?.Overrides[0];
    const ids = Array.from({ length: count }, (_, i) => `i-${this.instances.length + i + 1}`);
    this.instances.push(
      ...ids.map((id) =>
        instance({
          id,
          type: template?.InstanceType ?? "",
          launched: this.now,
          tags: Object.fromEntries(
            request.TagSpecifications[0]?.Tags.map((tag) => [tag.Key, tag.Value]) ?? [],
          ),
        }),
      ),
    );
    return ids;
  }

  private launched(ids: readonly string[]): LaunchedInstance[] {
    return this.instances.filter(({ id }) => ids.includes(id));
  }

  readonly ec2: Ec2 = {
    instances: async () => this.instances,
    liveInstances: async (annex) =>
      this.instances.filter(
        (one) => isLive(one) && (annex === undefined || one.tags["htcondor:AnnexName"] === annex),
      ),
    createFleet: async (request) => {
      this.deeds.push("order");
      this.requests.push(request);
      const answer = this.fleetAnswers.shift() ?? "launch";
      const count = request.TargetCapacitySpecification.TotalTargetCapacity;
      if (answer === "launch") {
        const instanceIds = this.launch(request, count);
        return { outcome: "answered", instanceIds, launched: this.launched(instanceIds), errors: [] };
      }
      if (answer === "lost") {
        this.launch(request, count);
        return { outcome: "unknown", reason: "the answer was lost" };
      }
      if (answer.outcome === "answered") this.launch(request, answer.instanceIds.length);
      return answer;
    },
    terminate: async (ids) => {
      this.deeds.push(`terminate ${ids.join(" ")}`);
      this.instances = this.instances.map((one) =>
        ids.includes(one.id) ? { ...one, state: "shutting-down", launched: this.now } : one,
      );
    },
    subnets: async (ids) =>
      ids.map((id, i) => ({ id, vpcId: "vpc-1", zone: `us-east-1${String.fromCharCode(97 + i)}` })),
    instanceTypes: async (types) =>
      types
        .filter((type) => !type.startsWith("none."))
        .map((type) => ({ type, burstable: type.startsWith("t"), cpus: 2, memory: 8192, gpus: 0 })),
    tag: async (ids, tags) => {
      this.deeds.push(`tag ${ids.join(" ")} ${JSON.stringify(tags)}`);
      this.instances = this.instances.map((one) =>
        ids.includes(one.id) ? { ...one, tags: { ...one.tags, ...tags } } : one,
      );
    },
    image: async (id) => (id === "ami-00000000" ? undefined : { ...this.image, id }),
  };

  /** What the next deletions of a stack fail with, resource by resource, before one succeeds. */
  readonly deletionFailures: StackResource[][] = [];
  /** What stacks have. */
  readonly stackResources = new Map<string, StackResource[]>([
    ["updraft", [resource("Bucket", "AWS::S3::Bucket", "updraft-bucket"), HOOK_POLICY]],
    ["updraft-burst", [resource("Role", "AWS::IAM::Role", "updraft-burst-Role-1")]],
  ]);
  readonly attached: Attachment[] = [];
  hasBucket = true;
  hasSpotRole = false;
  readonly keyPairs = ["admin"];
  /** By annex. */
  readonly tagged = new Map<string, TaggedResource[]>();

  /** What set-up and teardown ask beside the rest. */
  readonly surroundings = {
    iam: {
      spotRole: async () => this.hasSpotRole,
      createSpotRole: async () => {
        this.deeds.push("create the spot role");
        const made = !this.hasSpotRole;
        this.hasSpotRole = true;
        return made;
      },
      attachments: async (policy: string) => this.attached.filter((one) => one.policy === policy),
      detach: async (attachment: Attachment) => {
        this.deeds.push(`detach ${attachment.kind} ${attachment.name}`);
        this.attached.splice(this.attached.indexOf(attachment), 1);
      },
      clearRole: async (name: string) => {
        this.deeds.push(`clear role ${name}`);
        return ["arn:aws:iam::aws:policy/Foreign"];
      },
    },
    ground: {
      keyPair: async (name: string) => this.keyPairs.includes(name),
      tagged: async (annex: string | undefined) =>
        annex === undefined ? [...this.tagged.values()].flat() : (this.tagged.get(annex) ?? []),
    },
    bucket: () => ({
      exists: async () => this.hasBucket && this.stacks.has("updraft"),
      empty: async () => {
        const count = this.objects.size;
        this.deeds.push(`empty (${count})`);
        this.objects.clear();
        return count;
      },
    }),
    disableRule: async (name: string) => {
      this.deeds.push(`disable ${name}`);
      return true;
    },
  };

  readonly cloudFormation: CloudFormation = {
    stack: async (name) => this.stacks.get(name),
    settled: async (name) => this.stacks.get(name),
    resources: async (name) => this.stackResources.get(name) ?? [],
    deploy: async (name, template, parameters) => {
      this.deeds.push(`deploy ${name}`);
      const before = this.stacks.get(name);
      this.stacks.set(name, {
        status: before === undefined ? "CREATE_COMPLETE" : "UPDATE_COMPLETE",
        parameters: { ...before?.parameters, ...parameters },
        outputs: { ...before?.outputs, Bucket: "updraft-bucket", Template: template },
      });
      return true;
    },
    remove: async (name, retain) => {
      this.deeds.push([`delete stack ${name}`, ...retain.map((one) => `without ${one}`)].join(" "));
      const failed = this.deletionFailures.shift();
      if (failed !== undefined) return { gone: false, resources: failed };
      const had = this.stackResources.get(name) ?? [];
      this.stacks.delete(name);
      this.stackResources.delete(name);
      const end = (id: string): string => (retain.includes(id) ? "DELETE_SKIPPED" : "DELETE_COMPLETE");
      return { gone: true, resources: had.map((one) => ({ ...one, status: end(one.logicalId) })) };
    },
    names: async (prefix) => [...this.stacks.keys()].filter((name) => name.startsWith(prefix)),
  };

  readonly clock = {
    now: () => this.now,
    sleep: async (seconds: number) => {
      this.now += seconds;
      this.instances = this.instances.map((one) =>
        one.state === "shutting-down" && this.now - one.launched > 5 ? { ...one, state: "terminated" } : one,
      );
    },
  };

  readonly journal: Journal = {
    read: async () => {
      const read = [...this.journalFiles].map(([id, text]) => [id, parseEntry(text)] as const);
      return {
        entries: read.flatMap(([, entry]) => (typeof entry === "string" ? [] : [entry])),
        unreadable: read.flatMap(([id, entry]) => (typeof entry === "string" ? [`${id}: ${entry}`] : [])),
      };
    },
    write: async (entry) => {
      this.deeds.push(entry.answer === undefined ? "intend" : "answered");
      this.journalFiles.set(entry.orderId, formatEntry(entry));
    },
    remove: async (orderId) => {
      this.deeds.push("settled");
      this.journalFiles.delete(orderId);
    },
  };

  /** What the schedd, its history and the hook know of instances. */
  annexJobs: AnnexJob[] = [];
  history: string[] = [];
  remembered: Remembered = {};
  hookSaid: HookSaid | undefined;

  /** The ports of those that look: status, list, resize. */
  get looking(): StatusPorts & CreatePorts {
    return {
      ...this.ports,
      jobs: async () => this.annexJobs,
      worked: async (ids) => this.history.filter((id) => ids.includes(id)),
      remembered: async () => this.remembered,
      hookSaid: async () => this.hookSaid,
      rates: async () => ({ hourly: () => 0.1, worst: (one) => (one.spot ? undefined : 0.2) }),
    };
  }
  readonly ledger: Ledger = {
    read: async () => parseRecords(this.ledgerText),
    of: async (ids) => {
      const lines = this.ledgerText.split("\n").filter((line) => isOf(line, ids));
      return parseRecords(lines.join("\n")).records;
    },
    append: async (records) => void (this.ledgerText += formatRecords(records)),
  };

  readonly ports: CreatePorts = {
    ledger: this.ledger,
    prices: async () => this.book,
    spotPrices: async (types, zones) =>
      this.spot.filter(({ type, zone }) => types.includes(type) && zones.includes(zone)),
    journal: this.journal,
    refusals: {
      read: async () => this.refused,
      write: async (memory) => {
        this.refused = memory;
      },
    },
    clock: this.clock,
    ec2: this.ec2,
    cloudFormation: this.cloudFormation,
    storage: () => this.storage,
    slots: async () => [
      ...this.slots,
      ...this.instances
        .filter(
          (one) =>
            one.state === "running" &&
            this.joinAfterSeconds !== undefined &&
            this.now - one.launched >= this.joinAfterSeconds,
        )
        .map((one) => ({
          name: `slot1@${one.id}`,
          instanceId: one.id,
          state: "Unclaimed",
          activity: "Idle",
        })),
    ],
    account: async () => this.account,
    imageId: async (image) => image,
    credential: async () => this.credential,
    configFiles: async () => this.configFiles,
    archive: (files) => new TextEncoder().encode(JSON.stringify(files)),
    sha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
    orderId: () => String(++this.orders).padStart(16, "0"),
    report: (line) => this.said.push(line),
  };
}
