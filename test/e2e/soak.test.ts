import assert from "node:assert/strict";
import { after, test } from "node:test";
import { soak } from "../../bench/campaigns/soak.ts";
import { down } from "../../sandbox/sandbox.ts";

const NAME = "e2e-soak";
const RUNS = 60;

after(() => down(NAME));

test(
  "runs of the hook under a changing queue leave no more files, and need no more memory, than the first ones",
  { timeout: 300_000 },
  async () => {
    const rows = await soak(RUNS, 1, { name: NAME });
    assert.equal(rows.at(-1)?.runs, RUNS);
    assert.deepEqual(
      rows.filter(({ failed }) => failed > 0),
      [],
    );
    const [first, last] = [rows[1], rows.at(-1)];
    assert.ok(first !== undefined && last !== undefined);
    // Between looks the journal has an order that is not settled, or one of the annexes' notes.
    assert.ok(last.files <= first.files + 3, `${first.files} files, then ${last.files}`);
    assert.ok(last.megabytes < first.megabytes + 20, `${first.megabytes} MB, then ${last.megabytes}`);
    assert.ok(last.scheddMegabytes < first.scheddMegabytes + 20);
  },
);
