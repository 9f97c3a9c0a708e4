import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  completeSweepMetric,
  overdue,
  sweep,
  sweepMessage,
  type EnforcedInstance,
  type EnforcementPorts,
  parseUnreadable,
  type Unreadable,
} from "../../core/enforcement.ts";
import { TAG } from "../../core/tags.ts";

const PREFIX = "arn:aws:iam::123456789012:instance-profile/updraft/";
const settings = { profilePrefix: PREFIX, maxLeaseSeconds: 86400 };
const NOW = 1_000_000;

function instance(id: string, lease: number | string | undefined, change: Partial<EnforcedInstance> = {}) {
  const tags: Record<string, string> = { [TAG.annex]: "burst" };
  if (lease !== undefined) tags[TAG.lease] = String(lease);
  return { id, profileArn: `${PREFIX}profile`, launched: NOW - 3600, tags, ...change };
}

/** EC2 as it behaves: a call with one bad id terminates nothing. */
function cloud(
  all: EnforcedInstance[],
  options: {
    bad?: string[];
    unreadable?: Unreadable;
    later?: (i: EnforcedInstance) => EnforcedInstance | undefined;
  } = {},
) {
  const terminated: string[] = [];
  const calls: number[] = [];
  const ports: EnforcementPorts = {
    instances: async () => all,
    again: async (ids) =>
      all.filter(({ id }) => ids.includes(id)).flatMap((i) => (options.later ?? ((same) => same))(i) ?? []),
    terminate: async (ids) => {
      calls.push(ids.length);
      if (ids.some((id) => options.bad?.includes(id)))
        throw Object.assign(new Error("no"), { name: "OperationNotPermitted" });
      terminated.push(...ids);
    },
    unreadable: async () => options.unreadable ?? {},
    now: () => NOW,
  };
  return { ports, terminated, calls };
}

describe("an instance is overdue", () => {
  it("when its lease is over, to the second", () => {
    assert.equal(overdue(instance("i-1", NOW + 1), settings, NOW, {}), undefined);
    assert.deepEqual(overdue(instance("i-1", NOW - 5), settings, NOW, {}), {
      id: "i-1",
      annex: "burst",
      reason: "lease ended 5 s ago",
    });
    assert.notEqual(overdue(instance("i-1", NOW), settings, NOW, {}), undefined);
  });
  for (const lease of [undefined, "", "soon", NOW + 10 * 86400, "-1"]) {
    it(`ten minutes after its launch when its lease is ${lease}`, () => {
      assert.notEqual(overdue(instance("i-1", lease, { launched: NOW - 600 }), settings, NOW, {}), undefined);
      assert.equal(overdue(instance("i-1", lease, { launched: NOW - 599 }), settings, NOW, {}), undefined);
    });
  }
  it("ten minutes after its lease was first seen to be lost, when it is older", () => {
    const one = instance("i-1", undefined);
    assert.equal(overdue(one, settings, NOW, {}), undefined);
    assert.equal(overdue(one, settings, NOW, { "i-1": NOW - 599 }), undefined);
    assert.deepEqual(
      overdue(one, settings, NOW, { "i-1": NOW - 600 })?.reason,
      "no readable lease for 600 s",
    );
    assert.equal(overdue(instance("i-1", NOW + 1), settings, NOW, { "i-1": 1 }), undefined);
    // What was written down before the launch is about another.
    const young = instance("i-1", undefined, { launched: NOW - 5 });
    assert.equal(overdue(young, settings, NOW, { "i-1": 1 }), undefined);
  });
  it("never when its profile is not ours", () => {
    for (const profileArn of [
      undefined,
      "arn:aws:iam::123456789012:instance-profile/other",
      "arn:aws:iam::123456789012:instance-profile/updraftx/p",
      "arn:aws:iam::999999999999:instance-profile/updraft/p",
    ]) {
      assert.equal(overdue(instance("i-1", 1, { profileArn }), settings, NOW, {}), undefined);
    }
  });
});

