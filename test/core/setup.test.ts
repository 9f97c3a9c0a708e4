import assert from "node:assert/strict";
import { test } from "node:test";
import { setUpAccount, setUpAnnex } from "../../core/setup.ts";
import { World } from "../support/cloud.ts";
import { SITE, annex } from "../support/knobs.ts";

const TERMS = { region: "us-east-1", boundary: undefined, maxLeaseSeconds: undefined, alarmEmail: undefined };

test("a first set-up of the account uses the templates' defaults", async () => {
  const world = new World();
  world.stacks.clear();
  const { changed, setup } = await setUpAccount(world.ports as never, TERMS, {});
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
  const ports = world.ports as never;
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
  const ports = { ...world.ports, cloudFormation: world.cloudFormation };
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
  const ports = { ...world.ports, cloudFormation: world.cloudFormation };
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
