import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { accountWorld, type AccountWorld } from "../../bench/campaigns/account-world.ts";
import { interruptRuns, STILL } from "../../bench/campaigns/interrupt.ts";
import { someStatements, withoutEach, type PolicyResult } from "../../bench/campaigns/policy.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";

const NAME = "e2e-account-campaigns";

describe("the campaigns around an account, at small size", { timeout: 600_000 }, () => {
  let sandbox: Sandbox;
  let world: AccountWorld;

  before(async () => {
    await down(NAME);
    sandbox = await up({ name: NAME, settings: STILL });
    world = await accountWorld(sandbox, { MIN_WAIT: "1s" });
  });
  after(() => sandbox.down());

  test("commands that are killed at an AWS call and repeated leave nothing over", async () => {
    const only = ["setup --annex"];
    const { results, left } = await interruptRuns(world, { calls: 1, seed: SEED, only });
    assert.deepEqual([...new Set(results.map(({ command }) => command))], only);
    assert.ok(results.some(({ hit }) => hit));
    assert.deepEqual(
      results.flatMap(({ wrong }) => wrong),
      [],
    );
    assert.deepEqual(left, []);
  });

  test("a statement that is switched off shows in what a person is told", async () => {
    const results: PolicyResult[] = [];
    const statements = someStatements(STATEMENTS, SEED);
    await withoutEach(world, statements, (result) => results.push(result));
    assert.equal(results.length, STATEMENTS);
    for (const { statement, what, said } of results) {
      assert.notEqual(what, "", `nothing failed without ${statement}`);
      const named = statements.find(({ name }) => name === statement);
      const action = new RegExp(`${(named?.actions ?? []).join("|").replaceAll("*", "\\w*")}`);
      assert.match(said, action, statement);
    }
  });
});

const STATEMENTS = 2;
const SEED = 4;
