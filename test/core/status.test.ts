import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import { formatManifest } from "../../core/manifest.ts";
import { formatEntry, parseEntry, type JournalEntry } from "../../core/journal.ts";
import {
  annexStatus,
  describeCounts,
  describeCredential,
  describeHook,
  describeMoney,
  describeOrder,
  orderRow,
  statusRow,
  statusTable,
} from "../../core/status.ts";
import { World, instance } from "../support/cloud.ts";
import { entry } from "../support/journal.ts";

const OWNER = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };

const look = (world: World, entries: readonly JournalEntry[] = []) =>
  annexStatus(world.looking, OWNER, "us-east-1", entries);

test("status shows what lives and is ours, with its slots, its lease and its money", async () => {
  const world = new World();
  const tags = {
    ...instance().tags,
    "htcondor:LeaseExpiration": String(world.now + 3480),
    "htcondor:OrderId": "o1",
  };
  world.instances = [
    instance({ id: "i-1", launched: world.now - 7200, tags: { ...tags, "htcondor:Release": "1" } }),
    instance({ id: "i-2", launched: world.now - 5, state: "pending", privateIp: undefined, spot: true }),
    instance({ id: "i-3", state: "terminated" }),
    instance({ id: "i-4", tags: { ...tags, "htcondor:Pool": "other" } }),
  ];
  const { rows, counts, hook } = await look(world);
  assert.deepEqual(rows[0], {
    annex: "burst",
    id: "i-1",
    progress: "joined",
    state: "idle",
    ec2State: "running",
    type: "m7i.large",
    zone: "us-east-1a",
    market: "on-demand",
    privateIp: "172.31.0.1",
    launched: world.now - 7200,
    leaseExpiration: world.now + 3480,
    order: "o1",
    slots: ["slot1@i-1"],
    released: true,
    idleSince: undefined,
    jobs: [],
    cost: 0.2,
    worstLeft: 0.2,
  });
  assert.deepEqual(statusTable(rows, world.now).slice(1), [
    [
      "burst",
      "i-1",
      "idle",
      "m7i.large",
      "us-east-1a",
      "on-demand",
      "172.31.0.1",
      "2h",
      "58m",
      "1",
      "0.20",
      "0.20",
      "released",
    ],
    [
      "burst",
      "i-2",
      "ordered",
      "m7i.large",
      "us-east-1a",
      "spot",
      "-",
      "5s",
      "unreadable",
      "0",
      "0.00",
      "?",
      "-",
    ],
  ]);
  assert.equal(rows[1]?.cost, 0.0017, "a minute at least");
  assert.equal(describeCounts(counts), "1 ordered, 1 idle, 1 released");
  assert.equal(describeMoney(rows), "cost so far 0.20 USD, worst case left 0.20 USD and 1 of unknown price");
  assert.equal(hook, undefined);
});

test("nothing is none, and what nobody can price is not known", () => {
  assert.equal(describeMoney([]), "cost so far 0.00 USD, worst case left 0.00 USD");
  const seen = { ...instance(), progress: "running" as const, slots: [] };
  const row = statusRow("burst", seen, 100);
  assert.deepEqual([row.cost, row.worstLeft, row.state], [undefined, undefined, "running"]);
  assert.equal(describeMoney([row]), "cost so far not known, worst case left not known");
});

test("a lost instance and ghosts say what is wrong with them, and cost nothing any more", async () => {
  const world = new World();
  world.joinAfterSeconds = undefined;
  const slot = (id: string) => ({
    name: `slot1@${id}`,
    instanceId: id,
    state: "Claimed",
    activity: "Busy",
    schedd: OWNER.schedd,
  });
  world.instances = [
    instance({ id: "i-1", launched: world.now - 60 }),
    instance({ id: "i-2", state: "terminated" }),
  ];
  world.slots = [slot("i-2"), slot("i-9")];
  world.history = ["i-1"];
  world.annexJobs = [{ id: "7.0", instanceId: "i-2", running: true }];
  const { rows, counts } = await look(world);
  const notes = statusTable(rows, world.now).map((cells) => [cells[1], cells[2], cells.at(-1)]);
  assert.deepEqual(notes.slice(1), [
    [
      "i-2",
      "ghost",
      "EC2 has terminated it, but the collector shows its slots and the schedd has 7.0 running there",
    ],
    ["i-1", "lost", "it had joined, and the collector shows no slot of it"],
    ["i-9", "ghost", "EC2 does not list it, but the collector shows its slots"],
  ]);
  assert.deepEqual([counts.ghost, counts.lost], [2, 1]);
  assert.equal(rows[0]?.cost, undefined);
  assert.match(describeMoney(rows), /^cost so far 0\.00 USD,/);
  const unlisted = rows[2];
  assert.deepEqual(
    [unlisted?.ec2State, unlisted?.market, unlisted?.progress],
    ["unknown", undefined, "gone"],
  );
  assert.deepEqual(statusTable(rows, world.now)[3]?.slice(3, 9), ["-", "-", "-", "-", "-", "-"]);
});

test("an idle instance tells for how long", async () => {
  const world = new World();
  world.joinAfterSeconds = undefined;
  world.instances = [instance({ launched: world.now - 900 })];
  world.slots = [
    { name: "slot1@i-1", instanceId: "i-1", state: "Unclaimed", activity: "Idle", since: world.now - 720 },
  ];
  assert.equal(statusTable((await look(world)).rows, world.now)[1]?.at(-1), "idle for 12m");
});

