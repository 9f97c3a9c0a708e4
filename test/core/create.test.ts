import assert from "node:assert/strict";
import { test } from "node:test";
import { bootReport, describePlan, planCreate, watch, type CreatePlan } from "../../core/create.ts";
import { UpdraftError } from "../../core/errors.ts";
import type { AnnexKnobs } from "../../core/knobs.ts";
import { parseManifest } from "../../core/manifest.ts";
import { formatOwner } from "../../core/owner.ts";
import { fleetReasons, placeOrders } from "../../core/place-orders.ts";
import { checkSubnets, type OrderRequest } from "../../core/plan-order.ts";
import { writeAnnex } from "../../core/publish.ts";
import { World, instance } from "../support/cloud.ts";
import { SITE, annex } from "../support/knobs.ts";
import { token } from "../support/token.ts";

const REQUEST: OrderRequest = {
  count: 3,
  leaseSeconds: () => 3600,
  idleSeconds: 600,
  instanceTypes: ["m7i.large", "t3.micro"],
  user: "alice",
};

const plan = (
  world: World,
  knobs: AnnexKnobs = annex(),
  request: Partial<OrderRequest> = {},
): Promise<CreatePlan> => planCreate(world.ports, knobs, SITE, { ...REQUEST, ...request });

const CLAIM = {
  annex: "burst",
  pool: "pool.test",
  schedd: "cm.pool.test",
  account: "123456789012",
  region: "us-east-1",
};

