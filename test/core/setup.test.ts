import assert from "node:assert/strict";
import { test } from "node:test";
import { setUpAccount, setUpAnnex } from "../../core/setup.ts";
import { World } from "../support/cloud.ts";
import { SITE, annex } from "../support/knobs.ts";

const portsOf = (world: World) => ({
  ...world.ports,
  ...world.surroundings,
  cloudFormation: world.cloudFormation,
});

const TERMS = { region: "us-east-1", boundary: undefined, maxLeaseSeconds: undefined, alarmEmail: undefined };

test("a first set-up of the account uses the templates' defaults", async () => {
  const world = new World();
  world.stacks.clear();
  const { changed, setup } = await setUpAccount(portsOf(world), TERMS, {});
  assert.equal(changed, true);
  assert.equal(setup.bucket, "updraft-bucket");
  assert.deepEqual(world.stacks.get("updraft")?.parameters, {
    PermissionsBoundary: "no-permissions-boundary",
    AlarmEmail: "",
  });
});

test("a repeated set-up keeps what was chosen before and changes what is given", async () => {
  const world = new World();
  world.stacks.clear();
  const ports = portsOf(world);
  await setUpAccount(ports, { ...TERMS, boundary: "arn:x", maxLeaseSeconds: 7200, alarmEmail: "a@b" }, {});
  await setUpAccount(ports, TERMS, {});
  assert.deepEqual(world.stacks.get("updraft")?.parameters, {
    PermissionsBoundary: "arn:x",
    MaxLeaseSeconds: "7200",
    AlarmEmail: "a@b",
  });
  assert.equal(
    (await setUpAccount(ports, { ...TERMS, maxLeaseSeconds: 9000 }, {})).setup.maxLeaseSeconds,
    9000,
  );
});

const ANNEX_TERMS = {
  boundary: undefined,
  program: { bytes: new Uint8Array(10), sha256: "ab" },
  template: (p: { bucket: string; programSha256: string }) => p,
};

test("an annex's set-up uploads the program once and gives the stack what it needs", async () => {
  const world = new World();
  world.stacks.delete("updraft-burst");
  const ports = portsOf(world);
  const knobs = annex({ publicIp: true, keyName: "admin" });
  const first = await setUpAnnex(ports, knobs, SITE, ANNEX_TERMS);
  assert.deepEqual(first, { changed: true, uploaded: true, bucket: "updraft-bucket" });
  assert.deepEqual(world.deeds, ["put bin/ab/updraft-bootstrap", "deploy updraft-burst"]);
  const stack = world.stacks.get("updraft-burst");
  assert.deepEqual(stack?.parameters, {
    PermissionsBoundary: "no-permissions-boundary",
    Annex: "burst",
    Pool: "pool.test",
    Bucket: "updraft-bucket",
    VpcId: "vpc-1",
    PublicIp: "true",
    KeyName: "admin",
    ImageId: "ami-0123456789abcdef0",
    InstanceTypes: "m7i.large,m6i.large",
  });
  assert.equal(stack?.outputs["Template"], '{"bucket":"updraft-bucket","programSha256":"ab"}');
  assert.equal((await setUpAnnex(ports, knobs, SITE, ANNEX_TERMS)).uploaded, false);
});

test("an annex cannot be set up before the account, for another pool, or in subnets that do not exist", async () => {
  const world = new World();
  const ports = portsOf(world);
  await assert.rejects(setUpAnnex(ports, annex(), { ...SITE, pool: "pool2.test" }, ANNEX_TERMS), {
    kind: "denied",
  });
  const none = { ...ports, ec2: { subnets: async () => [] } };
  await assert.rejects(setUpAnnex(none, annex(), SITE, ANNEX_TERMS), /no subnet/);
  world.stacks.delete("updraft");
  await assert.rejects(setUpAnnex(ports, annex(), SITE, ANNEX_TERMS), {
    remedy: "Run: updraft setup --region us-east-1",
  });
  assert.deepEqual(world.deeds, []);
});

test("a stack that never came to be, or half went, is deleted and made again with what was chosen", async () => {
  const world = new World();
  const stack = {
    status: "DELETE_FAILED",
    parameters: { MaxLeaseSeconds: "7200", AlarmEmail: "a@b" },
    outputs: {},
  };
  world.stacks.set("updraft", stack);
  const { setup } = await setUpAccount(portsOf(world), TERMS, {});
  assert.deepEqual(world.deeds, ["delete stack updraft", "deploy updraft"]);
  assert.equal(setup.maxLeaseSeconds, 7200);
  assert.match(world.said.join("\n"), /stack updraft is DELETE_FAILED: it is deleted and made again/);

  const other = new World();
  other.stacks.set("updraft-burst", { ...stack, parameters: { Pool: "pool.test" } });
  await setUpAnnex(portsOf(other), annex(), SITE, ANNEX_TERMS);
  assert.deepEqual(other.deeds.slice(1), ["delete stack updraft-burst", "deploy updraft-burst"]);
});

test("a bucket that somebody has deleted is told, with what to do, before anything is made", async () => {
  const world = new World();
  world.hasBucket = false;
  const told = {
    kind: "config",
    message: /bucket updraft-bucket .* is gone/,
    remedy: /teardown --region us-east-1/,
  };
  await assert.rejects(setUpAccount(portsOf(world), TERMS, {}), told);
  await assert.rejects(setUpAnnex(portsOf(world), annex(), SITE, ANNEX_TERMS), told);
  assert.deepEqual(world.deeds, []);
});

test("a key pair that does not exist is told before anything is made", async () => {
  const world = new World();
  await assert.rejects(setUpAnnex(portsOf(world), annex({ keyName: "lost" }), SITE, ANNEX_TERMS), {
    kind: "config",
    message: /no key pair lost in us-east-1/,
    remedy: /UPDRAFT_burst_KEY_NAME/,
  });
  assert.deepEqual(world.deeds, []);
});

test("EC2's role for spot instances is made only when an annex buys them and it is not there", async () => {
  const deeds = async (world: World, purchase: "spot" | "on-demand") => {
    await setUpAnnex(portsOf(world), annex({ purchase }), SITE, ANNEX_TERMS);
    return world.deeds.filter((deed) => deed.includes("spot"));
  };
  const world = new World();
  assert.deepEqual(await deeds(world, "on-demand"), []);
  assert.deepEqual(await deeds(world, "spot"), ["create the spot role"]);
  assert.match(world.said.join("\n"), /service-linked role/);
  assert.deepEqual(await deeds(world, "spot"), ["create the spot role"]);
  // Somebody else was quicker.
  const raced = new World();
  raced.hasSpotRole = true;
  raced.surroundings.iam.spotRole = async () => false;
  await setUpAnnex(portsOf(raced), annex({ purchase: "spot" }), SITE, ANNEX_TERMS);
  assert.doesNotMatch(raced.said.join("\n"), /service-linked role/);
});
