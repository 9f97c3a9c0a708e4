import assert from "node:assert/strict";
import { test } from "node:test";
import { runningJobs, withinOwnerLimit } from "../../core/owner-limits.ts";

const jobs = (...users: (string | undefined)[]) => users.map((user, i) => ({ id: i, user, count: 1 }));
const ids = (found: readonly { id: number }[]): number[] => found.map(({ id }) => id);

test("no user has more jobs than the limit, those included that run on the annex", () => {
  const running = runningJobs([
    { state: "Claimed", user: "bob@pool.test" },
    { state: "Unclaimed", user: undefined },
    { state: "Claimed", user: "bob@pool.test" },
    { state: "Claimed" },
  ]);
  const waiting = jobs(
    "alice@pool.test",
    "bob@pool.test",
    "bob@pool.test",
    "alice@pool.test",
    "alice@pool.test",
  );
  assert.deepEqual(ids(withinOwnerLimit(waiting, running, 2)), [0, 3]);
  assert.deepEqual(ids(withinOwnerLimit(waiting, running, 3)), [0, 1, 3, 4]);
});

test("of many alike jobs as many are left as the limit admits", () => {
  const many = [{ user: "alice@pool.test", count: 7 }];
  assert.deepEqual(withinOwnerLimit(many, new Map([["alice@pool.test", 2]]), 5), [{ ...many[0], count: 3 }]);
});

test("without a limit every job counts, and jobs of nobody known are those of one user", () => {
  const waiting = jobs(undefined, undefined, "alice@pool.test");
  assert.deepEqual(ids(withinOwnerLimit(waiting, new Map(), undefined)), [0, 1, 2]);
  assert.deepEqual(ids(withinOwnerLimit(waiting, new Map(), 1)), [0, 2]);
});
