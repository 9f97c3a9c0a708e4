import assert from "node:assert/strict";
import { test } from "node:test";
import { Expression, type Ad, type AdValue } from "../../core/ad-json.ts";
import { withAutoclusters } from "../../core/autoclusters.ts";

const ad = (attributes: Readonly<Record<string, AdValue>>): Ad => new Map(Object.entries(attributes));
const WANTS = new Expression("TARGET.Cap >= MY.MinCap");

const cluster = (autoclusterid: number, jobcount: number, jobids: string, more = {}): Ad =>
  ad({ autoclusterid, jobcount, jobids, requirements: WANTS, mincap: 3, ...more });
const jobs = (autoclusterid: AdValue, jobcount: number, jobids: string, more = {}): Ad =>
  ad({ autoclusterid, jobcount, jobids, user: "alice@pool.test", ...more });

test("what is significant for the matching of jobs comes from their autocluster, and their own words go first", () => {
  const some = [jobs(1, 2, "3.0 ... 3.1", { mincap: 5 }), jobs(1, 1, "3.2"), jobs(2, 1, "4.0")];
  const { known, strange } = withAutoclusters(some, [
    cluster(1, 9, "3.0 ... 3.9"),
    cluster(2, 1, "4.0", { requirements: true }),
    cluster(3, 1, "5.0"),
  ]);
  assert.equal(strange, undefined);
  assert.deepEqual(
    known.map((one) => ["jobids", "jobcount", "mincap", "requirements", "user"].map((name) => one.get(name))),
    [
      ["3.0 ... 3.1", 2, 5, WANTS, "alice@pool.test"],
      ["3.2", 1, 3, WANTS, "alice@pool.test"],
      ["4.0", 1, 3, true, "alice@pool.test"],
    ],
  );
  assert.deepEqual(withAutoclusters([], []), { known: [], strange: undefined });
});

test("jobs that no autocluster confirms are asked for by themselves, with all of theirs", () => {
  const good = cluster(1, 9, "3.0 ... 3.9");
  const cases: readonly (readonly [readonly Ad[], string])[] = [
    [[jobs(undefined, 1, "3.2")], "AutoClusterId =?= undefined"],
    [[jobs(new Expression("undefined"), 1, "3.2")], "AutoClusterId =?= undefined"],
    [[jobs(7, 1, "3.2")], "AutoClusterId =?= 7"],
    [[jobs(1, 1, "9.2")], "AutoClusterId =?= 1"],
    [[jobs(1, 10, "3.0 ... 3.9")], "AutoClusterId =?= 1"],
    [[jobs(1, 1, "")], "AutoClusterId =?= 1"],
    [[jobs(2, 1, "3.2"), jobs(3, 1, "3.2")], "AutoClusterId =?= 2 || AutoClusterId =?= 3"],
  ];
  for (const [some, expected] of cases) {
    const { known, strange } = withAutoclusters(
      [jobs(4, 1, "8.0"), ...some],
      [good, cluster(2, 1, "3.2", { requirements: undefined }), cluster(3, 1, ""), cluster(4, 1, "8.0")],
    );
    const count = some.reduce((sum, one) => sum + Number(one.get("jobcount")), 0);
    assert.deepEqual(
      [known.map((one) => one.get("jobids")), strange],
      [["8.0"], { expression: expected, count }],
    );
  }
});

test("a job whose ad tells anything else as its autocluster makes all be asked for, so that none is hidden", () => {
  for (const forged of [new Expression("1"), "1", 1.5, true]) {
    const some = [jobs(4, 1, "8.0"), jobs(forged, 1, "8.1")];
    assert.deepEqual(withAutoclusters(some, [cluster(4, 9, "8.0 ... 8.9")]), {
      known: [],
      strange: { expression: "true", count: 2 },
    });
  }
});

test("of many autoclusters that are not confirmed all jobs are asked for at once", () => {
  const some = Array.from({ length: 41 }, (_, id) => jobs(id, 1, `${id}.0`));
  const one = jobs(99, 1, "99.0");
  assert.deepEqual(withAutoclusters([one, ...some], [cluster(99, 1, "99.0")]), {
    known: [],
    strange: { expression: "true", count: 42 },
  });
});
