import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  closingRules,
  IPTABLES,
  METADATA_RULES,
  missingMetadataRule,
  openChains,
} from "../../core/node-metadata.ts";

const match = (field: string, right: unknown) => ({
  match: { op: "==", left: { payload: { protocol: "ip", field } }, right },
});
const root = { match: { op: "==", left: { meta: { key: "skuid" } }, right: 0 } };
const rule = (chain: string, ...expr: object[]) => ({
  rule: { family: "inet", table: "updraft", chain, expr },
});
const chain = (name: string, change: object = {}) => ({
  chain: {
    family: "inet",
    table: "updraft",
    name,
    type: "filter",
    hook: name,
    prio: 0,
    policy: "accept",
    ...change,
  },
});
const reject = { reject: { type: "icmpx", expr: "port-unreachable" } };
const v4 = "169.254.169.254";
const v6 = "fd00:ec2::254";

/** As nft lists it. */
const closed: object[] = [
  { metainfo: { json_schema_version: 1 } },
  { table: { family: "inet", name: "updraft" } },
  chain("output"),
  rule("output", match("daddr", v4), root, { accept: null }),
  rule("output", match("daddr", v4), reject),
  rule("output", match("daddr", v6), root, { accept: null }),
  rule("output", match("daddr", v6), reject),
  chain("forward"),
  rule("forward", match("daddr", v4), { drop: null }),
  rule("forward", match("daddr", v6), { drop: null }),
];
const check = (objects: object[]): string | undefined =>
  missingMetadataRule(JSON.stringify({ nftables: objects }));

describe("the metadata service", () => {
  it("is closed when nft lists all the rules", () => assert.equal(check(closed), undefined));

  for (const missing of closed.keys()) {
    const text = JSON.stringify(closed[missing]);
    if (!text.startsWith('{"rule') && !text.startsWith('{"chain')) continue;
    it(`is open without ${text.slice(0, 60)}… (${missing})`, () => {
      assert.notEqual(check(closed.filter((_, index) => index !== missing)), undefined);
    });
  }

  const replaced: readonly (readonly [string, number, object])[] = [
    [
      "for a user other than root",
      3,
      rule(
        "output",
        match("daddr", v4),
        { match: { op: "==", left: { meta: { key: "skuid" } }, right: 1000 } },
        { accept: null },
      ),
    ],
    ["for everyone", 3, rule("output", match("daddr", v4), { accept: null })],
    [
      "when only some are rejected",
      4,
      rule(
        "output",
        match("daddr", v4),
        { match: { op: "==", left: { meta: { key: "skuid" } }, right: 1000 } },
        reject,
      ),
    ],
    [
      "when it is everything else that is rejected",
      4,
      rule("output", { match: { op: "!=", left: { payload: { field: "daddr" } }, right: v4 } }, reject),
    ],
    ["when a rule only counts", 4, rule("output", match("daddr", v4), { counter: {} })],
    ["when the chain is not at its hook", 2, { chain: { name: "output" } }],
    ["when the chain is no filter", 7, chain("forward", { type: "route" })],
  ];
  for (const [what, at, object] of replaced) {
    it(`is open ${what}`, () => assert.notEqual(check(closed.with(at, object)), undefined));
  }

  it("is open when the order of two rules lets everyone through or nobody", () => {
    const [first, second] = [closed[3], closed[4]];
    assert.ok(first !== undefined && second !== undefined);
    assert.notEqual(check(closed.with(3, second).with(4, first)), undefined);
  });
  it("is open when nothing is listed", () => {
    assert.notEqual(missingMetadataRule("{}"), undefined);
    assert.notEqual(check([{ rule: { chain: "output" } }]), undefined);
  });
  it("is closed in one transaction that can be repeated", () => {
    assert.match(METADATA_RULES, /^table inet updraft \{\}\ndelete table inet updraft\n/);
  });
});

describe("the metadata service by iptables", () => {
  const [kind] = IPTABLES;
  const reject =
    "-A OUTPUT -d 169.254.169.254/32 -m owner ! --uid-owner 0 -j REJECT --reject-with icmp-port-unreachable";
  const drop = "-A FORWARD -d 169.254.169.254/32 -j DROP";
  const listing = (...rules: string[]): string =>
    ["-P OUTPUT ACCEPT", "-P FORWARD DROP", ...rules, ""].join("\n");

  for (const [what, rules, open] of [
    ["has no rules", [], ["OUTPUT", "FORWARD"]],
    ["is closed", [reject, drop, "-A OUTPUT -j ACCEPT"], []],
    ["lets everything out first", ["-A OUTPUT -j ACCEPT", reject, drop], ["OUTPUT"]],
    ["lets another user out", [reject.replace("owner 0", "owner 7"), drop], ["OUTPUT"]],
    ["is open to containers", [reject], ["FORWARD"]],
  ] as const) {
    it(`is looked at chain by chain: it ${what}`, () =>
      assert.deepEqual(openChains(listing(...rules), kind), open));
  }

  it("is closed by what the listing then shows", () => {
    const rules = closingRules(["OUTPUT", "FORWARD"], kind).split("\n");
    assert.deepEqual([rules[0], ...rules.slice(-2)], ["*filter", "COMMIT", ""]);
    const listed = rules.slice(1, -2).map((rule) => rule.replace(/^-I (\w+) 1 /, "-A $1 "));
    assert.deepEqual(openChains(listing(...listed), kind), []);
    assert.match(closingRules(["OUTPUT"], IPTABLES[1]), /fd00:ec2::254\/128 .*icmp6-port-unreachable/);
  });
});
