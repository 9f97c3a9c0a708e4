import assert from "node:assert/strict";
import { test } from "node:test";
import { pool } from "../../adapters/condor-pool.ts";
import { parseSummary, queue } from "../../adapters/condor-queue.ts";
import type { Run } from "../../adapters/run.ts";

/** Answers in turn, and what was asked. */
function answering(...answers: readonly string[]): { run: Run; asked: string[][] } {
  const left = [...answers];
  const asked: string[][] = [];
  return {
    asked,
    run: async (program, args) => {
      asked.push([program, ...args]);
      return left.shift() ?? "";
    },
  };
}

/** As HTCondor 23.9 prints it. */
const SUMMARY = `

-- Schedd: cm.pool.test : <172.31.255.10:38717?...
Analyzing matches for 28 slots
               Autocluster    Matches     Machine     Running     Serving            
 JobId        Members/Idle Requirements Rejects Job  Users Job  Other User Available Owner
------------- ------------ ------------ ----------- ----------- ---------- --------- -----
3.3           3/3                    28           4           4          0        20 alice
4.1           3/3                    28           4           4          0         0 bob
`;

test("available slots are read from HTCondor's own summary, job by job", async () => {
  assert.deepEqual(
    [...parseSummary(SUMMARY)],
    [
      ["3.3", 20],
      ["4.1", 0],
    ],
  );
  assert.equal(parseSummary("").size, 0);
  const { run, asked } = answering(SUMMARY);
  assert.equal((await queue(run).matches(["3.3", "4.1"], "burst")).get("3.3"), 20);
  assert.match(
    asked[0]?.join(" ") ?? "",
    /-better-analyze:summary 3\.3 4\.1 -mconstraint State == "Unclaimed"/,
  );
  const idle = answering();
  assert.equal((await queue(idle.run).matches([], "burst")).size, 0);
  assert.deepEqual(idle.asked, [], "nothing is asked about no job");
});

test("idle jobs are asked for by the annex's expression and read with what negotiation said", async () => {
  const ad = {
    ClusterId: 3,
    ProcId: 4,
    JobUniverse: 5,
    EnteredCurrentStatus: 100,
    AutoClusterId: 2,
    LastMatchTime: 90,
    DeferralTime: 1000,
    DeferralPrepTime: 300,
    ConcurrencyLimits: "lic",
    AcctGroup: "group_p",
    RequestCpus: 2,
    RequestMemory: 64,
    RequestDisk: 1024,
  };
  const { run, asked } = answering(JSON.stringify([ad, { ClusterId: 5, ProcId: 0, QDate: 7 }]));
  assert.deepEqual(await queue(run).idleJobs("X == 1"), [
    {
      id: "3.4",
      universe: 5,
      idleSince: 100,
      autocluster: 2,
      matchedAt: 90,
      deferredUntil: 700,
      coolDownUntil: undefined,
      hasConcurrencyLimits: true,
      group: "group_p",
      request: { cpus: 2, memory: 64, disk: 1024, gpus: 0 },
    },
    {
      id: "5.0",
      universe: 0,
      idleSince: 7,
      autocluster: undefined,
      matchedAt: undefined,
      deferredUntil: undefined,
      coolDownUntil: undefined,
      hasConcurrencyLimits: false,
      group: undefined,
      request: { cpus: 1, memory: 0, disk: 0, gpus: 0 },
    },
  ]);
  assert.ok(asked[0]?.includes("JobStatus == 1 && (X == 1)"));
});

test("a request that is an expression is evaluated by HTCondor, once for all jobs that are alike", async () => {
  const ad = (ProcId: number) => ({
    ClusterId: 1,
    ProcId,
    AutoClusterId: 1,
    RequestCpus: 1,
    RequestMemory: "/Expr(ifthenelse(MemoryUsage isnt undefined,MemoryUsage,1))/",
    RequestDisk: "/Expr(DiskUsage)/",
  });
  const { run, asked } = answering(JSON.stringify([ad(0), ad(1)]), "1.1 1 128 2048 undefined\n");
  const jobs = await queue(run).idleJobs("true");
  assert.deepEqual(
    jobs.map(({ request }) => request),
    [0, 1].map(() => ({ cpus: 1, memory: 128, disk: 2048, gpus: 0 })),
  );
  assert.deepEqual(asked[1]?.slice(0, 3), ["condor_q", "-allusers", "1.1"]);
});

