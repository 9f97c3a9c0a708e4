import { accessPointPieces, type AccessPointPorts } from "../../core/check/access-point.ts";
import { accountPieces, region } from "../../core/check/account.ts";
import { annexPieces, type AnnexPorts } from "../../core/check/annex.ts";
import { lookAt, type Finding } from "../../core/check/findings.ts";
import type {
  AccountFacts,
  BucketFacts,
  GroupFacts,
  ImageFacts,
  PlaceFacts,
  RouteTable,
  RunningInstance,
  ScheddAd,
  SubnetFacts,
  TrialAnswer,
  TypeFacts,
} from "../../core/check/ports.ts";
import type { CredentialReport } from "../../core/check/trial.ts";
import type { AnnexKnobs, Setting } from "../../core/knobs.ts";
import { DEFAULT_OPT_IN } from "../../core/opt-in.ts";
import { planPublication, writeAnnex } from "../../core/publish.ts";
import type { Site } from "../../core/site.ts";
import { TAG } from "../../core/tags.ts";
import { ACCOUNT, World } from "./cloud.ts";
import { SITE, annex } from "./knobs.ts";

export const PROGRAM = "ab".repeat(32);
const TEMPLATE = { Resources: "of this version" };
const annexTemplate = (sha256: string) => ({ Resources: `sha256='${sha256}'` });
const WOULD: TrialAnswer = { code: "DryRunOperation", message: "it would" };
const REFUSED: TrialAnswer = { code: "UnauthorizedOperation", message: "no identity-based policy allows it" };

/** An access point and an account in which everything is well; a test breaks one piece of it. */
export class CheckWorld extends World {
  knobs: AnnexKnobs = annex({ maxPrice: 0.2 });
  optIn = DEFAULT_OPT_IN;
  site: Site = SITE;
  /** Which reading fails, by its name, and how. */
  readonly failing = new Map<string, Error>();

  identity = { account: ACCOUNT, arn: `arn:aws:iam::${ACCOUNT}:user/admin` };
  readonly templates = new Map([
    ["updraft", JSON.stringify(TEMPLATE)],
    ["updraft-burst", JSON.stringify(annexTemplate(PROGRAM))],
  ]);
  bucket: BucketFacts = {
    publicAccessBlocked: true,
    encrypted: true,
    denials: ["TlsOnly", "CredentialsForNodesOnly", "ClaimOnce"],
  };
  functionState: string | undefined = "Active";
  rule: { enabled: boolean; targets: string[] } | undefined = {
    enabled: true,
    targets: ["arn:x:updraft-enforcer"],
  };
  alarm: { state: string; actionsEnabled: boolean } | undefined = { state: "OK", actionsEnabled: true };
  subscriptions = [{ endpoint: "admin@example.org", confirmed: true }];
  quotas: Record<string, number> = { "L-1216C47A": 64, "L-34B43A08": 64 };

  subnets: SubnetFacts[] = [
    { id: "subnet-0123456789abcdef0", vpcId: "vpc-1", zone: "us-east-1a", free: 4000 },
  ];
  group: GroupFacts | undefined = { vpcId: "vpc-1", inbound: [] };
  tables: RouteTable[] = [
    {
      id: "rtb-1",
      main: true,
      subnets: [],
      routes: [
        { destination: "172.31.0.0/16", target: "local", active: true },
        { destination: "0.0.0.0/0", target: "nat-1", active: true },
      ],
    },
  ];
  types: TypeFacts[] = ["m7i.large", "m6i.large"].map((type) => ({
    type,
    cpus: 2,
    architectures: ["x86_64"],
  }));
  zones = new Map<string, Set<string>>([
    ["m7i.large", new Set(["us-east-1a"])],
    ["m6i.large", new Set(["us-east-1a"])],
  ]);
  imageFacts: ImageFacts | undefined = {
    id: "ami-0123456789abcdef0",
    name: "htcondor",
    state: "available",
    architecture: "x86_64",
  };
  override keyPairs: string[] = [];
  running: RunningInstance[] = [];
  answers: Record<string, TrialAnswer> = { fleet: WOULD, launch: WOULD };
  localProgram: string | undefined = PROGRAM;
  hosts: Record<string, string[]> = { "cm.pool.test": ["172.31.255.10"] };

  ad: ScheddAd | undefined = {
    address: "<172.31.255.10:9618?sock=schedd_1>",
    started: this.now - 3600,
    now: this.now,
    hookUpdated: this.now - 30,
    errors: {},
  };
  collectorKnobs: Record<string, string> = {
    ALLOW_DAEMON: "condor@pool.test annex-*@pool.test",
    COLLECTOR_REQUIREMENTS: "strcat(AnnexName) == TARGET.AuthenticatedIdentity",
  };
  settings: Record<string, string> = {
    JOB_TRANSFORM_NAMES: "Other UpdraftSchedd UpdraftOptIn",
    JOB_TRANSFORM_Other: "SET Something 1",
    JOB_TRANSFORM_UpdraftSchedd: 'SET UpdraftSchedd "cm.pool.test"',
    JOB_TRANSFORM_UpdraftOptIn: `REQUIREMENTS JobUniverse != 7 SET Requirements (regexp("^annex-", TARGET.AuthenticatedIdentity) =!= true || (${DEFAULT_OPT_IN})) && ()`,
    SYSTEM_IMMUTABLE_JOB_ATTRS: "Owner UpdraftSchedd",
    SCHEDD_CRON_JOBLIST: "UPDRAFT",
    SCHEDD_CRON_UPDRAFT_EXECUTABLE: "/usr/libexec/updraft/updraft-schedd",
    SCHEDD_CRON_UPDRAFT_PREFIX: "Annex_",
    SCHEDD_CRON_UPDRAFT_PERIOD: "60s",
    SCHEDD_CRON_UPDRAFT_ENV: '"HOME=/var/lib/updraft"',
  };
  scheddKnobs: Record<string, string> = {
    JOB_TRANSFORM_NAMES: "Other UpdraftSchedd UpdraftOptIn",
    UPDRAFT_OPT_IN: DEFAULT_OPT_IN,
  };
  hookReport: CredentialReport = {
    arn: `arn:aws:iam::${ACCOUNT}:user/hook`,
    annexes: {
      burst: {
        trial: { fleet: WOULD, launch: WOULD, fleetWithoutLease: REFUSED, launchWithoutLease: REFUSED },
      },
    },
  };

