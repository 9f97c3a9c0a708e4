import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { UpdraftError } from "../../core/errors.ts";
import { formatEntry } from "../../core/journal.ts";
import type { Ec2State } from "../../core/instance.ts";
import {
  carryOutRenewal,
  checkRenewalCost,
  describeRenewal,
  describeRenewalCost,
  planRenewal,
  renewalProblem,
  type RenewPorts,
  type RenewRequest,
} from "../../core/renew.ts";
import { World, instance } from "../support/cloud.ts";
import { entry } from "../support/journal.ts";
import { annex } from "../support/knobs.ts";

const OWNER = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };
const LEASE = "htcondor:LeaseExpiration";

/** One instance, whose lease ends so many seconds from now. */
function leased(world: World, id: string, seconds: number | string, state: Ec2State = "running") {
  const value = typeof seconds === "string" ? seconds : String(world.now + seconds);
  return instance({ id, state, tags: { ...instance().tags, [LEASE]: value } });
}

const ports = (world: World, changes: Partial<RenewPorts> = {}): RenewPorts => ({
  ...world.ports,
  checkCost: async () => undefined,
  ...changes,
});

const plan = (world: World, seconds: number, changes: Partial<RenewRequest> = {}) =>
  planRenewal(ports(world), OWNER, {
    until: world.now + seconds,
    maxLeaseSeconds: 86_400,
    instanceIds: [],
    shorten: false,
    ...changes,
  });

test("leases that end sooner are renewed, others kept, and what drains or has ended is left alone", async () => {
  const world = new World();
  world.instances = [
    leased(world, "i-1", 3600),
    leased(world, "i-2", 9000),
    leased(world, "i-3", 299),
    leased(world, "i-4", -5),
    leased(world, "i-5", "soon"),
    leased(world, "i-0", 2 * 86_400),
    leased(world, "i-6", 3600, "shutting-down"),
    leased(world, "i-7", 7200),
    leased(world, "i-8", 300, "pending"),
    instance({ id: "i-9", tags: { ...leased(world, "", 60).tags, "htcondor:AnnexName": "burst2" } }),
  ];
  const made = await plan(world, 7200);
  assert.deepEqual(
    made.renew.map((one) => one.id),
    ["i-1", "i-5", "i-0", "i-8"],
  );
  assert.deepEqual(
    made.skipped.map(({ instance, outcome }) => [instance.id, outcome]),
    [
      ["i-2", "kept"],
      ["i-3", "refused"],
      ["i-4", "refused"],
      ["i-7", "kept"],
    ],
  );
  assert.deepEqual(world.deeds, []);
  assert.deepEqual(describeRenewal(made, world.now), [
    "annex burst: 4 leases to end at 2030-03-17T19:46:40Z, in 2h",
    "i-1: now until 2030-03-17T18:46:40Z",
    "i-5: its lease cannot be believed",
    "i-0: its lease cannot be believed",
    "i-8: now until 2030-03-17T17:51:40Z",
    "i-2: left alone, its lease lasts until 2030-03-17T20:16:40Z already",
    "i-3: left alone, its lease ends in 4m59s: in the last 5m the node may be draining already",
    "i-4: left alone, its lease is over",
    "i-7: left alone, its lease ends then already",
  ]);
  const shorter = await plan(world, 7200, { shorten: true });
  assert.ok(shorter.renew.some((one) => one.id === "i-2"));
});

test("only the named instances are renewed; a foreign id is refused before anything is done", async () => {
  const world = new World();
  world.instances = [leased(world, "i-1", 3600), leased(world, "i-2", 3600, "terminated")];
  const made = await plan(world, 7200, { instanceIds: ["i-2"] });
  assert.deepEqual([made.renew, made.skipped[0]?.reason], [[], "it is terminated"]);
  await assert.rejects(plan(world, 7200, { instanceIds: ["i-1", "i-9"] }), {
    kind: "usage",
    message: "annex burst has no instance i-9",
  });
});

test("the leases are tagged, read back, and the same again changes nothing", async () => {
  const world = new World();
  world.instances = [leased(world, "i-1", 3600), leased(world, "i-2", 9000)];
  const made = await plan(world, 7200);
  const rows = await carryOutRenewal(ports(world), made);
  assert.deepEqual(world.deeds, [`tag i-1 {"${LEASE}":"${made.until}"}`]);
  assert.deepEqual(
    rows.map(({ id, outcome, leaseExpiration }) => [id, outcome, leaseExpiration]),
    [
      ["i-1", "renewed", made.until],
      ["i-2", "kept", world.now + 9000],
    ],
  );
  assert.equal(renewalProblem("burst", rows), undefined);
  await carryOutRenewal(ports(world), made);
  assert.equal(world.instances[0]?.tags[LEASE], String(made.until));
  world.deeds.length = 0;
  assert.deepEqual((await plan(world, 7200)).renew, []);
});

test("what costs too much is not renewed, and nobody is asked when there is nothing to renew", async () => {
  const world = new World();
  world.instances = [leased(world, "i-1", 3600)];
  const checkCost = async () => {
    throw new UpdraftError("capacity", "too dear", "end instances");
  };
  await assert.rejects(carryOutRenewal(ports(world, { checkCost }), await plan(world, 7200)), /too dear/);
  assert.deepEqual(world.deeds, []);
  await carryOutRenewal(ports(world, { checkCost }), await plan(world, 3600));
});

