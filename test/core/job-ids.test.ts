import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { inBoth, jobIds, mayBeAmong, type JobIds } from "../../core/job-ids.ts";

const of = (text: string, count: number): JobIds => {
  const ids = jobIds(count, text);
  assert.ok(ids !== undefined);
  return ids;
};

test("jobs that are counted as one are told by the first and the last", () => {
  assert.deepEqual(of("3.4", 1), { count: 1, first: { cluster: 3, proc: 4 }, last: { cluster: 3, proc: 4 } });
  assert.deepEqual(of("3.4 ... 5.43", 40), {
    count: 40,
    first: { cluster: 3, proc: 4 },
    last: { cluster: 5, proc: 43 },
  });
  assert.equal(jobIds(1, ""), undefined);
});

test("a job is in both when it ends one and the other, or lies in one that has no gap", () => {
  const cases: readonly (readonly [JobIds, JobIds, string | undefined])[] = [
    [of("3.4", 1), of("3.4", 1), "3.4"],
    [of("3.4 ... 3.9", 6), of("3.0 ... 3.9", 2), "3.9"],
    [of("3.4 ... 3.9", 6), of("3.7", 1), "3.7"],
    [of("3.7", 1), of("3.4 ... 3.9", 6), "3.7"],
    [of("3.7", 1), of("3.4 ... 3.9", 5), undefined],
    [of("3.7", 1), of("2.4 ... 4.9", 9), undefined],
    [of("3.0 ... 3.3", 4), of("3.4 ... 3.9", 6), undefined],
  ];
  for (const [one, other, found] of cases) assert.equal(inBoth([one], [other]), found);
  assert.equal(inBoth([], [of("3.4", 1)]), undefined);
});

test("no job is said to be in both that is in one alone", () => {
  const procs = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(procs, (isIdle) => {
      const counted = (wanted: boolean): JobIds[] => {
        const own = isIdle.flatMap((idle, proc) => (idle === wanted ? [proc] : []));
        return own.length === 0 ? [] : [of(`1.${own[0] ?? 0} ... 1.${own.at(-1) ?? 0}`, own.length)];
      };
      assert.equal(inBoth(counted(true), counted(false)), undefined);
    }),
  );
});

test("jobs may be among others when these are as many and reach as far", () => {
  const cases: readonly (readonly [readonly JobIds[], JobIds, boolean])[] = [
    [[of("3.4", 1)], of("3.4", 1), true],
    [[of("3.4 ... 3.9", 6)], of("3.0 ... 4.1", 9), true],
    [[of("3.4", 1), of("4.0", 1)], of("3.0 ... 4.1", 2), true],
    [[of("3.4", 1), of("4.0", 1)], of("3.0 ... 4.1", 1), false],
    [[of("2.9", 1)], of("3.0 ... 4.1", 9), false],
    [[of("3.4 ... 4.2", 2)], of("3.0 ... 4.1", 9), false],
  ];
  for (const [some, those, may] of cases) assert.equal(mayBeAmong(some, those), may);
});
