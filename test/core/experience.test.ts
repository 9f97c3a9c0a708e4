import assert from "node:assert/strict";
import { test } from "node:test";
import { learn, NO_EXPERIENCE, parseExperience, type Experience, type Seen } from "../../core/experience.ts";
import { attributesOf, readInputs } from "../../core/model-report/inputs.ts";
import { supply, type AnnexSlot } from "../../core/supply.ts";
import { instance } from "../support/cloud.ts";
import { annex } from "../support/knobs.ts";

const START = 1_900_000_200;
const FAMILIES = [
  "SubmissionRate",
  "MatchRate",
  "ProvisioningRate",
  "CompletionRate",
  "IdleTerminationRate",
  "RunningTerminationRate",
  "SpinUpDelay",
];

const slot = (instanceId: string, startedAt: number, job?: string): AnnexSlot => ({
  name: `slot1@${instanceId}`,
  instanceId,
  state: job === undefined ? "Unclaimed" : "Claimed",
  activity: "Idle",
  free: { cpus: 1, memory: 100, disk: 100, gpus: 0 },
  size: undefined,
  accepting: true,
  endsAt: undefined,
  startedAt,
  ...(job !== undefined && { job, jobStarted: startedAt + 30 }),
});

function ordered(id: string, at: number) {
  const one = instance({ id, launched: at });
  return { ...one, tags: { ...one.tags, "htcondor:OrderedAt": String(at) } };
}

const nothing = (now: number): Seen => ({
  annex: annex(),
  negotiatorIntervalSeconds: 60,
  now,
  queued: 0,
  arrived: 0,
  unmaterialized: 0,
  instances: [],
  members: [],
  slots: [],
});

/** A pool of a minute's life after the other in which everything happens: six jobs a minute, some instances come and go. */
function lively(minutes: number, unmaterialized = 0) {
  let experience: Experience = NO_EXPERIENCE;
  let attributes = {};
  for (let minute = 0; minute < minutes; minute++) {
    const now = START + 60 * minute;
    // Each is ordered, joins after 70 to 90 s, works, idles, and ends; half of them while they still have a job.
    const instances = Array.from({ length: 12 }, (_, i) => ordered(`i-${minute + 1 - i}`, now - 60 * i - 10));
    const slots = instances.slice(2, 11).flatMap(({ id, launched }, age) => {
      const started = launched + 70 + (Math.floor(launched / 60) % 3) * 10;
      const isEven = (launched / 60) % 2 < 1;
      return [slot(id, started, age < 4 || isEven ? `${id}-${Math.floor(age / 2)}` : undefined)];
    });
    const members = supply(instances, slots, {}, now, 600);
    ({ experience, attributes } = learn(experience, {
      ...nothing(now),
      queued: 5 + (minute % 3),
      arrived: 6,
      unmaterialized,
      instances,
      members,
      slots,
    }));
  }
  return { experience, attributes: attributes as Record<string, number | string | undefined> };
}

test("before anything was seen everything is a prior, and the stability undetermined", () => {
  const { attributes, experience } = learn(NO_EXPERIENCE, nothing(START));
  for (const name of FAMILIES) {
    assert.equal(attributes[`${name}Source`], "prior", name);
    const [value, low, high] = ["", "Low", "High"].map((part) => Number(attributes[`${name}${part}`]));
    assert.ok(low! < value! && value! < high!, name);
  }
  assert.equal(attributes["Stability"], "undetermined");
  assert.equal(attributes["EquilibriumQueued"], undefined);
  assert.equal(experience.lateAfterSeconds, 600);
});

test("a pool in which everything happens is measured, and the model says what it makes of it", () => {
  const { attributes, experience } = lively(100);
  for (const name of FAMILIES) assert.equal(attributes[`${name}Source`], "measured", name);
  assert.ok(Math.abs(Number(attributes["SubmissionRate"]) - 360) < 1, String(attributes["SubmissionRate"]));
  assert.ok(Math.abs(Number(attributes["SpinUpDelay"]) - 80 / 3600) < 5 / 3600, "in hours");
  assert.ok(Number(attributes["SpinUpDelayP95"]) > Number(attributes["SpinUpDelay"]));
  assert.equal(experience.lateAfterSeconds, 300, "a boot may take five minutes");
  assert.ok(["stable", "unstable", "undetermined"].includes(String(attributes["Stability"])));
  for (const name of ["EquilibriumQueued", "EquilibriumIdle", "EquilibriumBusy"])
    assert.ok(Number(attributes[name]) > 0, name);
  assert.ok(experience.bins.length <= 144 && experience.delays.length <= 60);
});

test("jobs that are not in the queue yet leave the stability undetermined, whatever was measured", () => {
  assert.equal(lively(100, 5).attributes["Stability"], "undetermined");
});

test("updraft model reads exactly what is published, in the same units", () => {
  const { attributes } = lively(100);
  const published = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [`Annex_burst_${name}`, value]),
  ) as Record<string, number>;
  for (const name of attributesOf("burst")) assert.notEqual(published[name], undefined, name);
  const { parameters, spinUpDelay } = readInputs(() => undefined, {
    annex: "burst",
    attributes: published,
    leaseSeconds: 28_800,
    idleSeconds: 1200,
  });
  assert.equal(parameters.submissionRate, attributes["SubmissionRate"]);
  assert.equal(spinUpDelay, attributes["SpinUpDelay"]);
});

test("instances that are long under way make the delay longer than those that joined alone would", () => {
  const joined = ["i-1", "i-2", "i-3"].map((id) => ordered(id, START - 100));
  const slots = joined.map(({ id }) => slot(id, START - 40));
  const coming = ["i-4", "i-5", "i-6"].map((id) => ordered(id, START - 280));
  const delay = (instances: typeof joined): number => {
    const members = supply(instances, slots, {}, START, 600);
    return Number(
      learn(NO_EXPERIENCE, { ...nothing(START), instances, members, slots }).attributes["SpinUpDelay"],
    );
  };
  assert.ok(delay([...joined, ...coming]) > 1.2 * delay(joined));
});

test("a delay is learned once, and one that no boot takes is not learned", () => {
  const instances = [ordered("i-1", START - 100), ordered("i-2", START - 90_000)];
  const slots = instances.map(({ id }) => slot(id, START - 30));
  const seen = { ...nothing(START), instances, members: supply(instances, slots, {}, START, 600), slots };
  const first = learn(NO_EXPERIENCE, seen).experience;
  assert.deepEqual(first.delays, [{ id: "i-1", seconds: 70 }]);
  assert.deepEqual(learn(first, { ...seen, now: START + 60 }).experience.delays, first.delays);
});

test("it comes back from a file as it was, and of what is spoilt nothing", () => {
  const { experience } = lively(30);
  assert.deepEqual(parseExperience(JSON.parse(JSON.stringify(experience))), experience);
  for (const spoilt of [
    null,
    7,
    { last: 5, bins: 5, delays: [{ id: "i-1", seconds: -1 }, 3], lateAfterSeconds: 0 },
  ])
    assert.deepEqual(parseExperience(spoilt), NO_EXPERIENCE);
});
