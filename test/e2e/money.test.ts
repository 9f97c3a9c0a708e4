import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { annexKnobs, configureAnnexes } from "../../sandbox/demo/annex.ts";
import { down, up, type Sandbox, type SandboxMachine } from "../../sandbox/sandbox.ts";
import { eventually, setUp, succeed, updraft } from "../support/updraft.ts";

const NAME = "e2e-money";

type Account = { name: string; instances: number; running: number; machineHours: number; cost: number };
type History = { accounts: Account[]; total: Account; unreadable: number };

describe("what an annex costs is known, limited and accounted for", { timeout: 300_000 }, () => {
  let sandbox: Sandbox;
  let accessPoint: SandboxMachine;

  const configure = async (changes: Record<string, string>): Promise<void> =>
    configureAnnexes(accessPoint, { burst: { ...(await annexKnobs(sandbox)), ...changes } });
  const orders = async (): Promise<number> =>
    (await sandbox.requests()).filter(({ action }) => action === "CreateFleet").length;
  const history = async (...args: string[]): Promise<History> =>
    JSON.parse(await succeed(accessPoint, "history", "--json", ...args)) as History;

  before(async () => {
    await down(NAME);
    sandbox = await up({ name: NAME });
    ({ accessPoint } = sandbox);
    await setUp(sandbox, { burst: { MAX_LIABILITY: "2" } });
  });
  after(() => sandbox.down());

  test("an order beyond the limit is refused with the sum, and launches nothing", async () => {
    // m5.large 0.096 USD and 8 GiB of gp3 0.000877 USD per hour, for 8 h and 2 min: 0.7782 USD each.
    const { exitCode, stderr } = await updraft(accessPoint, ["create", "burst", "--count", "3", "--yes"]);
    assert.equal(exitCode, 5);
    assert.match(
      stderr,
      /could then cost 2\.33 USD until its leases end: 0\.00 for what there is and 2\.33 for 3 more; UPDRAFT_burst_MAX_LIABILITY allows 2\.00/,
    );
    assert.deepEqual([await orders(), (await sandbox.instances()).length], [0, 0]);
    const plan = await succeed(accessPoint, "create", "burst", "--count", "2", "--dry-run");
    assert.match(plan, /on-demand price of m5\.large, embedded catalogue \(AWS price list\) of 2026-07-20/);
    assert.match(plan, /liability with this order: 1\.56 USD, of at most 2\.00/);
  });

  test("prices are shown by zone, on-demand and spot, with where they are from", async () => {
    await sandbox.settings({ spotPrices: { "m5.large us-east-1b": 0.0777 } });
    const told = await succeed(accessPoint, "prices", "--annex", "burst");
    await sandbox.settings({ spotPrices: {} });
    assert.match(
      told,
      /^on-demand: embedded catalogue \(AWS price list\) of 2026-07-20, RunInstances; spot: EC2, now$/m,
    );
    assert.match(told, /^m5\.large +us-east-1a +0\.0960 +0\.0336$/m);
    assert.match(told, /^m5\.large +us-east-1b +0\.0960 +0\.0777$/m);
    const unknown = await updraft(accessPoint, ["prices", "zz9.large", "--region", "us-east-1"]);
    assert.notEqual(unknown.exitCode, 0);
    assert.match(unknown.stderr, /zz9\.large/);
    assert.equal(
      (await updraft(accessPoint, ["prices", "--annex", "burst", "--region", "us-east-1"])).exitCode,
      2,
    );
  });

  test("a price list with a price of zero is not kept, and says which", async () => {
    await sandbox.settings({ onDemandPrices: { "m5.large": 0 } });
    const { exitCode, stderr } = await updraft(accessPoint, ["prices", "--annex", "burst", "--refresh"]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /no usable price of m5\.large: its price is "0\.0000000000", which is no price/);
    assert.match(await succeed(accessPoint, "prices", "--annex", "burst"), /of 2026-07-20/);
  });

  test("after --refresh an order goes by AWS's price list", async () => {
    await sandbox.settings({ onDemandPrices: { "m5.large": 0.05 } });
    const said = JSON.parse(await succeed(accessPoint, "prices", "--refresh", "--json")) as {
      source: string;
      offers: { market: string; usd: number }[];
    };
    assert.deepEqual(
      [said.source, said.offers.find(({ market }) => market === "on-demand")?.usd],
      ["AWS price list", 0.05],
    );
    const order = ["create", "burst", "--count", "2", "--project", "cms-2026", "--no-wait", "--yes"];
    assert.match(
      await succeed(accessPoint, ...order),
      /0\.05 USD by on-demand price of m5\.large, AWS price list of 20/,
    );
    const tags = (await sandbox.instances()).map((one) => one.tags["htcondor:Project"]);
    assert.deepEqual(tags, ["cms-2026", "cms-2026"]);
    const bad = await updraft(accessPoint, ["create", "burst", "--count", "1", "--project", "a b", "--yes"]);
    assert.equal(bad.exitCode, 2);
  });

  test("what lives counts against the limit of the next order", async () => {
    // Two at 0.4087 USD each live; three more make 2.04 USD.
    const before = await orders();
    const { exitCode, stderr } = await updraft(accessPoint, ["create", "burst", "--count", "3", "--yes"]);
    assert.equal(exitCode, 5);
    assert.match(stderr, /cost 2\.04 USD .*: 0\.81\d\d for what there is and 1\.23 for 3 more/);
    assert.equal(await orders(), before);
    await succeed(accessPoint, "create", "burst", "--count", "2", "--dry-run");
  });

  test("a fleet that EC2 does not give for the maximum price says why", async () => {
    await configure({ PURCHASE: "spot", MAX_PRICE: "0.01" });
    const { exitCode, stderr } = await updraft(accessPoint, ["create", "burst", "--count", "1", "--yes"]);
    assert.equal(exitCode, 5);
    assert.match(stderr, /SpotMaxPriceTooLow: Your Spot request price of 0\.01 is lower than .* 0\.0336/);
    await configure({ MAX_PRICE: "0.01" });
    const onDemand = await updraft(accessPoint, ["create", "burst", "--count", "1", "--yes"]);
    assert.equal(onDemand.exitCode, 5);
    assert.match(
      onDemand.stderr,
      /MaxTotalPrice: 1 more would probably cost more than UPDRAFT_burst_MAX_PRICE = 0\.01/,
    );
    await configure({});
  });

  test("the accounts have what ran, while it runs and after it was deleted", async () => {
    const running = await history("--by", "project");
    assert.deepEqual(
      running.accounts.map(({ name, instances, running: now }) => [name, instances, now]),
      [["cms-2026", 2, 2]],
    );
    await succeed(accessPoint, "delete", "burst", "--yes");
    const ended = await eventually("both have ended", 20, async () => {
      const told = await history("burst", "--since", "1h", "--by", "owner");
      assert.equal(told.total.running, 0);
      return told;
    });
    assert.deepEqual([ended.total.instances, ended.unreadable, ended.accounts[0]?.name], [2, 0, "root"]);
    const { machineHours, cost } = ended.total;
    assert.ok(machineHours >= 2 / 60 && machineHours < 2 * 0.1, `${machineHours} h`);
    assert.ok(Math.abs(cost - machineHours * (0.05 + 0.64 / 730)) < 1e-9, `${cost} USD`);
    // Without EC2 the ledger alone tells the same.
    const broken = { AWS_ENDPOINT_URL: "http://127.0.0.1:9" };
    const alone = await updraft(accessPoint, ["history", "--json"], broken);
    assert.equal(alone.exitCode, 0);
    assert.match(alone.stderr, /annex burst: only the ledger tells/);
    assert.deepEqual((JSON.parse(alone.stdout) as History).total, { ...ended.total });
    assert.match(await succeed(accessPoint, "history"), /^total +2 +0 +0\.0\d +0\.00\d\d$/m);
  });
});
