import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { matchmaking, parseSummary } from "../../adapters/condor-match.ts";
import { pool } from "../../adapters/condor-pool.ts";
import { queueQueries } from "../../adapters/condor-queue.ts";
import type { Run } from "../../adapters/run.ts";

type Asked = { readonly command: string; readonly input: string | undefined };

/** Answers whoever asks with words of the command, and what was asked. */
function answering(answers: Readonly<Record<string, string>>): { run: Run; asked: Asked[] } {
  const asked: Asked[] = [];
  return {
    asked,
    run: async (program, args, options) => {
      const command = [program, ...args].join(" ");
      asked.push({ command, input: options?.input });
      const answer = Object.entries(answers).find(([words]) => command.includes(words))?.[1] ?? "";
      // In pieces, as a pipe gives them.
      if (options?.onText !== undefined)
        for (const piece of answer.match(/[^]{1,7}/g) ?? []) options.onText(piece);
      return options?.onText === undefined ? answer : "";
    },
  };
}

/** Words of the question for all idle jobs, and of the one for those that no autocluster confirms. */
const IDLE = "-json -attributes JobStatus,JobUniverse";
const STRANGE = "(AutoClusterId =?= undefined)";
const AUTOCLUSTERS = "-autocluster";
const RUNNING = "JobStatus == 2";
const REJECTED = "LastRejMatchTime >";
const FACTORY = "-factory";

/** As HTCondor prints ads. */
const ads = (...some: readonly string[]): string =>
  `[\n${some.map((ad) => `{\n${ad}\n}`).join("\n,\n")}\n]\n`;
const LOOK = { factories: true };

test("idle jobs are counted by the schedd, by all that the annex's expression reads too", async () => {
  const { run, asked } = answering({
    [STRANGE]: ads(`  "JobCount": 1,
  "JobIds": "5.0",
  "ConcurrencyLimits": null`),
    [AUTOCLUSTERS]: ads(`  "AutoClusterId": 2,
  "JobCount": 47,
  "JobIds": "3.4 ... 3.50",
  "MinCap": 3,
  "Requirements": "\\/Expr(TARGET.X is \\"a\\")\\/"`),
    [IDLE]: ads(
      `  "AutoClusterId": 2,
  "JobCount": 40,
  "JobIds": "3.4 ... 3.43",
  "JobUniverse": 5,
  "EnteredCurrentStatus": 100,
  "LastMatchTime": 90,
  "DeferralTime": 1000,
  "DeferralPrepTime": 300,
  "ConcurrencyLimits": "lic",
  "AcctGroup": "group_p",
  "User": "alice@pool.test",
  "LastRejMatchTime": 5,
  "LastRejMatchReason": "no match found ",
  "requestcpus": 2,
  "RequestMemory": 64,
  "RequestDisk": 1024`,
      `  "JobCount": 1,
  "JobIds": "5.0",
  "ConcurrencyLimits": null`,
    ),
    [RUNNING]: ads(`  "AutoClusterId": 2,
  "JobCount": 7,
  "User": "alice@pool.test",
  "MachineAttrAnnexName0": "burst"`),
    [FACTORY]: ads(`  "TotalSubmitProcs": 50,
  "JobMaterializeNextProcId": 10`),
  });
  const found = await queueQueries(run).jobs("X == 1", LOOK);
  assert.deepEqual(found.idle, [
    {
      count: 40,
      id: "3.4",
      universe: 5,
      idleSince: 100,
      autocluster: 2,
      matchedAt: 90,
      deferredUntil: 700,
      coolDownUntil: undefined,
      hasConcurrencyLimits: true,
      user: "alice@pool.test",
      group: "group_p",
      request: { cpus: 2, memory: 64, disk: 1024, gpus: 0 },
      ad:
        '[ mincap = 3; requirements = TARGET.X is "a"; jobuniverse = 5; deferraltime = 1000; deferralpreptime = 300; ' +
        'concurrencylimits = "lic"; acctgroup = "group_p"; user = "alice@pool.test"; requestcpus = 2; ' +
        "requestmemory = 64; requestdisk = 1024 ]",
    },
    {
      count: 1,
      id: "5.0",
      universe: 0,
      idleSince: 0,
      autocluster: undefined,
      matchedAt: undefined,
      deferredUntil: undefined,
      coolDownUntil: undefined,
      hasConcurrencyLimits: false,
      user: undefined,
      group: undefined,
      request: { cpus: 1, memory: 0, disk: 0, gpus: 0 },
      ad: "[ concurrencylimits = undefined ]",
    },
  ]);
  assert.deepEqual(found.running, [{ count: 7, user: "alice@pool.test", autocluster: 2, annex: "burst" }]);
  assert.deepEqual(found.rejections, [
    { autocluster: 2, user: "alice@pool.test", at: 5, reason: "no match found" },
  ]);
  assert.equal(found.unmaterialized, 40);
  assert.match(
    asked[0]?.command ?? "",
    /-group-by -constraint JobStatus == 1 && \(X == 1\) .*,RequestGPUs,x$/,
  );
  assert.match(asked.find(({ command }) => command.includes(STRANGE))?.command ?? "", /,Requirements,x$/);
});

