import assert from "node:assert/strict";
import { test } from "node:test";
import { freeAddresses, offered, wayOut } from "../../../core/check/network.ts";
import type { Route, RouteTable, SubnetFacts } from "../../../core/check/ports.ts";
import { annex } from "../../support/knobs.ts";

const SUBNET: SubnetFacts = { id: "subnet-1", vpcId: "vpc-1", zone: "us-east-1a", free: 10 };
const LOCAL: Route = { destination: "172.31.0.0/16", target: "local", active: true };
const ENDPOINT: Route = { destination: "pl-1", target: "vpce-1", active: true };
const out = (target: string, active = true): Route => ({ destination: "0.0.0.0/0", target, active });
const table = (routes: readonly Route[], changes: Partial<RouteTable> = {}): RouteTable => ({
  id: "rtb-1",
  main: true,
  subnets: [],
  routes: [LOCAL, ...routes],
  ...changes,
});

const CASES: [title: string, routes: Route[], publicIp: boolean, level: string, what: RegExp][] = [
  ["by a NAT gateway", [out("nat-1")], false, "ok", /through nat-1/],
  ["by a transit gateway", [out("tgw-1")], false, "ok", /through tgw-1/],
  ["by a NAT gateway, S3 by an endpoint", [out("nat-1"), ENDPOINT], false, "ok", /S3 through vpce-1/],
  ["by an internet gateway with public addresses", [out("igw-1")], true, "ok", /through igw-1/],
  ["by an internet gateway without", [out("igw-1")], false, "wrong", /public addresses only/],
  [
    "by an internet gateway without, S3 by an endpoint",
    [out("igw-1"), ENDPOINT],
    false,
    "warning",
    /S3 through vpce-1/,
  ],
  ["not at all", [], false, "wrong", /no route out/],
  ["by something that is gone", [out("nat-1", false)], false, "wrong", /to nat-1, which is gone/],
  ["not at all but to S3", [ENDPOINT], false, "warning", /the pool only inside the VPC/],
  [
    "not at all, the endpoint gone",
    [{ ...ENDPOINT, active: false }],
    false,
    "wrong",
    /neither S3 nor the pool/,
  ],
];

for (const [title, routes, publicIp, level, what] of CASES) {
  test(`a subnet that gets out ${title} is ${level}`, () => {
    const found = wayOut(annex({ publicIp }), SUBNET, [table(routes)]);
    assert.equal(found.level, level, found.what);
    assert.match(found.what, what);
  });
}

test("a subnet's own route table counts before the main one", () => {
  const own = table([], { id: "rtb-2", main: false, subnets: ["subnet-1"] });
  assert.equal(wayOut(annex(), SUBNET, [table([out("nat-1")]), own]).level, "wrong");
});

test("one full subnet among others is a warning", () => {
  const full = { ...SUBNET, id: "subnet-2", zone: "us-east-1b", free: 0 };
  const found = freeAddresses(annex({ maxInstances: 5 }), [SUBNET, full]);
  assert.deepEqual(
    found.map((one) => one.level),
    ["ok", "warning"],
  );
  assert.match(found[1]?.what ?? "", /subnet-2 \(us-east-1b\)/);
});

test("a type of which nothing is known is offered nowhere", () => {
  const [found] = offered(annex({ instanceTypes: ["m7i.large"] }), ["us-east-1a"], new Map());
  assert.equal(found?.level, "wrong");
});
