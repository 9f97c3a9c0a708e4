import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ANNEX_KNOBS,
  EXPRESSION_KNOB,
  GLOBAL_KNOBS,
  annexKnobs,
  knobError,
  readKnobs,
  type Setting,
} from "../../core/knobs.ts";
import { GOOD_KNOBS, settings } from "../support/knobs.ts";

function problemOf(changes: Record<string, string | undefined>): { name: string; expected: string }[] {
  return readKnobs(settings(changes)).problems;
}

test("the least that must be written gives an annex with every default", () => {
  const { knobs, problems } = readKnobs(settings());
  assert.deepEqual(problems, []);
  assert.deepEqual(knobs, {
    pool: undefined,
    stop: false,
    optIn: "MY.MayUseAWS =?= true",
    stateDirectory: "/var/lib/updraft",
    credentialDirectory: "/etc/updraft/credentials",
    annexes: [
      {
        name: "burst",
        region: "us-east-1",
        subnets: ["subnet-0123456789abcdef0"],
        publicIp: false,
        directFrom: [],
        image: "ami-0123456789abcdef0",
        htcondorSource: undefined,
        instanceTypes: ["m7i.large", "m6i.large"],
        purchase: "on-demand",
        maxPrice: undefined,
        keyName: undefined,
        maxInstances: 20,
        minInstances: 0,
        ownerMaxJobs: undefined,
        leaseSeconds: 28800,
        idleSeconds: 1200,
        jobs: "MayUseAWS =?= true",
        owners: "*",
        minWaitSeconds: undefined,
        credential: "idtoken",
        maxLiability: undefined,
        waitValue: 1,
        spares: false,
        expectedRuntime: undefined,
        drainSeconds: 600,
        bootSeconds: 300,
        allowOpenMetadata: false,
        slotAttributes: {},
        tags: {},
        configDirectory: undefined,
        mode: "advise",
      },
    ],
  });
});

test("every knob is read as it is written", () => {
  const { knobs, problems } = readKnobs(
    settings({
      UPDRAFT_POOL: "pool.example.org",
      UPDRAFT_STOP: "True",
      UPDRAFT_OPT_IN: "MY.WantCloud =?= true",
      UPDRAFT_burst_SUBNETS: "subnet-11111111,subnet-22222222",
      UPDRAFT_burst_PUBLIC_IP: "yes",
      UPDRAFT_burst_DIRECT_FROM: "203.0.113.0/24, 198.51.100.7/32",
      UPDRAFT_burst_IMAGE_ID: "/updraft/image",
      UPDRAFT_burst_HTCONDOR: "https://mirror.example.org/repo/25.x",
      UPDRAFT_burst_PURCHASE: "Spot-Then-On-Demand",
      UPDRAFT_burst_MAX_PRICE: ".25",
      UPDRAFT_burst_KEY_NAME: "admin key",
      UPDRAFT_burst_MAX_INSTANCES: "200",
      UPDRAFT_burst_MIN_INSTANCES: "2",
      UPDRAFT_burst_OWNER_MAX_JOBS: "50",
      UPDRAFT_burst_LEASE: "1d",
      UPDRAFT_burst_IDLE: "20 * 60",
      UPDRAFT_burst_JOBS: "MayUseAWS =?= true && RequestCpus < 4",
      UPDRAFT_burst_OWNERS: "alice@pool.test, group_physics.cms",
      UPDRAFT_burst_MIN_WAIT: "2m",
      UPDRAFT_burst_CREDENTIAL: "password",
      UPDRAFT_burst_MAX_LIABILITY: "100",
      UPDRAFT_burst_WAIT_VALUE: "0.5",
      UPDRAFT_burst_SPARES: "yes",
      UPDRAFT_burst_EXPECTED_RUNTIME: "ExpectedSeconds",
      UPDRAFT_burst_DRAIN_SECONDS: "300",
      UPDRAFT_burst_BOOT_SECONDS: "2m",
      UPDRAFT_burst_ALLOW_OPEN_METADATA: "true",
      UPDRAFT_burst_SLOT_ATTRS: 'HasScratch = true; Site = "a;b \\"c\\""; Speed = 1.5;',
      UPDRAFT_burst_TAGS: "CostCenter = 42; Team = high energy",
      UPDRAFT_burst_CONFIG_DIR: "/etc/condor/updraft.d",
      UPDRAFT_burst_MODE: "act",
    }),
  );
  assert.deepEqual(problems, []);
  assert.equal(knobs.pool, "pool.example.org");
  assert.equal(knobs.stop, true);
  assert.equal(knobs.optIn, "MY.WantCloud =?= true");
  assert.deepEqual(knobs.annexes[0], {
    name: "burst",
    region: "us-east-1",
    subnets: ["subnet-11111111", "subnet-22222222"],
    publicIp: true,
    directFrom: ["203.0.113.0/24", "198.51.100.7/32"],
    image: "/updraft/image",
    htcondorSource: "https://mirror.example.org/repo/25.x",
    instanceTypes: ["m7i.large", "m6i.large"],
    purchase: "spot-then-on-demand",
    maxPrice: 0.25,
    keyName: "admin key",
    maxInstances: 200,
    minInstances: 2,
    ownerMaxJobs: 50,
    leaseSeconds: 86400,
    idleSeconds: 1200,
    jobs: "MayUseAWS =?= true && RequestCpus < 4",
    owners: ["alice@pool.test", "group_physics.cms"],
    minWaitSeconds: 120,
    credential: "password",
    maxLiability: 100,
    waitValue: 0.5,
    spares: true,
    expectedRuntime: "ExpectedSeconds",
    drainSeconds: 300,
    bootSeconds: 120,
    allowOpenMetadata: true,
    slotAttributes: { HasScratch: "true", Site: '"a;b \\"c\\""', Speed: "1.5" },
    tags: { CostCenter: "42", Team: "high energy" },
    configDirectory: "/etc/condor/updraft.d",
    mode: "act",
  });
});

