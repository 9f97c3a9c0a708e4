import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccountFacts, PlaceFacts, Trials } from "../../core/check/ports.ts";
import type { EnforcerCall } from "../../core/sweep.ts";

/** What the check reads of an account, whatever stands behind it: first of parts that are there, then of none. */
export function factsContract(
  name: string,
  facts: () => AccountFacts,
  made: () => {
    bucket: string;
    account: string;
    topic: string;
    function: string;
    rule: string;
    alarm: string;
    stack: string;
  },
): void {
  test(`${name}: whose credentials these are`, async () => {
    const { account, arn } = await facts().identity();
    assert.equal(account, made().account);
    assert.match(arn, /^arn:aws:iam::\d{12}:user\//);
  });

  test(`${name}: a stack's template is the text that it was made of`, async () => {
    assert.match(await facts().template(made().stack), /"Resources"/);
    await assert.rejects(facts().template("updraft-none"), { message: /does not exist/ });
  });

  test(`${name}: a bucket that is private and encrypted, with its policy, and one that is none of it`, async () => {
    const { bucket, account } = made();
    assert.deepEqual(await facts().bucket(bucket, account), {
      publicAccessBlocked: true,
      encrypted: true,
      denials: ["TlsOnly", "CredentialsForNodesOnly", "ClaimOnce"],
    });
    assert.deepEqual(await facts().bucket("updraft-contract", account), {
      publicAccessBlocked: false,
      encrypted: false,
      denials: [],
    });
    await assert.rejects(facts().bucket(bucket, "999999999999"), { kind: "denied" });
  });

  test(`${name}: function, rule and alarm, and what is not there is undefined`, async () => {
    assert.equal(await facts().functionState(made().function), "Active");
    assert.equal(await facts().functionState("none"), undefined);
    const rule = await facts().rule(made().rule);
    assert.equal(rule?.enabled, true);
    assert.match(rule?.targets[0] ?? "", /:function:/);
    assert.equal(await facts().rule("none"), undefined);
    assert.deepEqual(await facts().alarm(made().alarm), { state: "ALARM", actionsEnabled: true });
    assert.equal(await facts().alarm("none"), undefined);
  });

  test(`${name}: a subscription by mail is pending until it is confirmed`, async () => {
    assert.deepEqual(await facts().subscriptions(made().topic), [
      { endpoint: "admin@example.org", confirmed: false },
    ]);
  });

  test(`${name}: a quota has its value, and one that the account does not have is 0`, async () => {
    assert.equal(await facts().quota("L-1216C47A"), 4096);
    assert.equal(await facts().quota("L-417A185B"), 0);
    assert.equal(await facts().quota("L-00000000"), 0);
  });
}

/** What the check reads of a network and its catalogue. */
export function placesContract(
  name: string,
  places: () => PlaceFacts,
  made: () => { subnets: readonly { subnetId: string; zone: string; vpcId: string }[]; image: string },
): void {
  test(`${name}: subnets with what is free, and unknown ones are left out`, async () => {
    const [first] = made().subnets;
    const found = await places().subnets([first?.subnetId ?? "", "subnet-0123456789abcdef0"]);
    assert.equal(found.length, 1);
    assert.deepEqual([found[0]?.zone, found[0]?.vpcId], [first?.zone, first?.vpcId]);
    assert.ok((found[0]?.free ?? 0) > 4000);
    assert.deepEqual(await places().ranges(first?.vpcId ?? ""), ["172.31.0.0/16"]);
  });

  test(`${name}: the main route table goes out through NAT, the last subnet's own through the internet gateway`, async () => {
    const { subnets } = made();
    const tables = await places().routeTables(subnets[0]?.vpcId ?? "");
    const out = (one?: (typeof tables)[number]): string =>
      one?.routes.find((route) => route.destination === "0.0.0.0/0")?.target ?? "";
    assert.match(out(tables.find((one) => one.main)), /^nat-/);
    assert.match(out(tables.find((one) => one.subnets.includes(subnets.at(-1)?.subnetId ?? ""))), /^igw-/);
    assert.ok(tables.every((one) => one.routes.every((route) => route.active)));
  });

  test(`${name}: types, where they are offered, and an image`, async () => {
    const [type] = await places().types(["m5.large"]);
    assert.deepEqual(type, { type: "m5.large", cpus: 2, architectures: ["x86_64"] });
    const zones = (await places().zonesOf(["m5.large"])).get("m5.large");
    assert.deepEqual([zones?.has("us-east-1a"), zones?.has("us-east-1e")], [true, false]);
    assert.deepEqual(await places().image(made().image), {
      id: made().image,
      name: "htcondor-updraft",
      state: "available",
      architecture: "x86_64",
    });
    assert.equal(await places().image("ami-0deadbeef"), undefined);
  });

  test(`${name}: what is not there: a group, a key pair, an instance`, async () => {
    assert.equal(await places().group("sg-0123456789abcdef0"), undefined);
    assert.equal(await places().hasKeyPair("nobody"), false);
    assert.deepEqual(await places().running(), []);
  });
}

/** Orders that are judged and never carried out. */
export function trialsContract(
  name: string,
  trials: () => Trials,
  order: () => Parameters<Trials["launch"]>[0],
  launched: () => number,
): void {
  test(`${name}: an order that would succeed launches nothing`, async () => {
    const { template, imageId, type, subnet } = order();
    assert.equal((await trials().launch(order())).code, "DryRunOperation");
    const fleet = await trials().fleet({
      Type: "instant",
      ClientToken: "trial",
      TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: "on-demand" },
      LaunchTemplateConfigs: [
        {
          LaunchTemplateSpecification: { LaunchTemplateId: template.id, Version: template.version },
          Overrides: [{ InstanceType: type, SubnetId: subnet, ImageId: imageId }],
        },
      ],
      TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "a", Value: "b" }] }],
    });
    assert.equal(fleet.code, "DryRunOperation");
    assert.equal(launched(), 0);
  });

  test(`${name}: what EC2 objects to is an answer`, async () => {
    assert.equal(
      (await trials().launch({ ...order(), imageId: "ami-0deadbeef" })).code,
      "InvalidAMIID.NotFound",
    );
  });
}

/** A call of the enforcer. */
export function enforcerContract(name: string, call: () => EnforcerCall, named: () => string): void {
  test(`${name}: what a function returned, what it printed, and whether it failed`, async () => {
    const answer = await call()(named(), { dryRun: true });
    assert.deepEqual([answer?.failed, JSON.parse(answer?.payload ?? "")], [false, { dryRun: true }]);
    assert.match(answer?.log ?? "", /hello/);
    const failed = await call()(named(), { fail: true });
    assert.equal(failed?.failed, true);
    assert.match(failed?.payload ?? "", /it broke/);
    assert.equal(await call()("none", {}), undefined);
  });
}
