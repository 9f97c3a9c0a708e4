import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import { haunting, layToRest, mayForget, NO_GHOSTS, parseGhosts, type Ghosts } from "../../core/ghosts.ts";
import { layGhosts } from "../../core/lay-ghosts.ts";
import { Unmeasured } from "../../core/unmeasured.ts";
import { instance } from "../support/cloud.ts";

const NOW = 10_000;
const DEAD = instance({ id: "i-dead", state: "terminated" });
const ALIVE = instance({ id: "i-alive", state: "running" });
const RUN = { job: "7.0", instanceId: "i-dead", remoteHost: "slot1_1@i-dead.ec2.internal", shadowStarts: 1 };
const SLOT = { name: "slot1@i-dead.ec2.internal", instanceId: "i-dead" };

test("an instance counts as dead when EC2 has called it terminated at two looks", () => {
  const first = haunting(NO_GHOSTS, [DEAD, ALIVE], NOW);
  assert.deepEqual([first.dead, first.memory.ended], [[], { "i-dead": NOW }]);
  const second = haunting(first.memory, [DEAD, ALIVE], NOW + 60);
  assert.deepEqual([second.dead, second.memory.ended], [["i-dead"], { "i-dead": NOW }]);
  const wrong = haunting(first.memory, [{ ...DEAD, state: "running" }], NOW + 60);
  assert.deepEqual(
    [wrong.dead, wrong.memory.ended],
    [[], {}],
    "what lives after all is as if never called dead",
  );
  assert.deepEqual(haunting({ ended: { "i-dead": NOW + 99 }, laid: [] }, [DEAD], NOW).memory.ended, {
    "i-dead": NOW,
  });
});

test("one of which nothing is shown for five minutes is looked for no more, as long as EC2 lists it", () => {
  const memory = { ended: { "i-dead": NOW, "i-other": NOW }, laid: [] };
  assert.deepEqual(layToRest(memory, new Set(), NOW + 299), memory);
  const later = layToRest(memory, new Set(["i-other"]), NOW + 300);
  assert.deepEqual(later, { ended: { "i-other": NOW }, laid: ["i-dead"], found: NOW + 300 });
  assert.deepEqual(haunting(later, [DEAD], NOW + 360), {
    dead: [],
    memory: { ended: {}, laid: ["i-dead"], found: NOW + 300 },
  });
  assert.deepEqual(haunting(later, [], NOW + 360).memory.laid, []);
});

test("a job may be forgotten for as long as HTCondor lets it wait for a dead slot", () => {
  assert.equal(mayForget(NO_GHOSTS, NOW), false);
  const found = { ...NO_GHOSTS, found: NOW };
  assert.deepEqual([mayForget(found, NOW + 2099), mayForget(found, NOW + 2100)], [true, false]);
  assert.equal(mayForget(found, NOW - 1), false);
});

test("what is remembered is read back, and whatever else is in its place is nothing", () => {
  const memory = { ended: { "i-dead": 5 }, laid: ["i-x"], found: 6 };
  assert.deepEqual(parseGhosts(JSON.parse(JSON.stringify(memory))), memory);
  for (const spoilt of [undefined, null, 5, "x", [], { ended: 5, laid: {}, found: "x" }])
    assert.deepEqual(parseGhosts(spoilt), NO_GHOSTS);
});

/** HTCondor with one run and one slot of a dead instance, and what was done to them. */
function haunted(changes: Partial<Ghosts> = {}): { ghosts: Ghosts; deeds: string[] } {
  const deeds: string[] = [];
  const ghosts: Ghosts = {
    runs: async () => [RUN],
    slots: async () => [SLOT],
    withdraw: async (slots) => void deeds.push(`withdraw ${slots.map(({ name }) => name).join(" ")}`),
    vacate: async (runs) => void deeds.push(`vacate ${runs.map(({ job }) => job).join(" ")}`),
    rouse: async (expression) => void deeds.push(`rouse ${expression}`),
    ...changes,
  };
  return { ghosts, deeds };
}

const terms = (changes: object = {}) => ({
  before: { ended: { "i-dead": NOW - 60 }, laid: [] },
  instances: [DEAD],
  expression: "Mine",
  act: true,
  now: NOW,
  ...changes,
});

test("the ads of the dead are withdrawn first, then their jobs are given back, then the schedd looks anew", async () => {
  const { ghosts, deeds } = haunted();
  const laid = await layGhosts(ghosts, terms());
  assert.deepEqual(deeds, ["withdraw slot1@i-dead.ec2.internal", "vacate 7.0", "rouse Mine"]);
  assert.deepEqual([laid.jobs, laid.memory.found, laid.trouble], [1, NOW, undefined]);
});

test("nothing is asked when nobody is dead, and nothing is done at the first sight or when nothing may be", async () => {
  const { ghosts, deeds } = haunted();
  const asked = await layGhosts(
    { ...ghosts, runs: () => assert.fail("it asked") },
    terms({ before: NO_GHOSTS }),
  );
  assert.deepEqual([asked.jobs, deeds], [0, []]);
  const looked = await layGhosts(ghosts, terms({ act: false }));
  assert.deepEqual([looked.jobs, deeds], [1, []]);
});

test("an instance that ended in order costs two questions and nothing else", async () => {
  const { ghosts, deeds } = haunted({ runs: async () => [], slots: async () => [] });
  assert.equal((await layGhosts(ghosts, terms())).memory.found, undefined);
  assert.deepEqual(deeds, []);
});

test("a step that is refused is told, and does not stop the others; a question that fails holds", async () => {
  const denied = () => Promise.reject(new UpdraftError("failed", "condor_advertise was denied", "Ask."));
  const { ghosts, deeds } = haunted({ withdraw: denied });
  const { trouble } = await layGhosts(ghosts, terms());
  assert.deepEqual(trouble, { limitedBy: "Collector", reason: "condor_advertise was denied" });
  assert.deepEqual(deeds, ["vacate 7.0", "rouse Mine"]);
  await assert.rejects(layGhosts({ ...ghosts, runs: denied }, terms()), Unmeasured);
  const bug = { ...ghosts, vacate: () => Promise.reject(new TypeError("a bug")) };
  await assert.rejects(layGhosts(bug, terms()), TypeError);
});
