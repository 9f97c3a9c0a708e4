import assert from "node:assert/strict";
import { describe as group, test } from "node:test";
import { knobPiece } from "../../../core/check/access-point.ts";
import type { Finding } from "../../../core/check/findings.ts";
import { UpdraftError } from "../../../core/errors.ts";
import { CheckWorld, PROGRAM } from "../../support/check.ts";
import { annex } from "../../support/knobs.ts";
import { token } from "../../support/token.ts";

const KNOBS = {
  pool: undefined,
  stop: false,
  optIn: "MY.MayUseAWS =?= true",
  stateDirectory: "/var/lib/updraft",
  credentialDirectory: "/etc/updraft/credentials",
  annexes: [],
};

test("knobs are told one by one: those that are wrong, or the annexes that they describe", async () => {
  const source = "50.config, line 1";
  const bad = [
    { name: "UPDRAFT_burst_LEASE", value: "soon", source, expected: "a duration such as 8h" },
    { name: "UPDRAFT_burst_REGION", value: undefined, source: undefined, expected: "something" },
    { name: "UPDRAFT_x", value: "1", source: undefined, expected: "no knob" },
  ];
  assert.deepEqual(
    (await knobPiece(bad, KNOBS).look()).map((one) => [one.level, one.what]),
    [
      ["wrong", "UPDRAFT_burst_LEASE = soon (50.config, line 1): expected a duration such as 8h"],
      ["wrong", "UPDRAFT_burst_REGION is not set: expected something"],
      ["wrong", "UPDRAFT_x = 1 (unknown place): expected no knob"],
    ],
  );
  assert.equal((await knobPiece([], { ...KNOBS, annexes: [annex()] }).look())[0]?.what, "annex burst");
  assert.equal(
    (await knobPiece([], { ...KNOBS, annexes: [annex(), annex({ name: "gpu" })] }).look())[0]?.what,
    "annexes burst, gpu",
  );
  const [stopped] = await knobPiece([], { ...KNOBS, stop: true }).look();
  assert.deepEqual([stopped?.level, stopped?.what], ["warning", "UPDRAFT_STOP is set: nothing is ordered"]);
});

/** The annex has a token that is good for so long. */
function withToken(world: CheckWorld, seconds: number): void {
  world.knobs = { ...world.knobs, credential: "idtoken" };
  world.credential = new TextEncoder().encode(token({ exp: world.now + seconds }));
}

