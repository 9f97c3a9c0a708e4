import assert from "node:assert/strict";
import { test } from "node:test";
import { history, historyNotes, historyTable, lives, type Life } from "../../core/history.ts";
import type { LedgerRecord, LedgerRow } from "../../core/ledger.ts";

const NOW = 100_000;

const row = (id: string, changes: Partial<LedgerRow> = {}): LedgerRow => ({
  id,
  order: "o-1",
  annex: "burst",
  region: "us-east-1",
  owner: "alice",
  market: "spot",
  type: "m7i.large",
  zone: "us-east-1a",
  price: 0.09,
  other: 0.01,
  source: "s",
  launched: NOW - 7200,
  leaseExpiration: NOW + 7200,
  ...changes,
});

const launched = (id: string, changes: Partial<LedgerRow> = {}): LedgerRecord => ({
  launched: row(id, changes),
});
const ended = (id: string, at: number): LedgerRecord => ({ ended: { id, at } });

const facts = ({ until, running, assumed }: Life) => ({ until, running, assumed });

test("an instance ends when it was seen to end, else runs while EC2 shows it, else counts until its lease's end", () => {
  const records = [
    launched("i-1"),
    ended("i-1", NOW - 3600),
    ended("i-1", NOW - 10),
    launched("i-2"),
    launched("i-3", { leaseExpiration: NOW - 600 }),
    launched("i-4"),
  ];
  const alive = new Map([["burst", new Set(["i-2"])]]);
  assert.deepEqual(lives(records, alive, NOW).map(facts), [
    { until: NOW - 3600, running: false, assumed: false },
    { until: NOW, running: true, assumed: false },
    { until: NOW - 600, running: false, assumed: true },
    { until: NOW, running: false, assumed: true },
  ]);
});

test("where EC2 was not asked, an instance runs until its lease's end", () => {
  const records = [launched("i-1"), launched("i-2", { leaseExpiration: NOW - 60 })];
  assert.deepEqual(lives(records, new Map(), NOW).map(facts), [
    { until: NOW, running: true, assumed: false },
    { until: NOW - 60, running: false, assumed: true },
  ]);
  const { leaseExpiration: _, ...without } = row("i-3");
  assert.deepEqual(lives([{ launched: without }], new Map(), NOW).map(facts), [
    { until: NOW - 7200, running: false, assumed: true },
  ]);
});

test("of several rows of an instance the last counts", () => {
  const records = [launched("i-1"), launched("i-1", { leaseExpiration: NOW - 1 })];
  assert.deepEqual(
    lives(records, new Map(), NOW).map(({ until }) => until),
    [NOW - 1],
  );
});

const KNOWN: Life[] = [
  { row: row("i-1", { project: "cms" }), until: NOW, running: true, assumed: false },
  { row: row("i-2", { owner: "bob", order: "o-2" }), until: NOW - 3600, running: false, assumed: true },
  {
    row: row("i-3", { annex: "gpu", launched: NOW - 7200 }),
    until: NOW - 7190,
    running: false,
    assumed: false,
  },
];

test("machine-hours and cost are summed for each annex, owner, project or order, a minute at least for each", () => {
  const { accounts, total } = history(KNOWN, "annex", 0);
  assert.deepEqual(
    accounts.map(({ name, instances, running, assumed }) => [name, instances, running, assumed]),
    [
      ["burst", 2, 1, 1],
      ["gpu", 1, 0, 0],
    ],
  );
  assert.equal(accounts[0]?.machineHours, 3);
  assert.equal(accounts[1]?.machineHours, 1 / 60);
  assert.ok(Math.abs(total.cost - (3 + 1 / 60) * 0.1) < 1e-12);
  assert.deepEqual(
    (["owner", "project", "order"] as const).map((by) =>
      history(KNOWN, by, 0).accounts.map(({ name }) => name),
    ),
    [
      ["alice", "bob"],
      ["(none)", "cms"],
      ["o-1", "o-2"],
    ],
  );
});

test("only what ran since then is counted", () => {
  const { accounts, total } = history(KNOWN, "annex", NOW - 5400);
  assert.deepEqual([accounts.length, total.instances, total.machineHours], [1, 2, 2]);
});

test("an instance without a known price is not in the cost, and that is said", () => {
  const { price: _, other: __, ...unpriced } = row("i-9");
  const known = [...KNOWN, { row: unpriced, until: NOW, running: true, assumed: false }];
  const { total } = history(known, "annex", 0);
  assert.equal(total.unpriced, 1);
  assert.ok(Math.abs(total.cost - (3 + 1 / 60) * 0.1) < 1e-12);
  assert.deepEqual(historyNotes(total, 2), [
    "1 instances have no known price: the cost is without them",
    "the end of 1 instances was not seen: they count until their lease's end",
    "2 lines of the ledger cannot be read and are left out",
  ]);
  assert.deepEqual(historyNotes(history([], "annex", 0).total, 0), []);
});

test("the table ends with the total", () => {
  const { accounts, total } = history(KNOWN, "annex", 0);
  assert.deepEqual(historyTable("annex", accounts, total), [
    ["ANNEX", "INSTANCES", "RUNNING", "MACHINE-HOURS", "COST USD"],
    ["burst", "2", "1", "3.00", "0.3000"],
    ["gpu", "1", "0", "0.02", "0.0017"],
    ["total", "3", "1", "3.02", "0.3017"],
  ]);
});