test("rejections without an autocluster or a time say nothing", async () => {
  const { run } = answering(
    JSON.stringify([
      { AutoClusterId: 1, LastRejMatchTime: 5, LastRejMatchReason: "no match found " },
      { AutoClusterId: 1 },
      { LastRejMatchTime: 5 },
    ]),
  );
  assert.deepEqual(await queue(run).rejections(600), [{ autocluster: 1, at: 5, reason: "no match found" }]);
});

test("an answer that is cut short or of another form is an error, and no answer is no ad", async () => {
  for (const text of ['[{"ClusterId": 1', "5", "[5]", "null", "{}"]) {
    await assert.rejects(queue(answering(text).run).idleJobs("true"), { kind: "failed" }, text);
    await assert.rejects(pool(answering(text).run).freeSlots("burst"), { kind: "failed" }, text);
  }
  assert.deepEqual(await queue(answering("\n").run).idleJobs("true"), []);
});

test("the pool's facts are the newest cycle, quotas that hold, what the schedd may start, and the youngest collector", async () => {
  const ads = [
    { MyType: "Negotiator", LastNegotiationCycleEnd0: 5 },
    { MyType: "Negotiator", LastNegotiationCycleEnd0: 9 },
    {
      MyType: "Scheduler",
      Name: "s",
      MaxJobsRunning: 100,
      TotalRunningJobs: 40,
      JobsUnmaterialized: 3,
      RecentDaemonCoreDutyCycle: 0.25,
    },
    { MyType: "Collector", StatsLastUpdateTime: 9, StatsLifetime: 6 },
    { MyType: "Collector", StatsLastUpdateTime: 9, StatsLifetime: 2 },
    { MyType: "Collector" },
    {
      MyType: "Accounting",
      Name: "group_p",
      IsAccountingGroup: true,
      SurplusPolicy: "no",
      EffectiveQuota: 4,
      WeightedResourcesUsed: 1,
    },
    {
      MyType: "Accounting",
      Name: "<none>",
      IsAccountingGroup: true,
      SurplusPolicy: "byquota",
      EffectiveQuota: 4,
    },
    { MyType: "Accounting", Name: "group_q", IsAccountingGroup: true, SurplusPolicy: "no" },
    { MyType: "Accounting", Name: "alice@p", IsAccountingGroup: false },
  ];
  const { run, asked } = answering(JSON.stringify(ads), "", JSON.stringify([{ MyType: "Scheduler" }]));
  const here = pool(run);
  assert.deepEqual(await here.facts('s"'), {
    negotiatedAt: 9,
    quotas: [{ group: "group_p", quota: 4, used: 1 }],
    startable: 60,
    unmaterialized: 3,
    collectorStarted: 7,
    scheddDutyCycle: 0.25,
  });
  assert.match(asked[0]?.join(" ") ?? "", /Name == "s\\""/);
  assert.deepEqual(await here.facts("s"), {
    negotiatedAt: undefined,
    quotas: [],
    startable: undefined,
    unmaterialized: 0,
    collectorStarted: undefined,
    scheddDutyCycle: undefined,
  });
  assert.equal((await here.facts("s")).startable, Number.POSITIVE_INFINITY);
});

test("slots of the annex tell what is free, how large they are, and whether they take jobs", async () => {
  const whole = {
    Name: "slot1@n",
    State: "Unclaimed",
    CloudInstanceID: "i-1",
    SlotType: "Partitionable",
    Cpus: 1,
    Memory: 10,
    Disk: 5,
    TotalSlotCpus: 2,
    TotalSlotMemory: 20,
    TotalSlotDisk: 9,
    Start: "/Expr(x)/",
  };
  const ads = [
    whole,
    { ...whole, SlotType: "Dynamic", State: "Claimed" },
    { ...whole, Start: false },
    { ...whole, State: "Drained" },
    { ...whole, AnnexReleased: true },
    { ...whole, AnnexRebalanceRecommended: true },
  ];
  const { run } = answering(JSON.stringify(ads), JSON.stringify([whole]));
  const here = pool(run);
  const slots = await here.annexSlots("burst", "s");
  assert.deepEqual(slots[0]?.free, { cpus: 1, memory: 10, disk: 5, gpus: 0 });
  assert.deepEqual(slots[0]?.size, { cpus: 2, memory: 20, disk: 9, gpus: 0 });
  assert.equal(slots[1]?.size, undefined);
  assert.deepEqual(
    slots.map(({ accepting }) => accepting),
    [true, true, false, false, true, false],
  );
  assert.deepEqual(await here.freeSlots("burst"), [
    { name: "slot1@n", free: { cpus: 1, memory: 10, disk: 5, gpus: 0 } },
  ]);
});