test("an annex with a token says who its nodes are, and that the collector confines them", async () => {
  const world = new CheckWorld();
  withToken(world, 30 * 86400);
  await world.publish();
  const findings = await world.check();
  assert.deepEqual(notOk(findings), []);
  const told = (piece: string) => findings.find((one) => one.piece === piece)?.what ?? "";
  assert.match(told("credential"), /^annex-burst@pool.test, until .* \(for 30d more\)$/);
  assert.match(told("central manager"), /holds the annexes' tokens/);
});

test("an opt-in of the administrator's own, or _JOBS that ask for the usual one, need no word", async () => {
  for (const change of [
    (world: CheckWorld) => {
      world.optIn = "MY.WantCloud =?= true";
      world.scheddKnobs["UPDRAFT_OPT_IN"] = world.optIn;
      world.settings["JOB_TRANSFORM_UpdraftOptIn"] =
        `SET Requirements (regexp("^annex-", TARGET.AuthenticatedIdentity) =!= true || (${world.optIn})) && ()`;
      world.knobs = { ...world.knobs, jobs: "WantCloud =?= true" };
    },
    (world: CheckWorld) =>
      (world.knobs = { ...world.knobs, jobs: "MayUseAWS =?= true && RequestMemory < 9" }),
  ]) {
    const world = new CheckWorld();
    withToken(world, 30 * 86400);
    change(world);
    await world.publish();
    const findings = await world.check();
    assert.deepEqual(notOk(findings), []);
    const told = findings.find((one) => one.piece === "opt-in")?.what ?? "";
    assert.ok(told.endsWith(`of which is true: ${world.optIn}`), told);
  }
});

const notOk = (findings: readonly Finding[]) => findings.filter((one) => one.level !== "ok");

test("where everything is well, nothing is said to be wrong, and every piece is named", async () => {
  const world = new CheckWorld();
  await world.publish();
  const findings = await world.check();
  assert.deepEqual(notOk(findings), []);
  assert.deepEqual(
    [...new Set(findings.map(({ of, piece }) => `${of}: ${piece}`))],
    [
      "access point: schedd",
      "access point: job transform",
      "access point: hook",
      "access point: hook's credentials",
      "us-east-1: credentials",
      "us-east-1: stack",
      "us-east-1: bucket",
      "us-east-1: enforcer",
      "us-east-1: schedule",
      "us-east-1: sweep",
      "us-east-1: alarm",
      "us-east-1: topic",
      "burst: stack",
      "burst: program",
      "burst: published",
      "burst: credential",
      "burst: image",
      "burst: types",
      "burst: subnets",
      "burst: security group",
      "burst: route out",
      "burst: quotas",
      "burst: prices",
      "burst: collectors",
      "burst: schedd's address",
      "burst: orders",
      "burst: for ordinary users",
    ],
  );
});

type Case = {
  readonly title: string;
  readonly breaks: (world: CheckWorld) => void;
  /** Done once the annex is published. */
  readonly later?: (world: CheckWorld) => void;
  readonly finding: readonly [piece: string, level: "warning" | "wrong", what: RegExp, next: RegExp];
};

const denied = new UpdraftError("denied", "AccessDenied: you may not", "Get the policy.");

const CASES: readonly Case[] = [
  {
    title: "the root user's credentials are in use",
    breaks: (world) => (world.identity = { account: "1", arn: "arn:aws:iam::1:root" }),
    finding: ["us-east-1: credentials", "warning", /root user/, /IAM user or role/],
  },
  {
    title: "there are no credentials",
    breaks: (world) => world.failing.set("identity", denied),
    finding: ["us-east-1: credentials", "wrong", /AccessDenied/, /Get the policy/],
  },
  {
    title: "the account is not set up",
    breaks: () => undefined,
    later: (world) => void world.stacks.delete("updraft"),
    finding: ["us-east-1: stack", "wrong", /no stack updraft/, /updraft setup --region us-east-1/],
  },
  {
    title: "the account's stack is of another version",
    breaks: (world) => world.templates.set("updraft", '{"Resources": "older"}'),
    finding: ["us-east-1: stack", "warning", /another version/, /updraft setup --region us-east-1/],
  },
  {
    title: "the account's stack was made of something else",
    breaks: (world) => world.templates.set("updraft", "Resources: {}"),
    finding: ["us-east-1: stack", "wrong", /no JSON/, /updraft setup/],
  },
  {
    title: "the bucket is open to the public",
    breaks: (world) => (world.bucket = { ...world.bucket, publicAccessBlocked: false }),
    finding: ["us-east-1: bucket", "wrong", /public access is not blocked/, /undo that/],
  },
  {
    title: "the bucket is not encrypted",
    breaks: (world) => (world.bucket = { ...world.bucket, encrypted: false }),
    finding: ["us-east-1: bucket", "wrong", /not encrypted/, /undo that/],
  },
  {
    title: "the bucket's policy has lost a statement",
    breaks: (world) => (world.bucket = { ...world.bucket, denials: ["TlsOnly", "ClaimOnce"] }),
    finding: ["us-east-1: bucket", "wrong", /lacks CredentialsForNodesOnly/, /undo that/],
  },
  {
    title: "the enforcer is deleted",
    breaks: (world) => (world.functionState = undefined),
    finding: ["us-east-1: enforcer", "wrong", /no function updraft-enforcer/, /teardown --region us-east-1/],
  },
  {
    title: "the enforcer failed to be made",
    breaks: (world) => (world.functionState = "Failed"),
    finding: ["us-east-1: enforcer", "wrong", /is Failed/, /Lambda's console/],
  },
  {
    title: "the schedule is deleted",
    breaks: (world) => (world.rule = undefined),
    finding: ["us-east-1: schedule", "wrong", /no rule updraft-enforcer/, /teardown/],
  },
  {
    title: "the schedule is off",
    breaks: (world) => (world.rule = { enabled: false, targets: [] }),
    finding: [
      "us-east-1: schedule",
      "wrong",
      /switched off/,
      /aws events enable-rule --name updraft-enforcer/,
    ],
  },
  {
    title: "the schedule runs something else",
    breaks: (world) => (world.rule = { enabled: true, targets: ["arn:x:other"] }),
    finding: ["us-east-1: schedule", "wrong", /does not run the enforcer/, /teardown/],
  },
  {
    title: "the enforcer has never swept",
    breaks: (world) => world.objects.delete("sweeps/last"),
    finding: ["us-east-1: sweep", "wrong", /not completed any sweep/, /updraft sweep --dry-run/],
  },
  {
    title: "the last sweep is too old",
    breaks: (world) => world.put("sweeps/last", JSON.stringify({ sweptAt: world.now - 600 })),
    finding: ["us-east-1: sweep", "wrong", /was 10m ago/, /updraft sweep --dry-run/],
  },
  {
    title: "the alarm is deleted",
    breaks: (world) => (world.alarm = undefined),
    finding: ["us-east-1: alarm", "wrong", /no alarm updraft-no-complete-sweep/, /teardown/],
  },
  {
    title: "the alarm tells nobody",
    breaks: (world) => (world.alarm = { state: "OK", actionsEnabled: false }),
    finding: ["us-east-1: alarm", "wrong", /switched off/, /enable-alarm-actions/],
  },
  {
    title: "the alarm is on",
    breaks: (world) => (world.alarm = { state: "ALARM", actionsEnabled: true }),
    finding: ["us-east-1: alarm", "warning", /is in ALARM/, /the sweep/],
  },
  {
    title: "nobody is subscribed",
    breaks: (world) => (world.subscriptions = []),
    finding: ["us-east-1: topic", "warning", /nobody is told/, /--email/],
  },
  {
    title: "a subscription is not confirmed",
    breaks: (world) => (world.subscriptions = [{ endpoint: "admin@example.org", confirmed: false }]),
    finding: ["us-east-1: topic", "warning", /has not confirmed/, /link in the mail/],
  },
  {
    title: "the annex is not set up",
    breaks: () => undefined,
    later: (world) => void world.stacks.delete("updraft-burst"),
    finding: ["burst: stack", "wrong", /no stack updraft-burst/, /updraft setup --annex burst/],
  },
  {
    title: "the annex's stack is of another version",
    breaks: (world) => world.templates.set("updraft-burst", `{"Resources": "older sha256='${PROGRAM}'"}`),
    finding: ["burst: stack", "warning", /another version/, /updraft setup --annex burst/],
  },
  {
    title: "the annex's user data name no program",
    breaks: (world) => world.templates.set("updraft-burst", "{}"),
    finding: ["burst: stack", "wrong", /name no program/, /updraft setup --annex/],
  },
  {
    title: "a knob of the annex's stack is not in effect",
    breaks: (world) => (world.knobs = { ...world.knobs, keyName: "admin" }),
    finding: ["burst: stack", "wrong", /_KEY_NAME is not in effect/, /updraft setup --annex burst/],
  },
  {
    title: "the node's program is not in the bucket",
    breaks: (world) => world.objects.delete(`bin/${PROGRAM}/updraft-bootstrap`),
    finding: ["burst: program", "wrong", /abababababab is not in the bucket/, /updraft setup --annex burst/],
  },
  {
    title: "this machine has another program for nodes",
    breaks: (world) => (world.localProgram = "cd".repeat(32)),
    finding: ["burst: program", "warning", /this machine has cdcdcdcdcdcd/, /updraft setup --annex burst/],
  },
  {
    title: "the annex is not published",
    breaks: () => undefined,
    later: (world) => void world.objects.delete("annexes/burst/annex.ini"),
    finding: ["burst: published", "wrong", /is not published/, /updraft publish burst/],
  },
  {
    title: "the knobs have changed since they were published",
    breaks: () => undefined,
    later: (world) => (world.knobs = { ...world.knobs, owners: ["alice@pool.test"] }),
    finding: ["burst: published", "wrong", /the knobs have changed since/, /updraft publish burst/],
  },
  {
    title: "the pool's password has changed since it was published",
    breaks: () => undefined,
    later: (world) => (world.credential = new TextEncoder().encode("another")),
    finding: [
      "burst: published",
      "wrong",
      /another credential than the pool has now/,
      /updraft publish burst/,
    ],
  },
  {
    title: "the password cannot be read",
    breaks: () => undefined,
    later: (world) =>
      ((world.annexPorts as { credential: unknown }).credential = async () => Promise.reject(denied)),
    finding: ["burst: credential", "warning", /not compared/, /as root/],
  },
  {
    title: "what should be a token is none",
    breaks: () => undefined,
    later: (world) => (world.knobs = { ...world.knobs, credential: "idtoken" }),
    finding: ["burst: credential", "wrong", /it is no JSON web token/, /updraft credential rotate burst/],
  },
  {
    title: "the token ends before a lease would",
    breaks: (world) => withToken(world, 8 * 3600),
    finding: ["burst: credential", "wrong", /_LEASE is 8h: nothing is ordered/, /credential rotate burst/],
  },
  {
    title: "the token ends soon",
    breaks: (world) => withToken(world, 86400),
    finding: [
      "burst: credential",
      "warning",
      /annex-burst@pool.test, until .* \(for 1d more\)/,
      /rotate burst/,
    ],
  },
  {
    title: "the image is unknown",
    breaks: (world) => (world.imageFacts = undefined),
    finding: ["burst: image", "wrong", /no image ami-0123456789abcdef0 in us-east-1/, /_IMAGE_ID/],
  },
  {
    title: "the image is still being made",
    breaks: (world) =>
      (world.imageFacts = { id: "ami-1", name: "", state: "pending", architecture: "x86_64" }),
    finding: ["burst: image", "wrong", /without a name.* is pending/, /_IMAGE_ID/],
  },
  {
    title: "the image is for another processor",
    breaks: (world) =>
      (world.imageFacts = { id: "ami-1", name: "a", state: "available", architecture: "arm64" }),
    finding: ["burst: image", "wrong", /for arm64, which m7i.large, m6i.large cannot run/, /_INSTANCE_TYPES/],
  },
  {
    title: "there is no such instance type",
    breaks: (world) => world.types.pop(),
    finding: ["burst: types", "wrong", /no instance type m6i.large in us-east-1/, /_INSTANCE_TYPES/],
  },
  {
    title: "a type is offered in no zone of the annex",
    breaks: (world) => world.zones.set("m6i.large", new Set(["us-east-1f"])),
    finding: ["burst: types", "wrong", /m6i.large is not offered in us-east-1a/, /_INSTANCE_TYPES.*_SUBNETS/],
  },
  {
    title: "a type is not offered in one of the zones",
    breaks: (world) => {
      world.knobs = { ...world.knobs, subnets: [...world.knobs.subnets, "subnet-2"] };
      world.subnets.push({ id: "subnet-2", vpcId: "vpc-1", zone: "us-east-1b", free: 100 });
      world.zones.get("m7i.large")?.add("us-east-1b");
    },
    finding: [
      "burst: types",
      "warning",
      /m6i.large is not offered in us-east-1b/,
      /so that the zone can be used/,
    ],
  },
  {
    title: "a subnet is unknown",
    breaks: (world) => (world.subnets = []),
    finding: ["burst: subnets", "wrong", /no subnet subnet-0123456789abcdef0/, /_SUBNETS/],
  },
  {
    title: "no address is free",
    breaks: (world) => (world.subnets = world.subnets.map((one) => ({ ...one, free: 0 }))),
    finding: ["burst: subnets", "wrong", /no address is free/, /larger subnets/],
  },
  {
    title: "fewer addresses are free than instances may live",
    breaks: (world) => (world.subnets = world.subnets.map((one) => ({ ...one, free: 3 }))),
    finding: [
      "burst: subnets",
      "warning",
      /3 addresses are free, and _MAX_INSTANCES is 20/,
      /larger subnets/,
    ],
  },
  {
    title: "the security group is of another VPC",
    breaks: (world) => (world.group = { vpcId: "vpc-2", inbound: [] }),
    finding: [
      "burst: security group",
      "wrong",
      /sg-1 is in vpc-2, and the subnets are in vpc-1/,
      /setup --annex burst/,
    ],
  },
  {
    title: "the security group lets in somebody whom no knob names",
    breaks: (world) =>
      (world.group = { vpcId: "vpc-1", inbound: ["tcp 22 from 0.0.0.0/0", "everything from sg-2"] }),
    finding: [
      "burst: security group",
      "warning",
      /sg-1 lets in tcp 22 from 0\.0\.0\.0\/0, everything from sg-2, which UPDRAFT_burst_DIRECT_FROM does not name/,
      /setup --annex burst.*take the rule out/,
    ],
  },
  {
    title: "the security group does not let in those whom the knob names",
    breaks: (world) => {
      world.knobs = { ...world.knobs, publicIp: true, directFrom: ["203.0.113.0/24"] };
      const stack = world.stacks.get("updraft-burst");
      if (stack === undefined) return;
      const outputs = { ...stack.outputs, DirectFrom: "203.0.113.0/24" };
      world.stacks.set("updraft-burst", { ...stack, outputs });
    },
    finding: [
      "burst: security group",
      "wrong",
      /sg-1 does not let in tcp 9618 from 203\.0\.113\.0\/24, as UPDRAFT_burst_DIRECT_FROM wants/,
      /setup --annex burst/,
    ],
  },
  {
    title: "the security group is deleted",
    breaks: (world) => (world.group = undefined),
    finding: ["burst: security group", "wrong", /no security group sg-1/, /teardown --annex burst/],
  },
  {
    title: "there is no route out",
    breaks: (world) =>
      (world.tables = world.tables.map((one) => ({ ...one, routes: one.routes.slice(0, 1) }))),
    finding: ["burst: route out", "wrong", /no route out/, /rtb-1 a route 0\.0\.0\.0\/0 to a NAT gateway/],
  },
  {
    title: "there is no route table",
    breaks: (world) => (world.tables = []),
    finding: ["burst: route out", "wrong", /no route table/, /VPC vpc-1/],
  },
  {
    title: "the quota is too small for all that may live",
    breaks: (world) => (world.quotas = { "L-1216C47A": 20 }),
    finding: [
      "burst: quotas",
      "wrong",
      /20 vCPUs, of which 0 run; 20 instances of 2 vCPUs need 40/,
      /--desired-value 40/,
    ],
  },
  {
    title: "the quota is too small for one",
    breaks: (world) => (world.quotas = {}),
    finding: ["burst: quotas", "wrong", /not one of them can run/, /--quota-code L-1216C47A/],
  },
  {
    title: "all of the quota is in use",
    breaks: (world) =>
      (world.running = Array.from({ length: 32 }, () => ({ type: "m7i.large", spot: false }))),
    finding: ["burst: quotas", "warning", /of which 64 run.*nothing is left now/, /Wait/],
  },
  {
    title: "the type's quota is not known",
    breaks: (world) => {
      world.knobs = { ...world.knobs, instanceTypes: ["q9.large"] };
      world.types = [{ type: "q9.large", cpus: 2, architectures: ["x86_64"] }];
      world.zones.set("q9.large", new Set(["us-east-1a"]));
    },
    finding: ["burst: quotas", "warning", /q9\.large \(on-demand\)/, /Service Quotas/],
  },
  {
    title: "the key pair does not exist",
    breaks: (world) => (world.knobs = { ...world.knobs, keyName: "admin" }),
    finding: ["burst: key pair", "wrong", /no key pair admin/, /_KEY_NAME/],
  },
  {
    title: "no price is known",
    breaks: (world) => {
      world.knobs = { ...world.knobs, maxPrice: undefined };
      world.book = { ...world.book, onDemand: {} };
    },
    finding: ["burst: prices", "wrong", /price of .* is not known/, /_MAX_PRICE/],
  },
  {
    title: "the collector's name does not resolve",
    breaks: (world) => (world.hosts = {}),
    finding: ["burst: collectors", "wrong", /cm\.pool\.test does not resolve here/, /name service/],
  },
  {
    title: "the collector's name is this machine's own address",
    breaks: (world) => (world.hosts = { "cm.pool.test": ["127.0.1.1"] }),
    finding: ["burst: collectors", "wrong", /no node could reach/, /NETWORK_INTERFACE/],
  },
  {
    title: "the collector has a private address elsewhere",
    breaks: (world) => (world.hosts = { "cm.pool.test": ["10.1.2.3"] }),
    finding: ["burst: collectors", "warning", /private address outside the annex's VPC/, /--probe/],
  },
  {
    title: "a collector's address cannot be read",
    breaks: (world) => (world.site = { ...world.site, collectors: "cm.pool.test, a:b:c" }),
    finding: ["burst: collectors", "wrong", /"a:b:c" is no address/, /COLLECTOR_HOST/],
  },
  {
    title: "the schedd is behind CCB",
    breaks: (world) =>
      world.ad && (world.ad = { ...world.ad, address: "<10.0.0.1:0?CCBID=172.31.255.10:9618%3fx>" }),
    finding: ["burst: schedd's address", "wrong", /can only call back \(CCB\)/, /CCB_ADDRESS/],
  },
  {
    title: "the schedd is not in the collector",
    breaks: (world) => (world.ad = undefined),
    finding: [
      "access point: schedd",
      "wrong",
      /does not know schedd cm\.pool\.test/,
      /condor_status -schedd/,
    ],
  },
  {
    title: "the schedd advertises no address",
    breaks: (world) => (world.ad = undefined),
    finding: ["burst: schedd's address", "wrong", /knows no address/, /condor_status -schedd/],
  },
  {
    title: "these credentials may not order",
    breaks: (world) =>
      (world.answers = { fleet: { code: "UnauthorizedOperation", message: "no policy allows it" } }),
    finding: [
      "burst: orders",
      "wrong",
      /CreateFleet: UnauthorizedOperation: no policy/,
      /operator and hook policies/,
    ],
  },
  {
    title: "EC2 objects to the order",
    breaks: (world) =>
      (world.answers = { launch: { code: "InvalidParameterValue", message: "what is this" } }),
    finding: ["burst: orders", "wrong", /RunInstances: InvalidParameterValue/, /Correct what EC2 objects to/],
  },
  {
    title: "the policy for users is for another image than the knobs name",
    breaks: (world) => {
      const stack = world.stacks.get("updraft-burst");
      const parameters = { ...stack?.parameters, ImageId: "ami-1", InstanceTypes: "m7i.large,m6i.large" };
      const outputs = { ...stack?.outputs, UserPolicy: "arn:aws:iam::1:policy/users" };
      world.stacks.set("updraft-burst", { status: "CREATE_COMPLETE", parameters, outputs });
    },
    finding: [
      "burst: for ordinary users",
      "warning",
      /for ami-1, m7i.large, m6i.large, and/,
      /setup --annex burst/,
    ],
  },
  {
    title: "no transform stamps jobs",
    breaks: (world) => (world.settings = {}),
    finding: [
      "access point: job transform",
      "wrong",
      /no job transform sets UpdraftSchedd/,
      /condor_reconfig/,
    ],
  },
  {
    title: "jobs are stamped with another schedd's name",
    breaks: (world) => (world.settings["JOB_TRANSFORM_UpdraftSchedd"] = 'SET UpdraftSchedd "other"'),
    finding: [
      "access point: job transform",
      "wrong",
      /to "other", and this schedd is cm\.pool\.test/,
      /condor_reconfig/,
    ],
  },
  {
    title: "the running schedd has not read the transform",
    breaks: (world) => (world.scheddKnobs = {}),
    finding: [
      "access point: job transform",
      "wrong",
      /has not read job transform UpdraftSchedd/,
      /condor_reconfig/,
    ],
  },
  {
    title: "users may change the stamp",
    breaks: (world) => (world.settings["SYSTEM_IMMUTABLE_JOB_ATTRS"] = "Owner"),
    finding: ["access point: job transform", "warning", /users may change it/, /access-point\.config/],
  },
  {
    title: "no transform keeps jobs off a stolen token's slots",
    breaks: (world) => {
      withToken(world, 30 * 86400);
      world.settings["JOB_TRANSFORM_NAMES"] = "Other UpdraftSchedd";
    },
    finding: ["access point: opt-in", "warning", /no job transform keeps .* stolen/, /access-point\.config/],
  },
  {
    title: "the transform has lost its opt-in",
    breaks: (world) => {
      withToken(world, 30 * 86400);
      world.settings["JOB_TRANSFORM_UpdraftOptIn"] =
        'SET Requirements (regexp("^annex-", TARGET.AuthenticatedIdentity) =!= true || ()) && ()';
    },
    finding: [
      "access point: opt-in",
      "warning",
      /UpdraftOptIn does not ask for \(MY\.MayUseAWS =\?= true\)/,
      /condor_reconfig/,
    ],
  },
  {
    title: "the running schedd has not read the opt-in's transform",
    breaks: (world) => {
      withToken(world, 30 * 86400);
      world.scheddKnobs["JOB_TRANSFORM_NAMES"] = "Other UpdraftSchedd";
    },
    finding: ["access point: opt-in", "warning", /not read job transform UpdraftOptIn/, /condor_reconfig/],
  },
  {
    title: "the running schedd has another opt-in",
    breaks: (world) => {
      withToken(world, 30 * 86400);
      delete world.scheddKnobs["UPDRAFT_OPT_IN"];
    },
    finding: [
      "access point: opt-in",
      "warning",
      /has UPDRAFT_OPT_IN = , and the configuration has MY/,
      /condor_reconfig/,
    ],
  },
  {
    title: "an annex is for jobs that would refuse its nodes",
    breaks: (world) => {
      withToken(world, 30 * 86400);
      world.knobs = { ...world.knobs, jobs: "WantCloud =?= true" };
    },
    finding: [
      "access point: opt-in",
      "warning",
      /UPDRAFT_burst_JOBS is WantCloud =\?= true, and jobs of which MY\.MayUseAWS =\?= true is not true refuse/,
      /Set UPDRAFT_OPT_IN = \(MY\.MayUseAWS =\?= true\) \|\| \(MY\.WantCloud =\?= true\), then/,
    ],
  },
  {
    title: "the hook is to act and is not installed",
    breaks: (world) => {
      world.knobs = { ...world.knobs, mode: "act" };
      world.settings["SCHEDD_CRON_JOBLIST"] = "";
    },
    finding: ["access point: hook", "wrong", /UPDRAFT_burst_MODE is act/, /condor_restart -schedd/],
  },
  {
    title: "the hook's attributes have another prefix",
    breaks: (world) => (world.settings["SCHEDD_CRON_UPDRAFT_PREFIX"] = ""),
    finding: ["access point: hook", "wrong", /_PREFIX is "", not "Annex_"/, /schedd-cron\.config/],
  },
  {
    title: "the schedd has not picked up the cron job",
    breaks: (world) => world.ad && (world.ad = { ...world.ad, hookUpdated: undefined }),
    finding: ["access point: hook", "wrong", /has not picked up cron job UPDRAFT/, /condor_restart -schedd/],
  },
  {
    title: "the schedd has only just started",
    breaks: (world) =>
      world.ad && (world.ad = { ...world.ad, hookUpdated: undefined, started: world.now - 10 }),
    finding: ["access point: hook", "warning", /started 10s ago/, /5m45s/],
  },
  {
    title: "the hook has stopped running",
    breaks: (world) => world.ad && (world.ad = { ...world.ad, hookUpdated: world.now - 3600 }),
    finding: ["access point: hook", "wrong", /last ran 1h ago/, /condor_restart -schedd/],
  },
  {
    title: "nobody knows whether the hook runs",
    breaks: (world) => (world.ad = undefined),
    finding: ["access point: hook", "wrong", /nobody knows whether the hook runs/, /condor_restart/],
  },
  {
    title: "the hook could not measure an annex",
    breaks: (world) => world.ad && (world.ad = { ...world.ad, errors: { burst: "EC2 does not answer" } }),
    finding: ["access point: hook", "warning", /annex burst: EC2 does not answer/, /Annex_burst_Reason/],
  },
  {
    title: "the hook has no credentials",
    breaks: (world) => world.failing.set("hookCredentials", denied),
    finding: ["access point: hook's credentials", "wrong", /AccessDenied/, /Get the policy/],
  },
  {
    title: "the hook's credentials may not see the annex",
    breaks: (world) =>
      (world.hookReport = {
        ...world.hookReport,
        annexes: { burst: { refused: { kind: "denied", message: "could not look", remedy: "x" } } },
      }),
    finding: ["access point: hook's credentials", "wrong", /could not look/, /hookPolicy, and no other/],
  },
  {
    title: "the hook finds the annex's set-up wanting",
    breaks: (world) =>
      (world.hookReport = {
        ...world.hookReport,
        annexes: { burst: { refused: { kind: "config", message: "no stack", remedy: "Set it up." } } },
      }),
    finding: ["access point: hook's credentials", "wrong", /no stack/, /Set it up/],
  },
  {
    title: "the hook knows other annexes",
    breaks: (world) => (world.hookReport = { ...world.hookReport, annexes: {} }),
    finding: ["access point: hook's credentials", "wrong", /knows no annex burst/, /knobs/],
  },
  {
    title: "the hook's credentials may launch without a lease",
    breaks: (world) => {
      const would = { code: "DryRunOperation", message: "" };
      const trial = { fleet: would, launch: would, fleetWithoutLease: would, launchWithoutLease: would };
      world.hookReport = { ...world.hookReport, annexes: { burst: { trial } } };
    },
    finding: ["access point: hook's credentials", "wrong", /without a lease by CreateFleet/, /and no other/],
  },
];

group("each breakage is found and named with its remedy", () => {
  for (const { title, breaks, later, finding } of CASES) {
    test(title, async () => {
      const world = new CheckWorld();
      breaks(world);
      await world.publish();
      later?.(world);
      const [piece, level, what, next] = finding;
      const found = (await world.check()).filter((one) => `${one.of}: ${one.piece}` === piece);
      const said = found.map((one) => `${one.level}: ${one.what} / ${one.next ?? ""}`).join("\n");
      const hit = found.find((one) => one.level === level && what.test(one.what));
      assert.ok(hit, said);
      assert.match(hit.next ?? "", next);
    });
  }
});

test("a reading that fails is told by its own piece, and hides no other", async () => {
  const world = new CheckWorld();
  await world.publish();
  const readings = [
    "template",
    "bucket",
    "functionState",
    "rule",
    "alarm",
    "subscriptions",
    "quota",
    "ranges",
    "group",
    "routeTables",
    "zonesOf",
    "image",
    "running",
    "settings",
    "scheddAd",
  ];
  const all = (await world.check()).length;
  for (const reading of readings) {
    world.failing.set(reading, new UpdraftError("failed", `${reading} failed`, "Try again."));
    const found = await world.check();
    const own = found.filter((one) => one.what.includes(`${reading} failed`));
    const others = found.filter((one) => one.level === "ok");
    assert.ok(own.length >= 1 && own.every((one) => one.level === "wrong"), `${reading}: ${own.length}`);
    assert.ok(others.length > all - 10, `${reading}: ${others.length} of ${all} are still looked at`);
    world.failing.clear();
  }
});

test("without the account's stack what hangs on it is not looked at, and only the stack is wrong", async () => {
  const world = new CheckWorld();
  await world.publish();
  world.stacks.delete("updraft");
  const found = notOk(await world.check()).filter((one) => one.of === "us-east-1");
  assert.deepEqual(
    found.filter((one) => one.level === "wrong").map((one) => one.piece),
    ["stack"],
  );
  assert.ok(found.filter((one) => one.level === "warning").every((one) => /not looked at/.test(one.what)));
});

test("a fault of our own is a finding too", async () => {
  const world = new CheckWorld();
  await world.publish();
  world.failing.set("image", new TypeError("x is undefined"));
  const found = (await world.check()).find((one) => one.piece === "image");
  assert.deepEqual([found?.level, found?.what], ["wrong", "this is a fault of Updraft: x is undefined"]);
});

test("spot and then on-demand counts against both quotas", async () => {
  const world = new CheckWorld();
  world.knobs = { ...world.knobs, purchase: "spot-then-on-demand" };
  await world.publish();
  const found = (await world.check()).filter((one) => one.piece === "quotas");
  assert.equal(found.length, 2);
  assert.match(found[0]?.what ?? "", /Spot/);
  assert.match(found[1]?.what ?? "", /On-Demand/);
});

test("an annex without hook, without local program, with a key, tokens or a public collector is well", async () => {
  const world = new CheckWorld();
  world.settings["SCHEDD_CRON_JOBLIST"] = "";
  world.localProgram = undefined;
  world.knobs = { ...world.knobs, keyName: "admin" };
  world.keyPairs = ["admin"];
  world.hosts = { "cm.pool.test": ["192.0.2.1"] };
  const stack = world.stacks.get("updraft-burst");
  if (stack)
    world.stacks.set("updraft-burst", { ...stack, parameters: { ...stack.parameters, KeyName: "admin" } });
  await world.publish();
  assert.deepEqual(notOk(await world.check()), []);
});