test("a plan changes nothing and says what it will do and what it costs at worst", async () => {
  const world = new World();
  const made = await plan(world, annex({ maxPrice: 0.1 }));
  assert.deepEqual(world.deeds, []);
  const text = describePlan(made, world.now).join("\n");
  assert.match(
    text,
    /annex burst of pool pool\.test, schedd cm\.pool\.test, in account 123456789012, us-east-1/,
  );
  assert.match(text, /order: 3 × on-demand, of m7i\.large, t3\.micro/);
  assert.match(text, /lease: 1h, until 2030-03-17T18:46:40Z; ends sooner when idle for 10m/);
  // 3 × (3600 s + 120 s) × (0.1 + 0.001) USD per hour.
  assert.match(text, /price of one, at most: 0\.1 USD by UPDRAFT_burst_MAX_PRICE \+ 0\.0010 disk, per hour/);
  assert.match(text, /worst case: 3 × 1\.03 h = 0\.3131 USD/);
  assert.match(text, /liability with this order: 0\.3131 USD, without a limit \(UPDRAFT_burst_MAX_LIABILITY/);
  assert.match(text, /not included: traffic, NAT gateways/);
});

test("an order whose price is not known is refused before anything is done", async () => {
  const world = new World();
  world.book = { ...world.book, onDemand: {} };
  await assert.rejects(plan(world), {
    kind: "config",
    message: "the price of m7i.large in us-east-1 is not known",
    remedy: /updraft prices --annex burst --refresh, or set UPDRAFT_burst_MAX_PRICE/,
  });
  assert.deepEqual(world.deeds, []);
  assert.equal((await plan(world, annex({ maxPrice: 0.2 }))).price.instance, 0.2);
});

test("nothing is published or ordered while the security group lets in others than the knob says", async () => {
  const world = new World();
  const direct = annex({ publicIp: true, directFrom: ["203.0.113.0/24", "198.51.100.7/32"] });
  await assert.rejects(plan(world, direct), {
    kind: "config",
    message:
      "UPDRAFT_burst_DIRECT_FROM is not in effect: the annex's security group lets in nobody, the knob says 203.0.113.0/24,198.51.100.7/32",
    remedy: "Run: updraft setup --annex burst",
  });
  const stack = world.stacks.get("updraft-burst");
  assert.ok(stack);
  world.stacks.set("updraft-burst", {
    ...stack,
    outputs: { ...stack.outputs, DirectFrom: "203.0.113.0/24,198.51.100.7/32" },
  });
  const made = await plan(world, direct);
  await writeAnnex(world.ports, made);
  const manifest = parseManifest(
    new TextDecoder().decode(world.objects.get("annexes/burst/annex.ini")?.bytes),
  );
  assert.ok(typeof manifest !== "string" && manifest.direct);
  await assert.rejects(plan(world), /lets in 203\.0\.113\.0\/24,198\.51\.100\.7\/32, the knob says nobody/);
});

test("the claim is written first and the manifest last, before the order", async () => {
  const world = new World();
  const made = await plan(world);
  await writeAnnex(world.ports, made);
  await placeOrders(world.ports, made);
  assert.deepEqual(
    world.deeds.map((deed) => deed.replace(/[0-9a-f]{64}/, "SHA")),
    [
      "claim annexes/burst/owner",
      "put annexes/burst/config/SHA.tar.gz",
      "put annexes/burst/credential/SHA",
      "put annexes/burst/annex.ini",
      "intend",
      "order",
      "answered",
    ],
  );
});

test("the manifest names what was written, and the configuration holds START and the directory's files", async () => {
  const world = new World();
  world.configFiles = { "70-local.config": "X = 1\n" };
  await writeAnnex(world.ports, await plan(world));
  const manifest = parseManifest(world.text("annexes/burst/annex.ini") ?? "");
  assert.ok(typeof manifest !== "string");
  assert.equal(manifest.pool, "pool.test");
  assert.equal(manifest.maxLeaseSeconds, 604800);
  assert.equal(world.text(`annexes/burst/credential/${manifest.credential.sha256}`), "scrambled");
  const files = JSON.parse(
    world.text(`annexes/burst/config/${manifest.configSha256}.tar.gz`) ?? "",
  ) as Record<string, string>;
  assert.equal(files["70-local.config"], "X = 1\n");
  const config = files["50-updraft-annex.config"] ?? "";
  assert.match(config, /^COLLECTOR_HOST = cm\.pool\.test$/m);
  assert.match(config, /^AnnexName = "burst"$/m);
  assert.match(config, /^SEC_DEFAULT_AUTHENTICATION_METHODS = FS, PASSWORD$/m);
  assert.match(config, /^START = \(MayUseAWS =\?= true\) && /m);
  assert.match(config, /^UID_DOMAIN = \$\(FULL_HOSTNAME\)$/m);
  assert.doesNotMatch(config, /scrambled/);
});

test("the same create again writes no second manifest", async () => {
  const world = new World();
  await writeAnnex(world.ports, await plan(world));
  world.deeds.length = 0;
  await writeAnnex(world.ports, await plan(world));
  assert.ok(!world.deeds.includes("put annexes/burst/annex.ini"));
});

test("what a manifest has not named for an hour is removed, and nothing sooner", async () => {
  const world = new World();
  await writeAnnex(world.ports, await plan(world));
  const first = parseManifest(world.text("annexes/burst/annex.ini") ?? "");
  assert.ok(typeof first !== "string");
  const oldKey = `annexes/burst/credential/${first.credential.sha256}`;

  world.now += 7200;
  world.credential = new TextEncoder().encode("another");
  await writeAnnex(world.ports, await plan(world));
  assert.ok(world.objects.has(oldKey), "it was named until now");
  world.now += 3599;
  await writeAnnex(world.ports, await plan(world));
  assert.ok(world.objects.has(oldKey), "a node may still be booting");
  world.now += 2;
  await writeAnnex(world.ports, await plan(world));
  assert.ok(!world.objects.has(oldKey));
  assert.ok(world.objects.has("annexes/burst/owner"));
});

test("a manifest that cannot be read is replaced, and nothing is removed by it", async () => {
  const world = new World();
  world.put("annexes/burst/annex.ini", "garbage", world.now - 9999);
  world.put("annexes/burst/config/x.tar.gz", "x", world.now - 9999);
  await writeAnnex(world.ports, await plan(world));
  assert.ok(world.objects.has("annexes/burst/config/x.tar.gz"));
  assert.notEqual(world.text("annexes/burst/annex.ini"), "garbage");
});

test("another pool's annex is refused before anything is written", async () => {
  const world = new World();
  world.put("annexes/burst/owner", formatOwner({ ...CLAIM, pool: "pool2.test" }));
  await assert.rejects(plan(world), {
    kind: "denied",
    message: /belongs to schedd cm\.pool\.test of pool pool2\.test/,
  });
  assert.deepEqual(world.deeds, []);
});

test("a token is published with its end, which everyone may read, and is not in the manifest itself", async () => {
  const world = new World();
  world.credential = new TextEncoder().encode(token());
  await writeAnnex(world.ports, await plan(world, annex({ credential: "idtoken" })));
  const manifest = parseManifest(world.text("annexes/burst/annex.ini") ?? "");
  assert.ok(typeof manifest !== "string");
  assert.equal(manifest.credential.kind, "idtoken");
  assert.equal(manifest.credential.expires, 1_902_592_000);
  assert.ok(!world.text("annexes/burst/annex.ini")?.includes(token().split(".")[2]?.trim() ?? "?"));
});

test("a claim that another pool wins in the meantime is refused before anything else is written", async () => {
  const world = new World();
  const made = await plan(world);
  world.put("annexes/burst/owner", formatOwner({ ...CLAIM, pool: "pool2.test" }));
  await assert.rejects(writeAnnex(world.ports, made), { kind: "denied" });
  assert.deepEqual(world.deeds, []);
});

test("everything that would make an order useless is refused before it", async () => {
  const cases: [string, (world: World) => Promise<unknown>, RegExp, string][] = [
    ["no token", (w) => plan(w, annex({ credential: "idtoken" })), /it is no JSON web token/, "config"],
    [
      "a token that ends before the leases",
      (w) => (
        (w.credential = new TextEncoder().encode(token({ exp: w.now + 3600 }))),
        plan(w, annex({ credential: "idtoken" }), { leaseSeconds: () => 3600 })
      ),
      /the token of annex burst ends at .* one that lasts 5m longer/,
      "config",
    ],
    [
      "no account stack",
      (w) => (w.stacks.delete("updraft"), plan(w)),
      /is not set up: there is no stack updraft/,
      "config",
    ],
    [
      "no annex stack",
      (w) => (w.stacks.delete("updraft-burst"), plan(w)),
      /no stack updraft-burst/,
      "config",
    ],
    ["no image", (w) => plan(w, annex({ image: "ami-00000000" })), /no image ami-00000000/, "config"],
    [
      "no type",
      (w) => plan(w, annex(), { instanceTypes: ["none.large"] }),
      /no instance type none\.large/,
      "config",
    ],
    [
      "config file name",
      (w) => ((w.configFiles = { "x y.config": "" }), plan(w)),
      /x y\.config is not a name for a file/,
      "config",
    ],
    [
      "our own file name",
      (w) => ((w.configFiles = { "50-updraft-annex.config": "" }), plan(w)),
      /Updraft writes itself/,
      "config",
    ],
    [
      "too many",
      (w) => ((w.instances = [instance()]), plan(w, annex({ maxInstances: 3 }))),
      /would make 4 instances/,
      "usage",
    ],
  ];
  for (const [name, act, message, kind] of cases) {
    const world = new World();
    await assert.rejects(act(world), { message, kind }, name);
    assert.deepEqual(world.deeds, [], name);
  }
});

test("instances of others do not count against the annex's limit", async () => {
  const world = new World();
  world.instances = [
    instance({ id: "i-9", tags: { ...instance().tags, "htcondor:Pool": "pool2.test" } }),
    instance({ id: "i-8", state: "terminated" }),
  ];
  assert.equal((await plan(world, annex({ maxInstances: 3 }))).alreadyLive, 0);
});

test("a collector address that no node could read from the manifest is refused", async () => {
  const world = new World();
  const made = await planCreate(world.ports, annex(), { ...SITE, collectors: 'a"b' }, REQUEST);
  await assert.rejects(writeAnnex(world.ports, made), {
    kind: "config",
    message: /could not read this annex's manifest/,
  });
});

test("subnets must exist, lie in one VPC, and each in its own zone", () => {
  const knobs = annex({ subnets: ["subnet-1", "subnet-2"] });
  const one = { id: "subnet-1", vpcId: "vpc-1", zone: "a" };
  checkSubnets([one, { id: "subnet-2", vpcId: "vpc-1", zone: "b" }], knobs);
  assert.throws(() => checkSubnets([one], knobs), /no subnet subnet-2/);
  assert.throws(() => checkSubnets([one, { id: "subnet-2", vpcId: "vpc-2", zone: "b" }], knobs), /2 VPCs/);
  assert.throws(
    () => checkSubnets([one, { id: "subnet-2", vpcId: "vpc-1", zone: "a" }], knobs),
    /both in zone a/,
  );
});

test("spot-then-on-demand orders on-demand only what spot did not give, as an order of its own", async () => {
  const world = new World();
  world.fleetAnswers.push({
    outcome: "answered",
    instanceIds: ["i-1"],
    errors: [{ code: "E", message: "none left" }],
  });
  const placed = await placeOrders(
    world.ports,
    await plan(world, annex({ purchase: "spot-then-on-demand" })),
  );
  assert.deepEqual(
    world.requests.map((request) => request.TargetCapacitySpecification),
    [
      { TotalTargetCapacity: 3, DefaultTargetCapacityType: "spot" },
      { TotalTargetCapacity: 2, DefaultTargetCapacityType: "on-demand" },
    ],
  );
  assert.notEqual(world.requests[0]?.ClientToken, world.requests[1]?.ClientToken);
  assert.deepEqual(fleetReasons(placed), ["E: none left"]);
});

test("what spot gave is told although the order on-demand is refused", async () => {
  const knobs = annex({ purchase: "spot-then-on-demand" });
  const refusing = (world: World, kind: "denied" | "failed") => {
    const { createFleet } = world.ec2;
    world.ec2.createFleet = async (request) => {
      if (request.TargetCapacitySpecification.DefaultTargetCapacityType === "spot")
        return createFleet(request);
      throw new UpdraftError(kind, "no", "ask");
    };
    return world;
  };
  const one = { outcome: "answered", instanceIds: ["i-1"], errors: [] } as const;
  const world = refusing(new World(), "denied");
  world.fleetAnswers.push(one);
  const placed = await placeOrders(world.ports, await plan(world, knobs));
  assert.deepEqual(
    [placed.length, placed[0]?.instanceIds, fleetReasons(placed)],
    [1, ["i-1"], ["on-demand: no"]],
  );
  const nothing = refusing(new World(), "denied");
  nothing.fleetAnswers.push({ ...one, instanceIds: [] });
  await assert.rejects(placeOrders(nothing.ports, await plan(nothing, knobs)), { kind: "denied" });
  const unclear = refusing(new World(), "failed");
  unclear.fleetAnswers.push(one);
  await assert.rejects(placeOrders(unclear.ports, await plan(unclear, knobs)), { kind: "failed" });
});

test("a type that is not there is the option's fault when the option named it", async () => {
  const cases = [
    ["--type", /^Correct --type\.$/],
    [undefined, /^Correct UPDRAFT_burst_INSTANCE_TYPES\.$/],
  ] as const;
  for (const [typesOption, remedy] of cases) {
    const world = new World();
    const request = { instanceTypes: ["none.large"], typesOption };
    await assert.rejects(plan(world, annex(), request), { kind: "config", remedy });
    const said = (kind: "config" | "failed") => () =>
      Promise.reject(new UpdraftError(kind, "no such type", "r"));
    world.ec2.instanceTypes = said("config");
    await assert.rejects(plan(world, annex(), request), { message: "no such type", remedy });
    world.ec2.instanceTypes = said("failed");
    await assert.rejects(plan(world, annex(), request), { kind: "failed", remedy: "r" });
  }
});

test("when spot gives everything there is no second order", async () => {
  const world = new World();
  await placeOrders(world.ports, await plan(world, annex({ purchase: "spot-then-on-demand" })));
  assert.equal(world.requests.length, 1);
});

test("an order whose outcome is not known is sent again as the very same request", async () => {
  const world = new World();
  world.fleetAnswers.push({ outcome: "unknown", reason: "time-out" });
  const placed = await placeOrders(world.ports, await plan(world));
  assert.equal(world.requests.length, 2);
  assert.deepEqual(world.requests[0], world.requests[1]);
  assert.equal(placed[0]?.instanceIds.length, 3);
});

test("an order whose answers are all lost is found by its id", async () => {
  const world = new World();
  const unknown = { outcome: "unknown", reason: "time-out" } as const;
  world.fleetAnswers.push("lost", unknown, unknown, unknown);
  const placed = await placeOrders(world.ports, await plan(world));
  assert.deepEqual(placed[0]?.instanceIds, ["i-1", "i-2", "i-3"]);
});

test("an order that nobody knows of is told as such and never ordered anew", async () => {
  const world = new World();
  for (let i = 0; i < 9; i++) world.fleetAnswers.push({ outcome: "unknown", reason: "time-out" });
  await assert.rejects(placeOrders(world.ports, await plan(world)), {
    kind: "failed",
    message: /nobody knows.*time-out/,
  });
  assert.equal(new Set(world.requests.map((request) => request.ClientToken)).size, 1);
});

test("an instance profile that EC2 does not see yet is waited for, but not for ever", async () => {
  const refused = {
    outcome: "answered",
    instanceIds: [],
    errors: [
      {
        code: "InvalidParameterValue",
        message: "Value (x) for parameter iamInstanceProfile is invalid. Invalid IAM Instance Profile ARN",
      },
    ],
  } as const;
  const world = new World();
  world.fleetAnswers.push(refused, refused);
  assert.equal((await placeOrders(world.ports, await plan(world)))[0]?.instanceIds.length, 3);
  const never = new World();
  for (let i = 0; i < 50; i++) never.fleetAnswers.push(refused);
  assert.equal((await placeOrders(never.ports, await plan(never)))[0]?.instanceIds.length, 0);
});

test("waiting shows ordered, running, joined, and ends when all have joined", async () => {
  const world = new World();
  const made = await plan(world);
  const placed = await placeOrders(world.ports, made);
  world.instances = world.instances.map((one) => (one.id === "i-1" ? { ...one, state: "pending" } : one));
  const sleep = world.clock.sleep;
  world.clock.sleep = async (seconds) => {
    await sleep(seconds);
    world.instances = world.instances.map((one) => ({ ...one, state: "running" }));
  };
  world.said.length = 0;
  const seen = await watch(world.ports, made, placed, 600);
  assert.ok(seen.every((one) => one.progress === "joined"));
  assert.match(world.said[0] ?? "", /^0s: 1 ordered, 2 running, 0 joined$/);
  assert.match(world.said.at(-1) ?? "", /0 ordered, 0 running, 3 joined$/);
});

test("waiting ends at its time-out, and says who is late and who has ended", async () => {
  const world = new World();
  world.joinAfterSeconds = undefined;
  const made = await plan(world);
  const placed = await placeOrders(world.ports, made);
  world.instances = world.instances.map((one) => (one.id === "i-1" ? { ...one, state: "terminated" } : one));
  const started = world.now;
  const seen = await watch(world.ports, made, placed, 700);
  assert.deepEqual(
    seen.map((one) => one.progress),
    ["gone", "late", "late"],
  );
  assert.ok(world.now - started >= 700 && world.now - started < 710);
  assert.match(world.said.at(-1) ?? "", /2 late, 1 ended$/);
});

test("waiting ends when every instance is gone, also when EC2 has forgotten them", async () => {
  const world = new World();
  world.joinAfterSeconds = undefined;
  const made = await plan(world);
  const placed = await placeOrders(world.ports, made);
  const sleep = world.clock.sleep;
  world.clock.sleep = async (seconds) => {
    await sleep(seconds);
    world.instances = [];
  };
  const started = world.now;
  assert.deepEqual(await watch(world.ports, made, placed, 700), []);
  assert.ok(world.now - started < 10);
});

test("a collector that does not answer ends no waiting, but a fault of ours does", async () => {
  const world = new World();
  const made = await plan(world);
  const placed = await placeOrders(world.ports, made);
  let failures = 2;
  const slots = async (name: string) => {
    if (failures-- > 0) throw new UpdraftError("failed", "no answer", "wait");
    return world.ports.slots(name);
  };
  const seen = await watch({ ...world.ports, slots }, made, placed, 600);
  assert.equal(seen.length, 3);
  assert.ok(world.said.includes("the collector does not answer: no answer"));
  const broken = async () => {
    throw new TypeError("bug");
  };
  await assert.rejects(watch({ ...world.ports, slots: broken }, made, placed, 600), TypeError);
});

test("what an instance wrote about its failed boot is found", async () => {
  const world = new World();
  const made = await plan(world);
  world.put("reports/burst/AROA1:i-1", "no HTCondor\n");
  assert.equal(await bootReport(world.ports, made, "i-1"), "no HTCondor");
  assert.equal(await bootReport(world.ports, made, "i-2"), undefined);
  world.put(
    "reports/burst/AROA1:i-3",
    '{"step":"Files","reason":"no space","remedy":"Take a larger disk."}\n',
  );
  assert.equal(await bootReport(world.ports, made, "i-3"), "Files: no space. Take a larger disk.");
  world.put("reports/burst/AROA1:i-4", '{"step":"Files"}');
  assert.equal(await bootReport(world.ports, made, "i-4"), '{"step":"Files"}');
});