test("knob names are compared without case, as HTCondor does", () => {
  const { knobs, problems } = readKnobs(
    Object.entries(GOOD_KNOBS).map(([name, value]) => ({
      name: name.toUpperCase(),
      value,
      source: "file, line 1",
    })),
  );
  assert.deepEqual(problems, []);
  assert.equal(knobs.annexes[0]?.region, "us-east-1");
});

test("each bad value is reported with what would be right", () => {
  const cases: [string, string, RegExp][] = [
    ["UPDRAFT_ANNEXES", "burst, Bad-Name", /annex names.*"Bad-Name" is none/],
    ["UPDRAFT_ANNEXES", "burst burst", /every annex once/],
    ["UPDRAFT_POOL", "a b", /trust domain/],
    ["UPDRAFT_STOP", "perhaps", /true or false/],
    ["UPDRAFT_burst_REGION", "mars", /AWS region/],
    ["UPDRAFT_burst_SUBNETS", "vpc-1", /subnets such as/],
    ["UPDRAFT_burst_SUBNETS", ",", /subnets such as/],
    ["UPDRAFT_burst_SUBNETS", "subnet-11111111 subnet-11111111", /each once/],
    ["UPDRAFT_burst_PUBLIC_IP", "2", /true or false/],
    ["UPDRAFT_burst_DIRECT_FROM", "0.0.0.0/0", /a prefix of \/8 or longer: 0\.0\.0\.0\/0 would open/],
    ["UPDRAFT_burst_DIRECT_FROM", "203.0.113.0/24", /^UPDRAFT_burst_PUBLIC_IP = true beside it/],
    ["UPDRAFT_burst_IMAGE_ID", "debian", /an AMI such as/],
    ["UPDRAFT_burst_HTCONDOR", "25.0", /distribution, or an address of HTCondor's repository/],
    ["UPDRAFT_burst_HTCONDOR", "https://example.org/repo/$(id)", /an address of HTCondor's repository/],
    ["UPDRAFT_burst_HTCONDOR", "https://example.org", /with its channel/],
    ["UPDRAFT_burst_INSTANCE_TYPES", "large", /instance types such as/],
    ["UPDRAFT_burst_PURCHASE", "cheap", /one of spot, on-demand/],
    ["UPDRAFT_burst_MAX_PRICE", "0", /positive number of USD per hour/],
    ["UPDRAFT_burst_MAX_PRICE", "1e3", /positive number/],
    ["UPDRAFT_burst_MAX_PRICE", ".", /positive number/],
    ["UPDRAFT_burst_KEY_NAME", "schlüssel", /EC2 key pair/],
    ["UPDRAFT_burst_MAX_INSTANCES", "0", /whole number from 1/],
    ["UPDRAFT_burst_MAX_INSTANCES", "1000000000", /whole number from 1 to 10000/],
    ["UPDRAFT_burst_MIN_INSTANCES", "-1", /whole number from 0/],
    ["UPDRAFT_burst_MIN_INSTANCES", "21", /at most 20, as many as UPDRAFT_burst_MAX_INSTANCES allows/],
    ["UPDRAFT_burst_OWNER_MAX_JOBS", "0", /whole number from 1/],
    ["UPDRAFT_burst_LEASE", "5 parsecs", /duration such as 8h/],
    ["UPDRAFT_burst_LEASE", "5s", /at least 60 s/],
    ["UPDRAFT_burst_IDLE", "0", /at least 1 s/],
    ["UPDRAFT_burst_JOBS", "(MayUseAWS", /ClassAd expression over the job, but its \( is not closed/],
    ["UPDRAFT_burst_OWNERS", "*, alice@pool.test", /users as user@domain/],
    ["UPDRAFT_burst_OWNERS", 'x"y', /users as user@domain/],
    ["UPDRAFT_CREDENTIAL_DIR", "credentials", /absolute path of a directory/],
    ["UPDRAFT_burst_CREDENTIAL", "kerberos", /one of idtoken, password/],
    ["UPDRAFT_burst_SLOT_ATTRS", "HasScratch", /attributes as Name = value/],
    ["UPDRAFT_burst_SLOT_ATTRS", "A = B", /A has none of these/],
    ["UPDRAFT_burst_SLOT_ATTRS", 'A = "$(FOO)"', /A has none of these/],
    ["UPDRAFT_burst_SLOT_ATTRS", "1A = 2", /"1A" is not a name/],
    ["UPDRAFT_burst_SLOT_ATTRS", 'A = "open', /attributes as Name = value/],
    ["UPDRAFT_burst_SLOT_ATTRS", "A = 1; a = 2", /attributes as Name = value/],
    ["UPDRAFT_burst_SLOT_ATTRS", "AnnexName = true", /other attributes than AnnexName/],
    ["UPDRAFT_burst_SLOT_ATTRS", "CloudZone = true", /other attributes than CloudZone/],
    ["UPDRAFT_burst_SLOT_ATTRS", "MayUseAWS = true", /which UPDRAFT_burst_JOBS reads from the job/],
    ["UPDRAFT_burst_TAGS", "Team", /tags as Key = value/],
    ["UPDRAFT_burst_TAGS", "a/b = 1", /"a\/b" is none/],
    ["UPDRAFT_burst_TAGS", "htcondor:Pool = x", /another tag key/],
    ["UPDRAFT_burst_TAGS", "Team = a*b", /tag value that EC2 accepts for Team/],
    ["UPDRAFT_burst_CONFIG_DIR", "relative", /absolute path/],
    ["UPDRAFT_burst_MODE", "on", /one of advise, act/],
    ["UPDRAFT_STATE_DIR", "updraft", /absolute path/],
    ["UPDRAFT_OPT_IN", "MayUseAWS =?= true", /MY\. before each attribute .*; MayUseAWS has none/],
    ["UPDRAFT_OPT_IN", "(MY.MayUseAWS", /ClassAd expression over the job/],
    ["UPDRAFT_burst_MIN_WAIT", "-2m", /a duration such as 2m/],
    ["UPDRAFT_burst_MAX_LIABILITY", "-1", /positive number of USD/],
    ["UPDRAFT_burst_WAIT_VALUE", "much", /positive number/],
    ["UPDRAFT_burst_SPARES", "some", /true or false/],
    ["UPDRAFT_burst_EXPECTED_RUNTIME", "1 +)", /ClassAd expression over the job/],
    ["UPDRAFT_burst_DRAIN_SECONDS", "ten", /a duration such as 10m/],
    ["UPDRAFT_burst_BOOT_SECONDS", "9s", /at least 10 s/],
    ["UPDRAFT_burst_BOOT_SECONDS", "2h", /at most 3600 s/],
    ["UPDRAFT_burst_ALLOW_OPEN_METADATA", "maybe", /true or false/],
  ];
  const tried = new Set(cases.map(([name]) => name));
  for (const { knob } of ANNEX_KNOBS) assert.ok(tried.has(`UPDRAFT_burst_${knob}`), knob);
  for (const knob of GLOBAL_KNOBS) assert.ok(tried.has(`UPDRAFT_${knob}`), knob);
  for (const [name, value, expected] of cases) {
    const problems = problemOf({ [name]: value });
    assert.ok(
      problems.some((problem) => problem.name === name && expected.test(problem.expected)),
      `${name} = ${value}: ${JSON.stringify(problems)}`,
    );
  }
});

test("every bad knob is told at once, with its value, file and line", () => {
  const all: Setting[] = settings({
    UPDRAFT_burst_REGION: "mars",
    UPDRAFT_burst_LEASE: "soon",
    UPDRAFT_burst_OWNERS: undefined,
    UPDRAFT_burst_MAX_PRCIE: "0.1",
    UPDRAFT_brust_MODE: "act",
  });
  const error = knobError(readKnobs(all).problems);
  assert.equal(error.kind, "config");
  assert.match(error.message, /^5 knobs are wrong:\n/);
  assert.match(
    error.message,
    /UPDRAFT_burst_REGION = mars \(\/etc\/condor\/config.d\/50.config, line \d+\): expected an AWS region/,
  );
  assert.match(error.message, /UPDRAFT_burst_LEASE = soon \(.*line \d+\)/);
  assert.match(
    error.message,
    /UPDRAFT_burst_OWNERS is not set: expected something like .*it must be written/,
  );
  assert.match(
    error.message,
    /UPDRAFT_burst_MAX_PRCIE = 0.1 \(.*\): expected the name UPDRAFT_burst_MAX_PRICE;/,
  );
  assert.match(error.message, /UPDRAFT_brust_MODE = act \(.*\): expected the name UPDRAFT_burst_MODE;/);
});

test("a single bad knob is one sentence", () => {
  assert.match(
    knobError(problemOf({ UPDRAFT_burst_REGION: "mars" }) as never).message,
    /^UPDRAFT_burst_REGION = mars/,
  );
});

test("knobs of an annex that is not listed, and knobs that are like none, are told apart", () => {
  const problems = problemOf({
    UPDRAFT_elsewhere_REGION: "us-east-1",
    UPDRAFT_quite_something_else_altogether: "1",
  });
  assert.match(problems[0]?.expected ?? "", /UPDRAFT_ANNEXES to name elsewhere/);
  assert.match(problems[1]?.expected ?? "", /does not know/);
  const close = problemOf({ UPDRAFT_other_REGION: "us-east-1" });
  assert.match(close[0]?.expected ?? "", /UPDRAFT_ANNEXES to name other/, "other is no misspelt burst");
});

test("where schedds have annexes of their own, knobs of another's annex are no mistake, and misspelt ones are", () => {
  const several = { "other.UPDRAFT_ANNEXES": "elsewhere", UPDRAFT_elsewhere_REGION: "us-east-1" };
  assert.deepEqual(problemOf(several), []);
  const [problem, ...more] = problemOf({ ...several, UPDRAFT_elsewhere_REGOIN: "us-east-1" });
  assert.equal(problem?.name, "UPDRAFT_elsewhere_REGOIN");
  assert.deepEqual(more, []);
});

test("a wrong UPDRAFT_ANNEXES is one problem, not one for each knob of its annexes", () => {
  const problems = problemOf({ UPDRAFT_ANNEXES: "burst, Big-One" });
  assert.deepEqual(
    problems.map((problem) => problem.name),
    ["UPDRAFT_ANNEXES"],
  );
});

test("without UPDRAFT_ANNEXES there is one clear problem", () => {
  const { problems } = readKnobs([]);
  assert.deepEqual(
    problems.map((problem) => problem.name),
    ["UPDRAFT_ANNEXES"],
  );
  assert.match(knobError(problems).message, /^UPDRAFT_ANNEXES is not set/);
});

test("an annex is found by name, and a misspelt name finds the one that was meant", () => {
  const { knobs } = readKnobs(settings());
  assert.equal(annexKnobs(knobs, "burst").name, "burst");
  assert.throws(() => annexKnobs(knobs, "brust"), { kind: "config", remedy: "Did you mean burst?" });
  assert.throws(() => annexKnobs({ ...knobs, annexes: [] }, "x"), /UPDRAFT_ANNEXES names none/);
});

test("the knobs whose value HTCondor must parse are told by their names", () => {
  assert.ok(EXPRESSION_KNOB.test("UPDRAFT_burst_JOBS"));
  assert.ok(EXPRESSION_KNOB.test("UPDRAFT_OPT_IN"));
  assert.ok(EXPRESSION_KNOB.test("updraft_burst_expected_runtime"));
  assert.ok(!EXPRESSION_KNOB.test("UPDRAFT_burst_OWNERS"));
});
