import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { poolConfig } from "../../../sandbox/access-point/pool-config.ts";
import { scrambled } from "../../../sandbox/access-point/pool-password.ts";

describe("the sandbox's pool", () => {
  test("its password is stored as condor_store_cred stores it", () => {
    // Bytes that condor_store_cred 23.9 wrote for this password.
    assert.equal(scrambled("secret").toString("hex"), "adc8dd9dbbd9");
    assert.equal(scrambled("").length, 0);
  });

  test("has no slots of its own unless asked, and then as many as asked", () => {
    const pool = { domain: "pool.test", address: "172.31.255.10", localSlots: 0 };
    assert.match(poolConfig(pool), /^DAEMON_LIST = MASTER COLLECTOR NEGOTIATOR SCHEDD$/m);
    assert.match(poolConfig({ ...pool, localSlots: 3 }), /^DAEMON_LIST = .* STARTD$[^]*^NUM_CPUS = 3$/m);
  });

  test("nodes that hold the pool password may join, and only the pool's own users are known", () => {
    const config = poolConfig({ domain: "pool2.test", address: "172.31.255.11", localSlots: 0 });
    assert.match(config, /^ALLOW_ADVERTISE_STARTD = .*condor@password/m);
    assert.match(config, /^UID_DOMAIN = pool2\.test$/m);
    assert.match(config, /^CONDOR_HOST = cm\.pool2\.test$/m);
  });
});
