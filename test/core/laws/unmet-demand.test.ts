import assert from "node:assert/strict";
import { test } from "node:test";
import { unmetDemand } from "../../../core/laws/unmet-demand.ts";

test("what is needed less what is on its way is ordered, and never less than nothing", () => {
  assert.equal(unmetDemand({ needed: 12, inFlight: 0 }), 12);
  assert.equal(unmetDemand({ needed: 12, inFlight: 5 }), 7);
  assert.equal(unmetDemand({ needed: 5, inFlight: 12 }), 0);
});
