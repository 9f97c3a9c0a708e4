import assert from "node:assert/strict";
import { test } from "node:test";
import { condor, parseDump } from "../../adapters/condor.ts";
import { UpdraftError } from "../../core/errors.ts";

/** As HTCondor 23.9 prints it. */
const DUMP = `# Configuration from machine: vm

# Parameters with names that match ^UPDRAFT_:
TRUST_DOMAIN = pool.test
 # at: <Default>
 # raw: $(UID_DOMAIN)
 # default: $(UID_DOMAIN)
UPDRAFT_ANNEXES = burst
 # at: /etc/condor/config.d/up.conf, line 1
 # raw: burst
UPDRAFT_burst_EMPTY = 
 # at: /etc/condor/config.d/up.conf, line 6
 # raw: 
UPDRAFT_burst_IDLE = 60 * 20
 # at: /etc/condor/config.d/up.conf, line 5
 # raw: $(MINUTE) * 20
UPDRAFT_m_JOBS @=end
   A == 1
   || B == 2
@end
 # at: /etc/condor/config.d/multi.conf, line 4
 # raw: 
 #     A == 1
 #     || B == 2
UPDRAFT_q_X = a "b" = c # not comment
 # at: <Environment>
 # raw: a "b" = c # not comment
# Contributing configuration file(s):
#	/etc/condor/condor_config
`;

test("every knob is read with its expanded value and its place, and one without a value is not set", () => {
  assert.deepEqual(parseDump(DUMP), [
    { name: "TRUST_DOMAIN", value: "pool.test", source: "<Default>" },
    { name: "UPDRAFT_ANNEXES", value: "burst", source: "/etc/condor/config.d/up.conf, line 1" },
    { name: "UPDRAFT_burst_IDLE", value: "60 * 20", source: "/etc/condor/config.d/up.conf, line 5" },
    { name: "UPDRAFT_m_JOBS", value: "A == 1 || B == 2", source: "/etc/condor/config.d/multi.conf, line 4" },
    { name: "UPDRAFT_q_X", value: 'a "b" = c # not comment', source: "<Environment>" },
  ]);
});

test("an output that breaks off is read as far as it goes", () => {
  assert.deepEqual(parseDump("A @=end\n x"), [{ name: "A", value: "x", source: "unknown place" }]);
  assert.deepEqual(parseDump(""), []);
});

test("slots are read from ads, and no output is no slot", async () => {
  const answering = (text: string) => condor(async () => text).slots("burst");
  assert.deepEqual(await answering("\n"), []);
  assert.deepEqual(
    await answering(
      '[{"Name":"slot1@n","State":"Unclaimed","Activity":"Idle","CloudInstanceID":"i-1","AnnexSchedd":"s",' +
        '"EnteredCurrentState":100,"NumDynamicSlotsTime":200},{"Name":"x","State":"Drained"}]',
    ),
    [
      {
        name: "slot1@n",
        instanceId: "i-1",
        state: "Unclaimed",
        activity: "Idle",
        schedd: "s",
        since: 200,
        draining: false,
      },
      {
        name: "x",
        instanceId: undefined,
        state: "Drained",
        activity: "",
        schedd: undefined,
        since: undefined,
        draining: true,
      },
    ],
  );
});

test("HTCondor is asked with the annex's name quoted", async () => {
  const asked: string[][] = [];
  const here = condor(async (program, args) => {
    asked.push([program, ...args]);
    return "";
  });
  await here.slots('a"b');
  assert.ok(asked[0]?.includes('AnnexName =?= "a\\"b"'));
  assert.ok(!asked[0]?.includes("-startd"), "that is the ad of the daemon, which has no state");
  assert.equal(await here.expressionError("true"), undefined);
});

/** As HTCondor 23.9 prints it when asked for local name `other`; the common name shows the local value. */
const SEVERAL = `OTHER.SPOOL = /other
 # at: file, line 1
OTHER.UPDRAFT_ANNEXES = two
 # at: file, line 2
schedd.SPOOL = /schedds
 # at: file, line 3
SCHEDD.UPDRAFT_POOL = schedds
 # at: file, line 4
SPOOL = /spool
 # at: file, line 5
UPDRAFT_POOL = common
 # at: file, line 6
`;

test("a knob for the schedd's local name goes before one for all schedds, and that before the common one", async () => {
  const asked: (readonly string[])[] = [];
  const answering = (localName?: string) =>
    condor(async (_, args) => {
      asked.push(args);
      return SEVERAL;
    }, localName).settings("SPOOL|UPDRAFT_.*");
  const other = await answering("other");
  const value = (name: string) => other.find((setting) => setting.name === name)?.value;
  assert.deepEqual(["SPOOL", "UPDRAFT_ANNEXES", "UPDRAFT_POOL"].map(value), ["/other", "two", "schedds"]);
  const first = await answering();
  assert.equal(first.find(({ name }) => name === "SPOOL")?.value, "/schedds");
  assert.equal(
    first.find(({ name }) => name === "UPDRAFT_ANNEXES"),
    undefined,
    "that of another",
  );
  assert.ok(first.some(({ name }) => name === "OTHER.UPDRAFT_ANNEXES"));
  assert.deepEqual(
    asked.map((args) => args.slice(0, 4).join(" ")),
    ["-subsystem SCHEDD -local-name other", "-subsystem SCHEDD -dump -expanded"],
  );
});

test("an expression that HTCondor refuses is told apart from a missing HTCondor", async () => {
  const failing = (kind: "failed" | "config") =>
    condor(async () => {
      throw new UpdraftError(kind, "m", "r");
    });
  assert.equal(await failing("failed").expressionError("("), "HTCondor cannot parse it");
  await assert.rejects(failing("config").expressionError("("), { kind: "config" });
});