test("a failed boot is told in the node's own words, of late and ended instances only", async () => {
  const world = new World();
  world.joinAfterSeconds = undefined;
  world.instances = [
    instance({ id: "i-1", state: "terminated" }),
    instance({ id: "i-2", launched: world.now - 700 }),
    instance({ id: "i-3", launched: world.now }),
    instance({ id: "i-4", launched: world.now - 700 }),
  ];
  world.put(
    "reports/burst/AROA1:i-1",
    '{"step":"Files","reason":"no\\nspace","remedy":"Take a larger disk."}',
  );
  world.put("reports/burst/AROA1:i-2", "cut \u001b[2Joff");
  world.put("reports/burst/AROA1:i-3", "young");
  world.put("reports/burst2/AROA2:i-4", "another's");
  const { bootReports, rows } = await look(world);
  assert.deepEqual(bootReports, [
    { annex: "burst", id: "i-1", state: "gone", report: "Files: no space. Take a larger disk." },
    { annex: "burst", id: "i-2", state: "late", report: "cut  [2Joff" },
  ]);
  assert.ok(!rows.some((row) => row.id === "i-1"));
});

test("reports that cannot be read hide nothing else; a fault of ours does", async () => {
  const world = new World();
  world.joinAfterSeconds = undefined;
  world.instances = [instance({ launched: world.now - 700 })];
  world.stacks.clear();
  assert.equal((await look(world)).rows.length, 1);
  assert.match(world.said.join("\n"), /reported about their boot cannot be read: us-east-1 of this account/);
  const broken = { ...world.looking, account: () => Promise.reject(new TypeError("bug")) };
  const other = new World();
  const stack = other.cloudFormation;
  await assert.rejects(annexStatus({ ...broken, cloudFormation: stack }, OWNER, "us-east-1", []), TypeError);
});

test("an order is shown while EC2 does not show all of it, and only then", async () => {
  const world = new World();
  const mine = entry({ orderedAt: world.now, sentAt: world.now });
  const theirs = entry({ orderId: "0000000000000002", annex: "burst2", sentAt: world.now });
  assert.deepEqual(
    (await look(world, [mine, theirs])).orders.map((order) => order.id),
    [mine.orderId],
  );
  world.instances = ["i-1", "i-2", "i-3"].map((id) =>
    instance({ id, tags: { ...instance().tags, "htcondor:OrderId": mine.orderId } }),
  );
  assert.deepEqual((await look(world, [mine])).orders, []);
  assert.equal(typeof parseEntry(formatEntry(mine)), "object");
});

test("an order that is not settled says what is not known of it", () => {
  const row = orderRow(entry({ sentAt: 1000 }));
  assert.deepEqual(row, {
    id: "0000000000000001",
    annex: "burst",
    market: "on-demand",
    count: 3,
    orderedAt: 1000,
    sentAt: 1000,
    instanceIds: undefined,
  });
  assert.equal(
    describeOrder(row, 1065),
    "order 0000000000000001 of annex burst: 3 × on-demand, sent 1m5s ago; nobody has read the answer",
  );
  const answered = orderRow(entry({ answer: { at: 1001, instanceIds: ["i-1", "i-2"] } }));
  assert.match(describeOrder(answered, 1065), /; EC2 does not show all of i-1, i-2 yet$/);
});

test("the hook's last word comes with its age", async () => {
  const said = { limitedBy: "Advise", reason: "3 idle jobs", measuredAt: 1000, error: undefined };
  const world = new World();
  world.hookSaid = said;
  assert.deepEqual((await look(world)).hook, said);
  assert.equal(describeHook("burst", said, 1065), "hook of annex burst (Advise, 1m5s ago): 3 idle jobs");
  assert.equal(
    describeHook("burst", { ...said, measuredAt: undefined }, 1065),
    "hook of annex burst (Advise): 3 idle jobs",
  );
});

test("the end of what nodes authenticate by is told when it is near, or comes before a lease's end", async () => {
  const world = new World();
  const manifest = {
    annex: "burst",
    pool: "pool.test",
    collectors: "cm.pool.test",
    maxLeaseSeconds: 604800,
    drainSeconds: 600,
    allowOpenMetadata: false,
    direct: false,
    configSha256: "ab".repeat(32),
  };
  const told = async (expires: number | undefined, lease?: number) => {
    const kind = expires === undefined ? "password" : "idtoken";
    const credential = { kind, sha256: "cd".repeat(32), ...(expires !== undefined && { expires }) } as const;
    world.put("annexes/burst/annex.ini", formatManifest({ ...manifest, credential }));
    const tags = { ...instance().tags, "htcondor:LeaseExpiration": String(lease) };
    world.instances = lease === undefined ? [] : [instance({ tags })];
    return describeCredential("burst", await look(world), world.now);
  };
  const day = 86400;
  assert.equal(await told(undefined), undefined);
  assert.equal(await told(world.now + 30 * day, world.now + day), undefined);
  assert.match((await told(world.now + day)) ?? "", /ends in 1d; .*credential rotate burst/);
  assert.match(
    (await told(world.now + 3600, world.now + 7200)) ?? "",
    /ends before the lease of an instance/,
  );
  assert.deepEqual((await look(world)).credential, { kind: "idtoken", expires: world.now + 3600 });
  world.put("annexes/burst/annex.ini", "nonsense");
  assert.equal((await look(world)).credential, undefined);
});

test("EC2 that does not answer is an error, never an empty annex", async () => {
  const world = new World();
  const instances = () => Promise.reject(new UpdraftError("failed", "no answer", "wait"));
  await assert.rejects(
    annexStatus({ ...world.looking, ec2: { instances } }, OWNER, "us-east-1", []),
    /no answer/,
  );
});
