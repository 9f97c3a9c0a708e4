import assert from "node:assert/strict";
import { test } from "node:test";
import { isProbeReport, probe, type ProbePorts, type ProbeTest } from "../../core/probe.ts";

const ALLOWED = `Remote Version:              $CondorVersion: 23.9.6 $
Authenticated using:         PASSWORD
Remote Mapping:              condor@password
Authorized:                  TRUE
`;
const ADDRESS = "<10.0.0.1:9618?addrs=10.0.0.1-9618&sock=schedd_1>";

/** Surroundings in which everything is well but what a test changes. */
function surroundings(changes: Partial<ProbePorts> = {}): ProbePorts {
  return {
    resolve: async () => ["10.0.0.1"],
    connect: async () => undefined,
    ping: async () => ALLOWED,
    scheddAddress: async () => ADDRESS,
    ...changes,
  };
}

const failing = (tests: readonly ProbeTest[]): string[] =>
  tests.filter((one) => !one.passed).map((one) => `${one.name}: ${one.what}`);

test("where everything is well, every collector, name, credential and the schedd pass", async () => {
  const tests = await probe(surroundings(), "a.test, 10.0.0.2", "cm.pool.test");
  assert.deepEqual(failing(tests), []);
  assert.deepEqual(
    tests.map((one) => one.name),
    [
      "name a.test",
      "collector a.test",
      "credential at a.test, ADVERTISE_STARTD",
      "credential at a.test, ADVERTISE_MASTER",
      "collector 10.0.0.2",
      "credential at 10.0.0.2, ADVERTISE_STARTD",
      "credential at 10.0.0.2, ADVERTISE_MASTER",
      "schedd cm.pool.test",
    ],
  );
  assert.match(tests[2]?.what ?? "", /accepted as condor@password by PASSWORD/);
});

test("a name that does not resolve is told, and the other collector is tested all the same", async () => {
  const resolve = async (host: string): Promise<string[]> => (host === "a.test" ? [] : ["10.0.0.1"]);
  assert.deepEqual(failing(await probe(surroundings({ resolve }), "a.test, b.test", "cm.pool.test")), [
    "name a.test: a.test does not resolve",
    "collector a.test: it has no address",
  ]);
});

test("a closed port is told with its address, and a second address of the name is tried", async () => {
  const connect = async (ip: string): Promise<string | undefined> =>
    ip === "10.0.0.1" ? "ECONNREFUSED" : undefined;
  const resolve = async (): Promise<string[]> => ["10.0.0.1", "10.0.0.9"];
  const scheddAddress = async (): Promise<string> => "<10.0.0.9:9618>";
  assert.deepEqual(
    failing(await probe(surroundings({ connect, resolve, scheddAddress }), "a.test", "s")),
    [],
  );
  assert.deepEqual(failing(await probe(surroundings({ connect }), "a.test", "s")), [
    "collector a.test: port 9618 of 10.0.0.1: ECONNREFUSED",
    "schedd s: no collector could be asked for its address",
  ]);
});

test("a credential that is refused, or not allowed to advertise, is told in HTCondor's words", async () => {
  const refused = async (): Promise<string> =>
    "ADVERTISE_STARTD failed!\nAUTHENTICATE:1003:Failed to authenticate\n";
  assert.match(
    failing(await probe(surroundings({ ping: refused }), "a.test", "s"))[0] ?? "",
    /AUTHENTICATE:1003:Failed to authenticate/,
  );
  const denied = async (): Promise<string> => ALLOWED.replace("TRUE", "FALSE");
  assert.match(
    failing(await probe(surroundings({ ping: denied }), "a.test", "s"))[0] ?? "",
    /condor@password is authenticated and not authorized/,
  );
});

test("the schedd is tested at the address that it advertises", async () => {
  const schedd = async (changes: Partial<ProbePorts>): Promise<string> =>
    failing(await probe(surroundings(changes), "a.test", "s")).join();
  assert.match(await schedd({ scheddAddress: async () => "" }), /the collector does not know it/);
  assert.match(await schedd({ scheddAddress: async () => "a:b:c" }), /"a:b:c", which is no address/);
  assert.match(
    await schedd({ scheddAddress: async () => "<10.0.0.1:0?CCBID=x>" }),
    /neither reaches the other/,
  );
  const connect = async (ip: string): Promise<string | undefined> =>
    ip === "10.9.9.9" ? "no answer" : undefined;
  assert.match(
    await schedd({ connect, scheddAddress: async () => "<10.9.9.9:9618>" }),
    /schedd s: port 9618 of 10\.9\.9\.9, which it advertises: no answer/,
  );
});

test("what is no address of a collector is told", async () => {
  assert.match(failing(await probe(surroundings(), "a:b:c", "s"))[0] ?? "", /"a:b:c" is no address/);
});

test("a probe's report is told from that of a failed boot", () => {
  const report = { format: 1, probe: true, annex: "a", instanceId: "i", startedAt: 0, tests: [] } as const;
  assert.equal(isProbeReport(report), true);
  const boot = {
    format: 1,
    annex: "a",
    instanceId: "i",
    step: "Tags",
    reason: "",
    remedy: "",
    attempts: 1,
  } as const;
  assert.equal(isProbeReport({ ...boot, startedAt: 0, failedAt: 1, steps: {} }), false);
});