test("when jobs change their autoclusters between two questions, all are asked for by one", async () => {
  const group = (count: number, more = ""): string =>
    ads(`  "JobCount": ${count},\n  "JobIds": "1.0"${more}`);
  for (const [fresh, found] of [
    [2, 2],
    [1, 9],
    [3, 9],
  ] as const) {
    const { run } = answering({
      [STRANGE]: group(fresh),
      "JobStatus == 1 && (true)": group(9),
      [IDLE]: group(2),
    });
    const { idle } = await queueQueries(run).jobs("X == 1", LOOK);
    assert.deepEqual(
      idle.map(({ count }) => count),
      [found],
    );
  }
});

test("what negotiation passed over lately is asked alone when nothing else has changed", async () => {
  const { run, asked } = answering({
    [REJECTED]: ads(
      `  "AutoClusterId": 2,
  "User": "alice@pool.test",
  "LastRejMatchTime": 5,
  "LastRejMatchReason": "no match found "`,
      `  "AutoClusterId": 2`,
      `  "LastRejMatchTime": 5`,
    ),
  });
  assert.deepEqual(await queueQueries(run).rejections("X == 1"), [
    { autocluster: 2, user: "alice@pool.test", at: 5, reason: "no match found" },
  ]);
  assert.match(
    asked[0]?.command ?? "",
    /-constraint JobStatus == 1 && LastRejMatchTime > time\(\) - 600 && /,
  );
});

test("a request that is an expression is evaluated by HTCondor, once for all jobs that are alike", async () => {
  const ad = (count: number, since: number): string => `  "JobCount": ${count},
  "EnteredCurrentStatus": ${since},
  "MemoryUsage": 128,
  "RequestCpus": 1,
  "RequestMemory": "\\/Expr(ifthenelse(MemoryUsage isnt undefined,MemoryUsage,1))\\/",
  "RequestDisk": "\\/Expr(DiskUsage)\\/"`;
  const { run, asked } = answering({
    [IDLE]: ads(ad(3, 100), ad(4, 200)),
    "-jobads:new - -af:j": "1.0 1 128 2048 undefined\n",
  });
  const { idle } = await queueQueries(run).jobs("X == 1", LOOK);
  assert.deepEqual(
    idle.map(({ request }) => request),
    [0, 1].map(() => ({ cpus: 1, memory: 128, disk: 2048, gpus: 0 })),
  );
  assert.equal(
    asked.at(-1)?.input,
    "{\n[ ClusterId = 1; ProcId = 0; JobStatus = 1; memoryusage = 128; requestcpus = 1; " +
      "requestmemory = ifthenelse(MemoryUsage isnt undefined,MemoryUsage,1); requestdisk = DiskUsage ]\n}\n",
  );
});

test("that there is no job is asked twice, and believed when both say so", async () => {
  const none = answering({ "-totals": "Total for query: 0 jobs; 0 completed\n" });
  assert.deepEqual((await queueQueries(none.run).jobs("X == 1", LOOK)).idle, []);
  const some = answering({ "-totals": "Total for query: 3 jobs; 0 completed\n" });
  await assert.rejects(queueQueries(some.run).jobs("X == 1", LOOK), /-group-by shows no job, and .* 3/);
  await assert.rejects(queueQueries(answering({}).run).jobs("X == 1", LOOK), /does not say how many/);
});