describe("a sweep", () => {
  it("ends exactly what is overdue", async () => {
    const world = cloud([
      instance("i-over", NOW - 1),
      instance("i-runs", NOW + 1),
      instance("i-other", 1, { profileArn: "arn:x" }),
      instance("i-tagless", undefined, { tags: {}, launched: NOW - 600 }),
    ]);
    const { seen, ended, notEnded } = await sweep(world.ports, settings, false);
    assert.deepEqual(world.terminated, ["i-over", "i-tagless"]);
    assert.deepEqual([seen, ended.map(({ annex }) => annex), notEnded], [3, ["burst", ""], []]);
  });

  it("looks again just before, so a renewed or ended instance is left alone", async () => {
    const world = cloud([instance("i-renewed", 1), instance("i-gone", 1), instance("i-over", 1)], {
      later: (i) => (i.id === "i-renewed" ? instance(i.id, NOW + 60) : i.id === "i-gone" ? undefined : i),
    });
    await sweep(world.ports, settings, false);
    assert.deepEqual(world.terminated, ["i-over"]);
  });

  it("that is dry says what it would end and ends nothing", async () => {
    const world = cloud([instance("i-over", 1)]);
    assert.deepEqual(
      (await sweep(world.ports, settings, true)).ended.map(({ id }) => id),
      ["i-over"],
    );
    assert.deepEqual(world.calls, []);
  });

  it("ends all the others around bad ids, whichever they are", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 450 }),
        fc.array(fc.nat(449), { maxLength: 5 }),
        async (count, bad) => {
          const all = Array.from({ length: count }, (_, index) => instance(`i-${index}`, 1));
          const badIds = bad.map((index) => `i-${index}`);
          const world = cloud(all, { bad: badIds });
          const { ended, notEnded } = await sweep(world.ports, settings, false);
          const expected = all.map(({ id }) => id).filter((id) => !badIds.includes(id));
          assert.deepEqual(world.terminated, expected);
          assert.deepEqual(
            ended.map(({ id }) => id),
            expected,
          );
          assert.deepEqual(
            new Set(notEnded.map(({ id }) => id)),
            new Set(badIds.filter((id) => all.some((i) => i.id === id))),
          );
          assert.ok(notEnded.every(({ error }) => error === "OperationNotPermitted"));
          assert.ok(world.calls.every((size) => size <= 100));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("hands on since when an instance has had no lease, and asks for it only when one has none", async () => {
    const lost = cloud(
      [instance("i-lost", undefined), instance("i-new", "soon"), instance("i-runs", NOW + 1)],
      {
        unreadable: { "i-lost": NOW - 30, "i-runs": NOW - 700 },
      },
    );
    const { unreadable } = await sweep(lost.ports, settings, false);
    assert.deepEqual(unreadable, { "i-lost": NOW - 30, "i-new": NOW });
    assert.deepEqual(lost.terminated, []);
    const fine = cloud([instance("i-runs", NOW + 1)]);
    const unasked = { ...fine.ports, unreadable: () => Promise.reject(new Error("asked")) };
    assert.deepEqual((await sweep(unasked, settings, false)).unreadable, {});
  });

  it("reads what an earlier one wrote, and takes anything else for nothing", () => {
    assert.deepEqual(parseUnreadable('{"sweptAt":5,"unreadable":{"i-1":7,"i-2":"x"}}'), { "i-1": 7 });
    for (const text of ["", "null", "7", "[]", "{}", '{"unreadable":7}']) {
      assert.deepEqual(parseUnreadable(text), {});
    }
  });

  it("fails as a whole when the instances cannot be listed", async () => {
    const { ports } = cloud([]);
    await assert.rejects(
      sweep({ ...ports, instances: () => Promise.reject(new Error("throttled")) }, settings, false),
    );
  });
});

describe("what a sweep tells", () => {
  it("is a metric with the dimensions of the alarm", () => {
    const line = JSON.parse(completeSweepMetric("updraft", 1000.5)) as Record<string, unknown>;
    assert.equal(line["CompleteSweep"], 1);
    assert.equal(line["Stack"], "updraft");
    assert.deepEqual(line["_aws"], {
      Timestamp: 1000500,
      CloudWatchMetrics: [
        {
          Namespace: "Updraft",
          Dimensions: [["Stack"]],
          Metrics: [{ Name: "CompleteSweep", Unit: "Count" }],
        },
      ],
    });
  });
  it("is what was ended and why, and above all what could not be", () => {
    const ended = [{ id: "i-1", annex: "burst", reason: "lease ended 5 s ago" }];
    const good = sweepMessage({ seen: 2, unreadable: {}, ended, notEnded: [] });
    assert.equal(good.subject, "Updraft ended 1 instances");
    assert.equal(good.message, "ended i-1 (annex burst): lease ended 5 s ago");
    const notEnded = [
      { id: "i-2", annex: "burst", reason: "lease ended 5 s ago", error: "OperationNotPermitted" },
    ];
    const bad = sweepMessage({ seen: 2, unreadable: {}, ended, notEnded });
    assert.equal(bad.subject, "Updraft could not end 1 instances");
    assert.match(bad.message, /NOT ended i-2 \(annex burst\): lease ended 5 s ago: OperationNotPermitted$/);
  });
});
