import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import { describeStray, findStrays, listAnnex, listTable } from "../../core/list.ts";
import { writeAnnex, planPublication } from "../../core/publish.ts";
import { World, instance } from "../support/cloud.ts";
import { SITE, annex } from "../support/knobs.ts";

const failing = (kind: "denied" | "failed") => () =>
  Promise.reject(new UpdraftError(kind, "no answer", "wait"));

test("an annex is listed with its set-up, what is published, and its instances", async () => {
  const world = new World();
  world.instances = [instance(), instance({ id: "i-2", state: "terminated" })];
  const before = await listAnnex(world.looking, annex(), SITE);
  assert.deepEqual([before.row.setUp, before.row.published, before.error], [true, false, undefined]);
  assert.match(before.row.problem ?? "", /annex burst is not published/);
  await writeAnnex(world.ports, await planPublication(world.ports, annex(), SITE));
  const { row, error } = await listAnnex(world.looking, annex(), SITE);
  assert.equal(error, undefined);
  assert.deepEqual([row.setUp, row.published, row.alive, row.problem], [true, true, 1, undefined]);
  assert.deepEqual(listTable([row])[1], [
    "burst",
    "us-east-1",
    "advise",
    "on-demand",
    "yes",
    "yes",
    "1 of 20",
    "8h",
    "1 idle",
  ]);
});

test("an annex that is not set up is neither set up nor published, and that is no error", async () => {
  const world = new World();
  world.stacks.delete("updraft-burst");
  const { row, error } = await listAnnex(world.looking, annex(), SITE);
  assert.equal(error, undefined);
  assert.deepEqual([row.setUp, row.published, row.alive], [false, false, 0]);
  assert.match(row.problem ?? "", /there is no stack updraft-burst/);
});

test("a neighbour that fails is told once, and hides nothing of what the others know", async () => {
  const world = new World();
  const blind = await listAnnex(
    { ...world.looking, cloudFormation: { ...world.cloudFormation, stack: failing("denied") } },
    annex(),
    SITE,
  );
  assert.equal(blind.error?.kind, "denied");
  assert.deepEqual([blind.row.setUp, blind.row.published, blind.row.alive], [undefined, undefined, 0]);
  const mute = await listAnnex(
    { ...world.looking, ec2: { ...world.ec2, instances: failing("failed") } },
    annex(),
    SITE,
  );
  assert.equal(mute.error?.kind, "failed");
  assert.deepEqual([mute.row.setUp, mute.row.alive, mute.row.counts], [true, undefined, undefined]);
  assert.deepEqual(listTable([mute.row])[1]?.slice(4), ["yes", "no", "? of 20", "8h", "?"]);
  assert.equal(listTable([blind.row])[1]?.[4], "?");
  const broken = { ...world.looking, slots: () => Promise.reject(new TypeError("bug")) };
  await assert.rejects(listAnnex(broken, annex(), SITE), TypeError);
});

test("stacks of this pool without knobs are told, and those of other pools are not", async () => {
  const world = new World();
  const stack = (pool: string) => ({ status: "CREATE_COMPLETE", parameters: { Pool: pool }, outputs: {} });
  world.stacks.set("updraft-old", stack("pool.test"));
  world.stacks.set("updraft-theirs", stack("pool2.test"));
  world.stacks.set("updraft-not-ours", stack("pool.test"));
  const strays = await findStrays(world.cloudFormation, "us-east-1", "pool.test", [annex()]);
  assert.deepEqual(strays, [{ annex: "old", region: "us-east-1", status: "CREATE_COMPLETE" }]);
  assert.match(strays.map(describeStray).join(), /annex old in us-east-1: .* no knobs here/);
  const elsewhere = [annex({ region: "eu-west-1" })];
  assert.equal((await findStrays(world.cloudFormation, "us-east-1", "pool.test", elsewhere)).length, 2);
});