test("a job that has started between two questions is asked about again, and one that still waits then is not believed", async () => {
  const one = (ids: string, count: number): string => ads(`  "JobCount": ${count},\n  "JobIds": "${ids}"`);
  const idle = ["1.0 ... 1.3", 4] as const;
  const { run, asked } = answering({ [IDLE]: one(...idle), [RUNNING]: one("1.0 ... 1.1", 2) });
  await assert.rejects(
    queueQueries(run).jobs("X == 1", LOOK),
    /shows job 1\.0 both among those that run and/,
  );
  assert.equal(asked.filter(({ command }) => command.includes(AUTOCLUSTERS)).length, 2);

  const later = answering({ [IDLE]: one("1.2 ... 1.3", 2) });
  let before = 0;
  const racing: Run = (program, args, options) => {
    const isIdle = [program, ...args].join(" ").includes(IDLE);
    return (isIdle && before++ > 1 ? later.run : run)(program, args, options);
  };
  const found = await queueQueries(racing).jobs("X == 1", LOOK);
  assert.deepEqual(
    found.idle.map(({ id, count }) => [id, count]),
    [["1.2", 2]],
  );
});

test("an expression that hides what it reads is refused, as it could not be counted by", async () => {
  const { run, asked } = answering({});
  for (const hidden of ['eval("X") == 1', "'X' == 1", "MY.evalInEachContext(X, Y)"]) {
    await assert.rejects(queueQueries(run).jobs(hidden, LOOK), { kind: "config" }, hidden);
  }
  assert.deepEqual(asked, []);
});

test("an answer that is cut short or of another form is an error, and never fewer jobs", async () => {
  const whole = ads(`  "JobCount": 1`, `  "JobCount": 2`);
  const broken = ["5", '"x"', "null", "{}", "[5]", "[\n{\n}\n", "[\n{\n  x\n}\n]\n", whole.slice(0, -3)];
  for (const text of [...broken, ...[10, 20, 30, 40].map((length) => whole.slice(0, length))]) {
    await assert.rejects(
      queueQueries(answering({ [IDLE]: text }).run).jobs("X == 1", LOOK),
      { kind: "failed" },
      text,
    );
  }
  const two = answering({ [IDLE]: `${whole}\n${whole}` });
  assert.equal((await queueQueries(two.run).jobs("X == 1", LOOK)).idle.length, 4, "of two schedds");
});

/** As HTCondor 23.9 prints it. */
const SUMMARY = `

-- Jobads: -
Analyzing matches for 28 slots
               Autocluster    Matches     Machine     Running     Serving            
 JobId        Members/Idle Requirements Rejects Job  Users Job  Other User Available Owner
------------- ------------ ------------ ----------- ----------- ---------- --------- -----
1.0                                  28           4           4          0        20 alice
2.0           3/3                    28           4           4          0         0 bob
3.0                                   1           0           0          0         1 
`;

/** The same of slots; a name may be long. */
const TAKERS = `

-- Jobads: -
Analyzing matches for 2 jobs
                      Slot  Slot's Req    Job's Req     Both   
Name                  Type  Matches Job Matches Slot    Match %
--------------------- ----  ------------ ------------ ----------
slot1_1@a.example.org Part            1            2      50.00
slot1@b               Part            0            2       0.00
c.example.org         Stat            2            2     100.00
`;