  constructor() {
    super();
    this.stacks.set("updraft", {
      status: "CREATE_COMPLETE",
      parameters: { MaxLeaseSeconds: "604800" },
      outputs: { Bucket: "updraft-bucket", Enforcer: "arn:x:updraft-enforcer", Topic: "arn:x:updraft" },
    });
    const stack = this.stacks.get("updraft-burst");
    this.stacks.set("updraft-burst", {
      status: "UPDATE_COMPLETE",
      parameters: { Pool: "pool.test", PublicIp: "false", KeyName: "" },
      outputs: { ...stack?.outputs, SecurityGroup: "sg-1" },
    });
    this.put("sweeps/last", JSON.stringify({ sweptAt: this.now - 30 }));
    this.put(`bin/${PROGRAM}/updraft-bootstrap`, "program");
  }

  async publish(): Promise<void> {
    await writeAnnex(this.ports, await planPublication(this.ports, this.knobs, this.site));
    this.deeds.length = 0;
  }

  /** The reading, unless it is told to fail. */
  private async read<T>(name: string, value: T): Promise<T> {
    const error = this.failing.get(name);
    if (error !== undefined) throw error;
    return value;
  }

  readonly facts: AccountFacts = {
    identity: () => this.read("identity", this.identity),
    template: (stack) => this.read("template", this.templates.get(stack) ?? ""),
    bucket: () => this.read("bucket", this.bucket),
    functionState: () => this.read("functionState", this.functionState),
    rule: () => this.read("rule", this.rule),
    alarm: () => this.read("alarm", this.alarm),
    subscriptions: () => this.read("subscriptions", this.subscriptions),
    quota: (code) => this.read("quota", this.quotas[code] ?? 0),
  };

  readonly places: PlaceFacts = {
    subnets: (ids) =>
      this.read(
        "subnets",
        this.subnets.filter(({ id }) => ids.includes(id)),
      ),
    ranges: () => this.read("ranges", ["172.31.0.0/16"]),
    group: () => this.read("group", this.group),
    routeTables: () => this.read("routeTables", this.tables),
    types: (names) =>
      this.read(
        "types",
        this.types.filter(({ type }) => names.includes(type)),
      ),
    zonesOf: () => this.read("zonesOf", this.zones),
    image: () => this.read("image", this.imageFacts),
    hasKeyPair: (name) => this.read("hasKeyPair", this.keyPairs.includes(name)),
    running: () => this.read("running", this.running),
  };

  readonly annexPorts: AnnexPorts = {
    ...this.ports,
    facts: this.facts,
    places: this.places,
    trials: {
      fleet: async (request) =>
        this.answer(
          "fleet",
          request.TagSpecifications[0]?.Tags.some((tag) => tag.Key === TAG.lease) === true,
        ),
      launch: async ({ tags }) => this.answer("launch", tags[TAG.lease] !== undefined),
    },
    program: "/usr/bin/updraft",
    resolve: async (host) => this.hosts[host] ?? [],
    now: () => this.now,
    localProgram: async () => this.localProgram,
    template: async ({ programSha256 }) => annexTemplate(programSha256),
    scheddAd: () => this.read("scheddAd", this.ad),
  };

  private answer(call: string, leased: boolean): TrialAnswer {
    return leased ? (this.answers[call] ?? WOULD) : REFUSED;
  }

  readonly accessPoint: AccessPointPorts = {
    schedd: { ad: async () => this.ad, knob: async (name) => this.scheddKnobs[name] },
    settings: () =>
      this.read(
        "settings",
        Object.entries(this.settings).map(([name, value]): Setting => ({ name, value, source: "a file" })),
      ),
    scheddAd: this.annexPorts.scheddAd,
    collectorKnob: async (name) => this.collectorKnobs[name],
    hookCredentials: () => this.read("hookCredentials", this.hookReport),
  };

  /** Everything that the command looks at but the knobs. */
  async check(): Promise<Finding[]> {
    const ports = {
      facts: this.facts,
      stack: this.cloudFormation.stack,
      storage: () => this.storage,
      now: () => this.now,
    };
    const here = region("us-east-1", ports);
    return lookAt(
      [
        ...accessPointPieces(this.accessPoint, [this.knobs], this.site, this.optIn),
        ...accountPieces(here, ports, TEMPLATE),
        ...annexPieces(here, this.annexPorts, this.knobs, this.site),
      ],
      (reading) => reading,
    );
  }
}
