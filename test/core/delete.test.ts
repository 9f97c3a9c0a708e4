import assert from "node:assert/strict";
import { test } from "node:test";
import { carryOutDelete, planDelete } from "../../core/delete.ts";
import { formatEntry } from "../../core/journal.ts";
import { formatOwner } from "../../core/owner.ts";
import { World, instance } from "../support/cloud.ts";
import { entry } from "../support/journal.ts";

const OWNER = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };
const CLAIM = { ...OWNER, account: "123456789012", region: "us-east-1" };

function world(): World {
  const made = new World();
  made.put("annexes/burst/owner", formatOwner(CLAIM));
  made.put("annexes/burst/annex.ini", "m");
  made.put("annexes/burst/config/x.tar.gz", "c");
  made.put("annexes/burst2/owner", "another's");
  made.put("reports/burst/AROA1:i-1", "r");
  made.put("bin/x/updraft-bootstrap", "b");
  made.instances = [
    instance({ id: "i-1" }),
    instance({ id: "i-2", state: "pending" }),
    instance({ id: "i-3", tags: { ...instance().tags, "htcondor:Schedd": "other" } }),
    instance({ id: "i-4", tags: { ...instance().tags, "htcondor:Pool": "other" } }),
    instance({ id: "i-5", tags: { ...instance().tags, "htcondor:AnnexName": "burst2" } }),
    instance({ id: "i-6", state: "terminated" }),
  ];
  return made;
}

test("exactly our instances end, then exactly the annex's objects go, the claim last", async () => {
  const made = world();
  const plan = await planDelete(made.ports, OWNER, "us-east-1");
  assert.deepEqual(made.deeds, []);
  assert.deepEqual(
    plan.instances.map((one) => one.id),
    ["i-1", "i-2"],
  );
  assert.deepEqual(await carryOutDelete(made.ports, plan, 60), { terminated: ["i-1", "i-2"] });
  assert.deepEqual(made.deeds, [
    "remove annexes/burst/annex.ini",
    "terminate i-1 i-2",
    "remove annexes/burst/config/x.tar.gz",
    "remove reports/burst/AROA1:i-1",
    "remove annexes/burst/owner",
  ]);
  assert.deepEqual([...made.objects.keys()], ["annexes/burst2/owner", "bin/x/updraft-bootstrap"]);
});

test("an instance that comes to light while others end is ended too", async () => {
  const made = world();
  const plan = await planDelete(made.ports, OWNER, "us-east-1");
  const sleep = made.clock.sleep;
  let late = true;
  made.clock.sleep = async (seconds) => {
    await sleep(seconds);
    if (late) made.instances.push(instance({ id: "i-7" }));
    late = false;
  };
  assert.deepEqual((await carryOutDelete(made.ports, plan, 60)).terminated, ["i-1", "i-2", "i-7"]);
});

test("another pool's annex is not deleted", async () => {
  const made = world();
  made.put("annexes/burst/owner", formatOwner({ ...CLAIM, pool: "pool2.test" }));
  await assert.rejects(planDelete(made.ports, OWNER, "us-east-1"), { kind: "denied" });
});

test("an instance that does not go is told, and the objects stay for the next attempt", async () => {
  const made = world();
  const plan = await planDelete(made.ports, OWNER, "us-east-1");
  made.clock.sleep = async (seconds) => {
    made.now += seconds;
  };
  await assert.rejects(carryOutDelete(made.ports, plan, 20), {
    kind: "failed",
    message: /2 instances are not gone after 20 s/,
  });
  assert.ok(made.objects.has("annexes/burst/owner"));
});

test("deleting again finds nothing, also where nothing was ever set up", async () => {
  const made = new World();
  const plan = await planDelete(made.ports, OWNER, "us-east-1");
  assert.deepEqual([plan.instances, plan.keys], [[], []]);
  made.stacks.clear();
  const bare = await planDelete(made.ports, OWNER, "us-east-1");
  assert.deepEqual([bare.instances, bare.keys, bare.storage], [[], [], undefined]);
  assert.deepEqual(await carryOutDelete(made.ports, bare, 20), { terminated: [] });
});

test("an order whose outcome is not known is told, and so is a journal that cannot be read", async () => {
  const made = world();
  made.journalFiles.set("0000000000000001", formatEntry(entry({ sentAt: made.now, orderedAt: made.now })));
  await carryOutDelete(made.ports, await planDelete(made.ports, OWNER, "us-east-1"), 60);
  assert.match(made.said.join("\n"), /3 instances of orders whose outcome is not known may still appear/);
  assert.equal(made.requests.length, 0);

  const other = world();
  other.journalFiles.set("0000000000000001", "{");
  await carryOutDelete(other.ports, await planDelete(other.ports, OWNER, "us-east-1"), 60);
  assert.match(other.said.join("\n"), /the journal of orders cannot be read/);
  assert.ok(!other.objects.has("annexes/burst/owner"), "what can be ended is ended all the same");

  const faulty = world();
  const journal = { ...faulty.journal, read: () => Promise.reject(new TypeError("bug")) };
  const plan = await planDelete(faulty.ports, OWNER, "us-east-1");
  await assert.rejects(carryOutDelete({ ...faulty.ports, journal }, plan, 60), TypeError);
});