test("available slots are read from HTCondor's own summary, ad by ad", async (t) => {
  assert.deepEqual(
    [...parseSummary(SUMMARY)],
    [
      ["1.0", 20],
      ["2.0", 0],
      ["3.0", 1],
    ],
  );
  assert.equal(parseSummary("").size, 0);
  const directory = await mkdtemp(join(tmpdir(), "updraft-match-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, "slots");
  const { run, asked } = answering({ "summary -": SUMMARY, reverse: TAKERS });
  const matches = matchmaking(run, file);
  const jobs = ["[ a = 1 ]", "[ a = 2 ]", "[ a = 3 ]"];
  const [first, second, third] = await matches.freeSlots(jobs, [], "burst");
  const among = new Set(["slot1_1@a.example.org", "c.example.org"]);
  assert.deepEqual(first, { count: 20 }, "twenty are not among two: any of them may be");
  assert.deepEqual(
    [second, third],
    [
      { count: 0, among },
      { count: 1, among },
    ],
  );
  assert.equal(
    asked.splice(1).length,
    3,
    "which slots take any of them, and which take the two that some take",
  );
  assert.match(asked[0]?.command ?? "", /-jobads:new - -mconstraint State == "Unclaimed" .*=!= "burst"$/);
  assert.match(asked[0]?.input ?? "", /^\{\n\[ ClusterId = 1; ProcId = 0; JobStatus = 1; a = 1 \]\n,\n/);
  assert.deepEqual(await matches.idleAnnexSlots(jobs.slice(0, 1), "burst"), [20]);
  assert.match(asked[1]?.command ?? "", /AnnexName =\?= "burst"$/);
  assert.deepEqual(await matches.templates(jobs.slice(0, 2), ["[ cpus = 2 ]"]), [20, 0]);
  assert.equal(await readFile(file, "utf8"), "{\n[ cpus = 2 ]\n}\n");
  assert.deepEqual(await matches.freeSlots([], [], "burst"), []);
  assert.equal(asked.length, 3, "nothing is asked about no job");
  await assert.rejects(matches.freeSlots([...jobs, "[ a = 4 ]"], [], "burst"), /does not say of every job/);
});

/** Answers in turn. */
function inTurn(...answers: readonly string[]): { run: Run; asked: string[][] } {
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

test("slots that are cut short are an error, and no answer is no slot", async () => {
  for (const text of ['[{"Name": 1', "5", "[5]", "null", "{}"]) {
    await assert.rejects(pool(inTurn(text).run)("burst", "s"), { kind: "failed" }, text);
  }
  const { annexSlots, freeSlots } = await pool(inTurn("\n").run)("burst", "s");
  assert.deepEqual([annexSlots, freeSlots], [[], []]);
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
  const { run, asked } = inTurn(JSON.stringify(ads), "", JSON.stringify([{ MyType: "Scheduler" }]));
  const here = pool(run);
  assert.deepEqual((await here("burst", 's"')).facts, {
    negotiatedAt: 9,
    quotas: [{ group: "group_p", quota: 4, used: 1 }],
    startable: 60,
    unmaterialized: 3,
    collectorStarted: 7,
    scheddDutyCycle: 0.25,
  });
  assert.match(asked[0]?.join(" ") ?? "", /Name == "s\\""/);
  assert.deepEqual((await here("burst", "s")).facts, {
    negotiatedAt: undefined,
    quotas: [],
    startable: undefined,
    unmaterialized: 0,
    collectorStarted: undefined,
    scheddDutyCycle: undefined,
  });
  assert.equal((await here("burst", "s")).facts.startable, Number.POSITIVE_INFINITY);
});

test("slots of the annex tell what is free, how large they are, and whether they take jobs", async () => {
  const whole = {
    MyType: "Machine",
    AnnexName: "burst",
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
  const other = { ...whole, AnnexName: "other", Name: "slot1@o" };
  const local = { ...whole, AnnexName: undefined, Name: "slot1@l" };
  const { run } = inTurn(JSON.stringify([...ads, other, local, { MyType: "Collector" }]));
  const { annexSlots: slots, freeSlots } = await pool(run)("burst", "s");
  assert.deepEqual(slots[0]?.free, { cpus: 1, memory: 10, disk: 5, gpus: 0 });
  assert.deepEqual(slots[0]?.size, { cpus: 2, memory: 20, disk: 9, gpus: 0 });
  assert.equal(slots[1]?.size, undefined);
  assert.deepEqual(
    slots.map(({ accepting }) => accepting),
    [true, true, false, false, true, false],
  );
  const free = { cpus: 1, memory: 10, disk: 5, gpus: 0 };
  assert.deepEqual(freeSlots, [
    { name: "slot1@o", free, start: "/Expr(x)/" },
    { name: "slot1@l", free, start: "/Expr(x)/" },
  ]);
});
