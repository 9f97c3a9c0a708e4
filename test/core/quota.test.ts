import assert from "node:assert/strict";
import { test } from "node:test";
import { QUOTAS, quotaOf } from "../../core/quota.ts";

test("a type counts against the quota of its family and market", () => {
  for (const [type, market, code] of [
    ["m5.large", "on-demand", "L-1216C47A"],
    ["c7gn.xlarge", "spot", "L-34B43A08"],
    ["t3.micro", "spot", "L-34B43A08"],
    ["i4i.large", "on-demand", "L-1216C47A"],
    ["im4gn.large", "on-demand", "L-1216C47A"],
    ["g4dn.xlarge", "spot", "L-3819A6DF"],
    ["g6e.xlarge", "on-demand", "L-DB2E81BA"],
    ["vt1.3xlarge", "on-demand", "L-DB2E81BA"],
    ["p4d.24xlarge", "spot", "L-7212CCBC"],
    ["p5.48xlarge", "on-demand", "L-417A185B"],
    ["p5.48xlarge", "spot", undefined],
    ["x2gd.medium", "on-demand", "L-7295265B"],
    ["inf1.xlarge", "on-demand", "L-1945791B"],
    ["u-6tb1.metal", "on-demand", undefined],
    ["", "spot", undefined],
  ] as const) {
    assert.equal(quotaOf(type, market)?.code, code, `${type} ${market}`);
  }
});

test("every quota has a code of its own, and names its market", () => {
  assert.equal(new Set(QUOTAS.map(({ code }) => code)).size, QUOTAS.length);
  for (const { name, market } of QUOTAS) {
    assert.equal(/Spot/.test(name) ? "spot" : "on-demand", market, name);
  }
});