test("around what EC2 refuses the batch is halved, and every other instance is renewed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.uniqueArray(fc.nat(19)), async (count, bad) => {
      const world = new World();
      world.instances = Array.from({ length: count }, (_, i) => leased(world, `i-${i}`, 3600));
      const badIds = bad.filter((i) => i < count).map((i) => `i-${i}`);
      const tag: RenewPorts["ec2"]["tag"] = async (ids, tags) => {
        if (ids.some((id) => badIds.includes(id))) throw new UpdraftError("denied", "not yours", "ask");
        await world.ec2.tag(ids, tags);
      };
      const rows = await carryOutRenewal(
        ports(world, { ec2: { ...world.ec2, tag } }),
        await plan(world, 7200),
      );
      for (const row of rows) {
        const refused = badIds.includes(row.id);
        assert.deepEqual(
          [row.outcome, row.reason],
          refused ? ["failed", "not yours"] : ["renewed", undefined],
        );
      }
      assert.equal(renewalProblem("burst", rows) === undefined, badIds.length === 0);
    }),
    { numRuns: 40 },
  );
});

test("a network that is away is asked once, and a tag that EC2 shows late is waited for", async () => {
  const world = new World();
  world.instances = [leased(world, "i-1", 3600), leased(world, "i-2", 3600)];
  let calls = 0;
  const away = async () => {
    calls++;
    throw new UpdraftError("failed", "no route", "wait");
  };
  const rows = await carryOutRenewal(
    ports(world, { ec2: { ...world.ec2, tag: away } }),
    await plan(world, 7200),
  );
  assert.deepEqual([calls, rows.map((row) => row.reason)], [1, ["no route", "no route"]]);

  const made = await plan(world, 7200);
  let waiting: (() => Promise<void>) | undefined;
  const late: RenewPorts["ec2"]["tag"] = async (ids, tags) => {
    waiting = () => world.ec2.tag(ids, tags);
  };
  const sleep = async (seconds: number) => {
    await world.clock.sleep(seconds);
    await waiting?.();
  };
  const clock = { ...world.clock, sleep };
  const shown = await carryOutRenewal(ports(world, { clock, ec2: { ...world.ec2, tag: late } }), made);
  assert.deepEqual(
    shown.map((row) => row.outcome),
    ["renewed", "renewed"],
  );
});

test("what EC2 never shows, and what has ended meanwhile, is told as not renewed", async () => {
  const world = new World();
  world.instances = [leased(world, "i-1", 3600), leased(world, "i-2", 3600), leased(world, "i-3", 3600)];
  const made = await plan(world, 7200);
  const lost: RenewPorts["ec2"]["tag"] = async () => {
    world.instances = [leased(world, "i-1", 3600), leased(world, "i-2", 3600, "terminated")];
  };
  const started = world.now;
  const rows = await carryOutRenewal(ports(world, { ec2: { ...world.ec2, tag: lost } }), made);
  assert.deepEqual(
    rows.map(({ id, reason }) => [id, reason]),
    [
      ["i-1", "EC2 does not show the new lease"],
      ["i-2", "it has ended meanwhile"],
      ["i-3", "it has ended meanwhile"],
    ],
  );
  assert.ok(world.now - started < 20);
  const problem = renewalProblem("burst", rows);
  assert.match(problem?.message ?? "", /^3 of 3 leases could not be renewed: i-1, i-2, i-3$/);
  const bug = async () => {
    throw new TypeError("bug");
  };
  await assert.rejects(carryOutRenewal(ports(world, { ec2: { ...world.ec2, tag: bug } }), made), TypeError);
});

test("a renewal is held to the annex's liability, pending orders included", async () => {
  const world = new World();
  world.instances = [leased(world, "i-1", 3480), leased(world, "i-2", 3480)];
  const made = entry({ count: 1, orderedAt: world.now, sentAt: world.now });
  world.journalFiles.set(made.orderId, formatEntry(made));
  const cost = async (maxLiability: number | undefined, changes = {}) =>
    checkRenewalCost(
      { ...world.ports, ...changes },
      annex({ maxPrice: 0.999, maxLiability }),
      604800,
      await plan(world, 7080, { instanceIds: ["i-1"] }),
    );
  // Three that live an hour each (the one that is ordered 120 s longer), and one of them an hour more, at 1 USD.
  assert.deepEqual(
    describeRenewalCost(await cost(5)),
    "liability: 3.03 USD now, 4.03 USD after it, of at most 5.00",
  );
  await assert.rejects(cost(4), {
    kind: "capacity",
    message: /4\.03 USD .* 1\.00 for the renewal of 1; UPDRAFT_burst_MAX_LIABILITY allows 4\.00/,
  });
  assert.match(describeRenewalCost(await cost(undefined)), /4\.03 USD after it, without a limit$/);
  const away = {
    prices: () => Promise.reject(new UpdraftError("config", "no price", "refresh")),
  };
  assert.equal(describeRenewalCost(await cost(undefined, away)), "liability: not known");
  await assert.rejects(cost(5, away), /no price/);
  const bug = { prices: () => Promise.reject(new TypeError("bug")) };
  await assert.rejects(cost(undefined, bug), TypeError);
});
