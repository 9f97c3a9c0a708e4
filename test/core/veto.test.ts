import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLastSweep, veto } from "../../core/veto.ts";

const NOW = 1_900_000_000;
const GOOD = {
  mode: "act",
  stop: false,
  now: NOW,
  sweptAt: NOW - 30,
  negotiatedAt: NOW - 30,
  negotiatorIntervalSeconds: 60,
  scheddKnown: true,
  collectorStarted: NOW - 86_400,
  updateIntervalSeconds: 300,
  scheddDutyCycle: 0.2,
} as const;

test("nothing stands in the way when enforcer, clock, schedd and negotiator are well", () => {
  assert.equal(veto(GOOD), undefined);
  assert.equal(veto({ ...GOOD, sweptAt: NOW + 100 }), undefined, "a little skew");
  assert.equal(veto({ ...GOOD, collectorStarted: NOW - 360 }), undefined);
  assert.equal(veto({ ...GOOD, scheddDutyCycle: undefined }), undefined, "of a schedd that is young itself");
});

test("each thing that stands in the way has its word and its reason", () => {
  const cases: [Partial<Parameters<typeof veto>[0]>, string, RegExp][] = [
    [{ stop: true }, "Stop", /UPDRAFT_STOP/],
    [{ mode: "advise" }, "Advise", /_MODE is advise/],
    [{ sweptAt: undefined }, "Enforcer", /no mark of a complete sweep/],
    [{ sweptAt: NOW - 301 }, "Enforcer", /for 5m1s, or this machine's clock is wrong/],
    [{ now: NOW + 86400 }, "Enforcer", /or this machine's clock is wrong/],
    [{ now: NOW - 86400 }, "Clock", /clock is 23h59m30s behind/],
    [{ negotiatedAt: undefined }, "Negotiator", /no negotiator/],
    [{ negotiatedAt: NOW - 301 }, "Negotiator", /has not negotiated for 5m1s/],
    [{ collectorStarted: NOW - 359 }, "Collector", /running for 5m59s only.*every 5m/],
    [{ collectorStarted: NOW + 9 }, "Collector", /running for 0s only/],
    [{ collectorStarted: undefined }, "Collector", /does not show itself/],
    [{ scheddDutyCycle: 0.99 }, "Schedd", /has no time left \(RecentDaemonCoreDutyCycle 0\.99\)/],
    [{ scheddKnown: false }, "Collector", /does not know this schedd/],
  ];
  for (const [changes, word, why] of cases) {
    const found = veto({ ...GOOD, ...changes });
    assert.equal(found?.limitedBy, word);
    assert.match(found?.reason ?? "", why);
  }
});

test("a pool that negotiates seldom is waited for", () => {
  assert.equal(veto({ ...GOOD, negotiatorIntervalSeconds: 300, negotiatedAt: NOW - 1400 }), undefined);
});

test("a mark of the enforcer that is missing, cut or something else is none", () => {
  const parse = (text: string) => parseLastSweep(new TextEncoder().encode(text));
  assert.equal(parse('{"sweptAt": 5, "seen": 1}\n'), 5);
  assert.equal(parseLastSweep(undefined), undefined);
  for (const text of ["", '{"sweptAt": 5', '{"sweptAt": "5"}', "null", "[]"]) {
    assert.equal(parse(text), undefined, text);
  }
});
