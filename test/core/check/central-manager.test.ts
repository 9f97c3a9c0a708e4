import assert from "node:assert/strict";
import { test } from "node:test";
import { centralManagerPieces } from "../../../core/check/central-manager.ts";
import { UpdraftError } from "../../../core/errors.ts";
import { annex, SITE } from "../../support/knobs.ts";

const CONFINED = 'TARGET.AuthenticatedIdentity =!= "annex-burst@pool.test" || TARGET.AnnexName == "burst"';

async function found(knobs: Record<string, string | undefined>): Promise<string[]> {
  const ports = { collectorKnob: async (name: string) => knobs[name] };
  const [piece] = centralManagerPieces(ports, [annex({ credential: "idtoken" }), annex()], SITE);
  return (await piece?.look())?.map(({ level, what }) => `${level} ${what}`) ?? [];
}

test("where no annex has a token there is nothing to look at", () => {
  const never = () => Promise.reject(new Error("asked"));
  assert.deepEqual(centralManagerPieces({ collectorKnob: never }, [annex()], SITE), []);
});

test("the collector must take the annex's ads and hold its token to them", async () => {
  const well = /^ok the collector holds/;
  for (const list of [
    "condor@* annex-*@pool.test",
    "ANNEX-burst@pool.test/10.0.0.0/8",
    "*",
    "*@pool.test/*",
  ]) {
    const knobs = { COLLECTOR_REQUIREMENTS: CONFINED, ALLOW_DAEMON: list };
    const [only, ...more] = await found(knobs);
    assert.match(only ?? "", well, list);
    assert.deepEqual(more, []);
  }
  for (const list of [
    "condor@* annex-*@pool2.test",
    "",
    "10.0.0.0/8",
    "annex-burst",
    "annexXburst@pool.test",
  ]) {
    const knobs = { COLLECTOR_REQUIREMENTS: CONFINED, ALLOW_ADVERTISE_STARTD: list, ALLOW_DAEMON: "*" };
    const [first, second] = await found(list === "" ? { COLLECTOR_REQUIREMENTS: CONFINED } : knobs);
    assert.match(
      first ?? "",
      /^wrong the collector refuses annex-burst@pool.test: .* ALLOW_ADVERTISE_STARTD/,
    );
    assert.match(second ?? "", list === "" ? /ALLOW_ADVERTISE_MASTER/ : well);
  }
});

test("a collector that takes whatever a token advertises is told of", async () => {
  for (const requirements of [undefined, "TARGET.Cpus > 0"])
    assert.match(
      (await found({ ALLOW_DAEMON: "*", COLLECTOR_REQUIREMENTS: requirements })).at(-1) ?? "",
      /^warning with a stolen token/,
    );
});

test("a collector that does not answer is a warning, and a fault is not hidden", async () => {
  const look = async (error: Error) => {
    const collectorKnob = async (): Promise<never> => {
      throw error;
    };
    return centralManagerPieces({ collectorKnob }, [annex({ credential: "idtoken" })], SITE)[0]?.look();
  };
  const [silent] = (await look(new UpdraftError("failed", "no answer", "wait"))) ?? [];
  assert.deepEqual([silent?.level, silent?.what], ["warning", "the collector was not asked: no answer"]);
  await assert.rejects(look(new Error("a fault")), /a fault/);
});
