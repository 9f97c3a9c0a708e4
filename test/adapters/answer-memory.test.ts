import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { answerMemory, type AnswerMemory } from "../../adapters/answer-memory.ts";
import { recentFacts, recentMatches } from "../../adapters/recent.ts";
import type { SlotMatches } from "../../core/demand.ts";
import type { Matchmaking } from "../../core/sensors.ts";
import { World } from "../support/cloud.ts";
import { SITE, annex } from "../support/knobs.ts";

async function place(
  t: TestContext,
): Promise<{ file: string; at: { now: number }; run: () => AnswerMemory }> {
  const directory = await mkdtemp(join(tmpdir(), "updraft-answers-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, "kept.json");
  const at = { now: 1_000_000 };
  return { file, at, run: () => answerMemory(file, () => at.now) };
}

test("an answer serves later runs until the question is another or it is old", async (t) => {
  const { file, at, run } = await place(t);
  let asked = 0;
  const ask = async (question: string): Promise<number> =>
    run().recent("a", question, 300, async () => ++asked);
  assert.deepEqual([await ask("x"), await ask("x")], [1, 1]);
  assert.equal(await ask("y"), 2);
  at.now += 299;
  assert.equal(await ask("y"), 2);
  at.now += 1;
  assert.equal(await ask("y"), 3);
  at.now -= 900;
  assert.equal(await ask("y"), 4, "an answer of a time to come is of a wrong clock");
  for (const spoilt of ["{", "5", "null"]) {
    const before = asked;
    await writeFile(file, spoilt);
    assert.equal(await ask("y"), before + 1, spoilt);
  }
});

test("within a run the same question is asked once, and answers of several names are kept beside each other", async (t) => {
  const { run } = await place(t);
  const asked: string[] = [];
  const ask = (memory: AnswerMemory, name: string) =>
    memory.recent(name, "q", 300, async () => (asked.push(name), name));
  const first = run();
  assert.deepEqual(await Promise.all([ask(first, "a"), ask(first, "a"), ask(first, "b")]), ["a", "a", "b"]);
  const second = run();
  assert.deepEqual(await Promise.all([ask(second, "a"), ask(second, "b")]), ["a", "b"]);
  assert.deepEqual(asked, ["a", "b"]);
});

test("a failure is not kept, nor is nothing, and what nobody has asked for a day is forgotten", async (t) => {
  const { file, at, run } = await place(t);
  await assert.rejects(
    run().recent("a", "q", 300, () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await run().recent("a", "q", 300, async () => undefined), undefined);
  assert.equal(await run().recent("a", "q", 300, async () => 7), 7);
  at.now += 90_000;
  await run().recent("b", "q", 300, async () => 8);
  assert.deepEqual(Object.keys(JSON.parse(await readFile(file, "utf8"))), ["b"]);
});

test("set-up is looked at again after five minutes, images and types after an hour, and as AWS tells them", async (t) => {
  const { at, run } = await place(t);
  const world = new World();
  const asked: string[] = [];
  const aws = {
    ...world.ports,
    account: async () => (asked.push("account"), world.ports.account()),
    imageId: async (name: string) => (asked.push("image-id"), `ami-${name}`),
    ec2: {
      image: async (id: string) => (asked.push("image"), world.ec2.image(id)),
      instanceTypes: async (types: readonly string[]) => (
        asked.push(`types ${types.join()}`),
        world.ec2.instanceTypes(types)
      ),
    },
  };
  const knobs = annex();
  const look = async (): Promise<string> => {
    asked.length = 0;
    const recent = recentFacts(aws, run());
    const setUp = await recent.setUp(knobs, SITE);
    assert.equal(setUp.account, await world.ports.account());
    assert.equal(await recent.imageId("x"), "ami-x");
    assert.equal((await recent.ec2.image(knobs.image))?.id, knobs.image);
    for (const type of knobs.instanceTypes) {
      assert.equal((await recent.ec2.instanceTypes([type]))[0]?.type, type);
    }
    return asked.join(" ");
  };
  const types = knobs.instanceTypes.map((type) => `types ${type}`).join(" ");
  assert.equal(await look(), `account image-id image ${types}`);
  assert.equal(await look(), "");
  at.now += 300;
  assert.equal(await look(), "account image-id");
  at.now += 3300;
  assert.equal(await look(), `account image-id image ${types}`);
});

test("a mark of the enforcer serves a minute and a half, and is looked for again as long as there is none", async (t) => {
  const { at, run } = await place(t);
  const marks: (number | undefined)[] = [undefined, 5, 6];
  const look = () => recentFacts({} as never, run()).sweptAt("bucket", async () => marks.shift());
  assert.deepEqual([await look(), await look(), await look()], [undefined, 5, 5]);
  at.now += 90;
  assert.equal(await look(), 6);
});

test("what slots to come would take is asked again when jobs or slots are others, and after five minutes", async (t) => {
  const { at, run } = await place(t);
  let asked = 0;
  const matches: Matchmaking = {
    freeSlots: async () => [],
    idleAnnexSlots: async () => [],
    templates: async (ads) => (asked++, ads.map(() => asked)),
  };
  const look = async (ads: readonly string[], slots: readonly string[]): Promise<readonly number[]> =>
    recentMatches(matches, run()).templates(ads, slots);
  assert.deepEqual(await look(["[ a ]"], ["[ s ]"]), [1]);
  assert.deepEqual(await look(["[ a ]"], ["[ s ]"]), [1]);
  assert.deepEqual(await look(["[ a ]", "[ b ]"], ["[ s ]"]), [2, 2]);
  assert.deepEqual(await look(["[ a ]", "[ b ]"], ["[ t ]"]), [3, 3]);
  at.now += 301;
  assert.deepEqual(await look(["[ a ]", "[ b ]"], ["[ t ]"]), [4, 4]);
});

test("which free slots take jobs is asked again when one of them is another or has another START", async (t) => {
  const { at, run } = await place(t);
  let asked = 0;
  let found: readonly SlotMatches[] = [{ count: 3 }];
  const matches: Matchmaking = {
    freeSlots: async () => (asked++, found),
    idleAnnexSlots: async () => [],
    templates: async () => [],
  };
  const slot = { name: "slot1@a", free: { cpus: 1, memory: 1, disk: 1, gpus: 0 }, start: "true" };
  const look = (...slots: readonly (typeof slot)[]) =>
    recentMatches(matches, run()).freeSlots(["[ a ]"], slots, "burst");
  assert.deepEqual(await look(slot), found);
  assert.deepEqual([await look(slot), asked], [found, 1]);
  await look({ ...slot, start: "false" });
  await look({ ...slot, free: { ...slot.free, cpus: 2 } });
  await look(slot, slot);
  assert.equal(asked, 4);
  at.now += 300;
  await look(slot, slot);
  assert.equal(asked, 5);
  found = [{ count: 1, among: new Set(["slot1@a"]) }];
  assert.deepEqual([await look(slot), await look(slot), asked], [found, found, 7], "names are not kept");
});
