import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { annexKnobs, configureAnnexes } from "../../sandbox/demo/annex.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import { setUp, updraft } from "../support/updraft.ts";

const NAME = "e2e-refusals";
const STATE = "/var/lib/updraft/refusals.json";
const ON_DEMAND_STANDARD = "L-1216C47A";

type Answer = {
  readonly orders: readonly {
    readonly market: string;
    readonly instances: readonly string[];
    readonly refused: readonly { readonly code: string; readonly zone?: string; readonly until?: number }[];
  }[];
  readonly error?: { readonly kind: string; readonly message: string };
};

describe("what EC2 refuses is said, remembered and gone around", { timeout: 300_000 }, () => {
  let sandbox: Sandbox;
  let zones: readonly string[];

  async function create(count: number, ...options: readonly string[]) {
    const args = ["create", "burst", "--count", String(count), "--yes", "--no-wait", "--json", ...options];
    const { exitCode, stdout, stderr } = await updraft(sandbox.accessPoint, args);
    return { exitCode, stderr, answer: JSON.parse(stdout) as Answer };
  }

  async function knobs(values: Readonly<Record<string, string>>): Promise<void> {
    await configureAnnexes(sandbox.accessPoint, { burst: { ...(await annexKnobs(sandbox)), ...values } });
  }

  /** Overrides of the fleets that were ordered since. */
  async function launchedZones(ids: readonly string[]): Promise<string[]> {
    const found = await sandbox.instances();
    return ids.map((id) => found.find((one) => one.instanceId === id)?.zone ?? "");
  }

  async function callsOf(action: string): Promise<number> {
    return (await sandbox.requests()).filter((one) => one.action === action).length;
  }

  before(async () => {
    await down(NAME);
    // Nothing here needs an instance to boot: what is ordered stays pending.
    sandbox = await up({ name: NAME, settings: { launchDelay: { kind: "constant", seconds: 3600 } } });
    await setUp(sandbox, { burst: {} });
    const subnets = (await annexKnobs(sandbox))["SUBNETS"]?.split(", ") ?? [];
    const all = await sandbox.subnets();
    zones = subnets.map((id) => all.find((one) => one.subnetId === id)?.zone ?? "");
  });
  after(() => sandbox.down());
  beforeEach(async () => {
    await sandbox.settings({
      capacity: [],
      quotas: {},
      addresses: {},
      notOffered: [],
      rateLimits: undefined,
    });
    await sandbox.accessPoint.run(["rm", "-f", STATE]);
    await knobs({});
  });

  test("a fleet that is given in part says why, and the next order asks elsewhere", async () => {
    const [first = "", second = ""] = zones;
    await sandbox.settings({
      capacity: [
        { zone: first, instances: 2 },
        { zone: second, instances: 1 },
      ],
    });
    const partial = await create(5);
    assert.equal(partial.exitCode, 0, partial.stderr);
    assert.equal(partial.answer.orders[0]?.instances.length, 3);
    assert.match(
      partial.stderr,
      /InsufficientInstanceCapacity: We currently do not have sufficient m5\.large/,
    );
    assert.match(partial.stderr, new RegExp(`m5\\.large on-demand in ${first}, not asked for again until`));

    // EC2 would have them again, but is not asked yet.
    await sandbox.settings({ capacity: [] });
    const fleets = await callsOf("CreateFleet");
    const held = await create(1);
    assert.equal(held.exitCode, 5);
    assert.match(held.stderr, new RegExp(`m5\\.large on-demand in ${second} until \\S+Z .Insufficient`));
    assert.match(held.stderr, /--ask-again/);
    assert.equal(await callsOf("CreateFleet"), fleets, "EC2 was not asked");

    // Another type is asked for in both zones; the dry run says where it is not asked for the first.
    const other = await create(1, "--type", "m5.large", "--type", "c5.large", "--dry-run");
    assert.match(other.stderr, new RegExp(`not asked for: m5\\.large on-demand in ${first}`));
    assert.equal((await create(1, "--ask-again")).exitCode, 0);
    assert.equal((await create(1)).exitCode, 0, "what was forgotten does not hold any more");
  });

  test("a zone that is full is left out until it is asked again", async () => {
    const [first = "", second = ""] = zones;
    await sandbox.settings({ capacity: [{ zone: first, instances: 0 }] });
    assert.equal((await create(1)).exitCode, 0);
    await sandbox.settings({ capacity: [] });
    const next = await create(2);
    const ids = next.answer.orders.flatMap((one) => one.instances);
    assert.deepEqual(await launchedZones(ids), [second, second]);
  });

  test("a type that a zone does not have is not asked for there for a day", async () => {
    await sandbox.settings({ notOffered: [{ instanceType: "m5.large", zone: zones[0] ?? "" }] });
    const { answer, exitCode } = await create(1);
    assert.equal(exitCode, 0);
    const [refused] = answer.orders[0]?.refused ?? [];
    assert.equal(refused?.code, "InvalidFleetConfiguration");
    assert.ok((refused.until ?? 0) > Date.now() / 1000 + 86_000);
  });

  test("spot that is full is gone around on-demand, without asking for spot again", async () => {
    await knobs({ PURCHASE: "spot-then-on-demand" });
    await sandbox.settings({ capacity: [{ purchase: "spot", instances: 0 }] });
    const both = await create(1);
    assert.deepEqual(
      both.answer.orders.map((one) => [one.market, one.instances.length]),
      [
        ["spot", 0],
        ["on-demand", 1],
      ],
      both.stderr,
    );
    const again = await create(1);
    assert.deepEqual(
      again.answer.orders.map((one) => one.market),
      ["on-demand"],
    );
    assert.match(again.stderr, /spot is not ordered: .*UnfulfillableCapacity/);
  });

  test("the account's quota: as many as it allows, then none, and other families are not touched", async () => {
    const running = (await sandbox.instances()).filter((one) => one.state !== "terminated").length;
    await sandbox.settings({ quotas: { [ON_DEMAND_STANDARD]: 2 * running + 3 } });
    const partial = await create(3);
    assert.equal(partial.answer.orders[0]?.instances.length, 1, partial.stderr);
    assert.match(partial.stderr, /VcpuLimitExceeded: You have requested more vCPU capacity/);
    const none = await create(1, "--type", "c5.large");
    assert.equal(none.exitCode, 5, "c5 counts against the same quota");
    assert.match(none.stderr, new RegExp(`quota ${ON_DEMAND_STANDARD} on-demand until`));
  });

  test("a subnet without addresses is left out", async () => {
    const [full = ""] = ((await annexKnobs(sandbox))["SUBNETS"] ?? "").split(", ");
    await sandbox.settings({ addresses: { [full]: 0 } });
    const { answer, stderr } = await create(1);
    assert.equal(answer.orders[0]?.instances.length, 1, stderr);
    assert.match(stderr, /InsufficientFreeAddressesInSubnet/);
  });

  test("an order that is told to slow down comes through, with one token and once", async () => {
    const before = (await sandbox.instances()).length;
    const throttle = { kind: "throttle", service: "ec2", action: "CreateFleet", times: 2 } as const;
    const fleets = await callsOf("CreateFleet");
    await sandbox.addFault(throttle);
    const { exitCode, answer, stderr } = await create(2);
    assert.equal(exitCode, 0, stderr);
    assert.equal(answer.orders.length, 1);
    assert.equal(await callsOf("CreateFleet"), fleets + 3);
    assert.equal((await sandbox.instances()).length, before + 2);
  });

  test("with EC2's own limits on the rate everything still comes through", async () => {
    await sandbox.settings({
      rateLimits: { reading: { refill: 2, burst: 2 }, writing: { refill: 1, burst: 1 } },
    });
    assert.equal((await create(1)).exitCode, 0);
    assert.ok((await sandbox.requests()).some((one) => one.error === "RequestLimitExceeded"));
  });

  test("what is denied inside a fleet names action and statement, and is not tried on-demand", async () => {
    await knobs({ PURCHASE: "spot-then-on-demand" });
    const policy = await createPolicy("no-spot", [
      { Sid: "DoAnything", Effect: "Allow", Action: "*", Resource: "*" },
      {
        Sid: "NoSpotHere",
        Effect: "Deny",
        Action: "ec2:RunInstances",
        Resource: "*",
        Condition: { StringEquals: { "ec2:InstanceMarketType": "spot" } },
      },
    ]);
    const key = await sandbox.createUser("careful", [policy]);
    const instances = (await sandbox.instances()).length;
    const fleets = await callsOf("CreateFleet");
    const { exitCode, stderr } = await updraft(
      sandbox.accessPoint,
      ["create", "burst", "--count", "1", "--yes"],
      { AWS_ACCESS_KEY_ID: key.accessKeyId, AWS_SECRET_ACCESS_KEY: key.secretAccessKey },
    );
    assert.equal(exitCode, 4, stderr);
    assert.match(
      stderr,
      /UnauthorizedOperation: ec2:RunInstances on arn:aws:ec2:\S+:instance\/\* is not allowed to \S+user\/careful: the statement NoSpotHere denies it/,
    );
    assert.doesNotMatch(stderr, /Encoded/);
    assert.equal(await callsOf("CreateFleet"), fleets + 1);
    assert.equal((await sandbox.instances()).length, instances);
  });

  async function createPolicy(name: string, Statement: readonly object[]): Promise<string> {
    const { accessKeyId, secretAccessKey } = await sandbox.administrator();
    const document = JSON.stringify({ Version: "2012-10-17", Statement });
    const said = await sandbox.accessPoint.run([
      "curl",
      "-sf",
      "--aws-sigv4",
      "aws:amz:us-east-1:iam",
      "--user",
      `${accessKeyId}:${secretAccessKey}`,
      "--data",
      "Action=CreatePolicy&Version=2010-05-08",
      "--data-urlencode",
      `PolicyName=${name}`,
      "--data-urlencode",
      `PolicyDocument=${document}`,
      "http://172.31.255.2/",
    ]);
    return /<Arn>([^<]+)<\/Arn>/.exec(said)?.[1] ?? "";
  }

  test("a memory that is garbage is forgotten, which is said", async () => {
    await sandbox.accessPoint.writeFile(STATE, "{");
    const { exitCode, stderr } = await create(1);
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /refusals\.json holds no refusals of EC2: it is forgotten/);
  });
});
