import assert from "node:assert/strict";
import { test } from "node:test";
import { site } from "../../core/site.ts";

const HERE = {
  FULL_HOSTNAME: "cm.pool.test",
  TRUST_DOMAIN: "pool.test",
  UID_DOMAIN: "uid.test",
  CONDOR_HOST: "cm.pool.test",
  COLLECTOR_HOST: "cm.pool.test:9618, cm2.pool.test",
  SEC_PASSWORD_FILE: "/etc/condor/passwords.d/POOL",
};

function read(changes: Record<string, string | undefined> = {}) {
  return site(
    Object.entries({ ...HERE, ...changes }).flatMap(([name, value]) =>
      value === undefined ? [] : [{ name, value, source: "x" }],
    ),
  );
}

test("the pool, the schedd and the collectors come from HTCondor's own knobs", () => {
  assert.deepEqual(read(), {
    pool: "pool.test",
    trustDomain: "pool.test",
    schedd: "cm.pool.test",
    userDomain: "uid.test",
    condorHost: "cm.pool.test",
    collectors: "cm.pool.test:9618, cm2.pool.test",
    negotiatorIntervalSeconds: 60,
    updateIntervalSeconds: 300,
    spool: "/var/lib/condor/spool",
    scheddAdFile: "/var/lib/condor/spool/.schedd_classad",
    environment: { _CONDOR_SCHEDD_HOST: "" },
    passwordFile: "/etc/condor/passwords.d/POOL",
  });
});

test("UPDRAFT_POOL goes before the trust domain, and that before the user domain", () => {
  assert.equal(read({ UPDRAFT_POOL: "mine.test" }).pool, "mine.test");
  assert.equal(read({ TRUST_DOMAIN: undefined }).pool, "uid.test");
  assert.equal(
    read({ UPDRAFT_POOL: "mine.test" }).trustDomain,
    "pool.test",
    "the pool's tokens are not renamed",
  );
  assert.equal(read({ TRUST_DOMAIN: undefined }).trustDomain, "uid.test");
  const bare = read({ UPDRAFT_POOL: "mine.test", TRUST_DOMAIN: undefined, UID_DOMAIN: undefined });
  assert.equal(bare.trustDomain, "mine.test");
});

test("a schedd is named as HTCondor names it", () => {
  assert.equal(read({ SCHEDD_NAME: "cm.pool.test" }).schedd, "cm.pool.test");
  assert.equal(read({ SCHEDD_NAME: "second" }).schedd, "second@cm.pool.test");
  assert.equal(read({ SCHEDD_NAME: "second@" }).schedd, "second@");
});

test("HTCondor's programs are told by which files the schedd is found, whichever is asked by default", () => {
  const files = {
    SCHEDD_ADDRESS_FILE: "/s/address",
    SCHEDD_SUPER_ADDRESS_FILE: "/s/super",
    SCHEDD_DAEMON_AD_FILE: "/s/ad",
    HISTORY: "/s/history",
  };
  const { environment, scheddAdFile } = read({ ...files, SCHEDD_HOST: "elsewhere.test", SPOOL: "/s" });
  assert.deepEqual(environment, {
    _CONDOR_SCHEDD_ADDRESS_FILE: "/s/address",
    _CONDOR_SCHEDD_SUPER_ADDRESS_FILE: "/s/super",
    _CONDOR_SCHEDD_DAEMON_AD_FILE: "/s/ad",
    _CONDOR_HISTORY: "/s/history",
    _CONDOR_SCHEDD_HOST: "",
  });
  assert.equal(scheddAdFile, "/s/ad");
});

test("defaults fill in for knobs that are not set", () => {
  const found = read({ CONDOR_HOST: undefined, SEC_PASSWORD_FILE: undefined, SEC_PASSWORD_DIRECTORY: "/d" });
  assert.equal(found.condorHost, "cm.pool.test:9618");
  assert.equal(found.passwordFile, "/d/POOL");
  assert.equal(read({ SEC_PASSWORD_FILE: undefined }).passwordFile, "/etc/condor/passwords.d/POOL");
  assert.equal(read({ COLLECTOR_HOST: undefined }).collectors, "cm.pool.test");
});

test("a pool that no instance could join is refused", () => {
  const cases: [Record<string, string | undefined>, RegExp][] = [
    [{ FULL_HOSTNAME: undefined }, /does not know this machine's name/],
    [{ TRUST_DOMAIN: undefined, UID_DOMAIN: undefined }, /no trust domain/],
    [{ UPDRAFT_POOL: "a b" }, /"a b" is not a trust domain/],
    [{ COLLECTOR_HOST: undefined, CONDOR_HOST: undefined }, /no collector/],
    [{ COLLECTOR_HOST: "127.0.0.1:9618" }, /nothing that an instance could reach/],
    [{ COLLECTOR_HOST: "cm.pool.test, localhost" }, /localhost, which is this machine/],
  ];
  for (const [changes, message] of cases) assert.throws(() => read(changes), { kind: "config", message });
});
