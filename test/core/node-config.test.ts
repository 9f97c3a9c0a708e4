import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  classAdString,
  configString,
  htcondorEndSeconds,
  nodeConfig,
  slotAccount,
  updateInterval,
  type NodeConfigValues,
} from "../../core/node-config.ts";
import { lastStretch } from "../../core/last-stretch.ts";

const values: NodeConfigValues = {
  hostName: "i-1.ec2.internal",
  instanceId: "i-1",
  instanceType: "c7i.large",
  imageId: "ami-1",
  region: "us-east-1",
  zone: "us-east-1a",
  interruptible: false,
  idleSeconds: 1200,
  slotAccounts: 2,
  gpus: false,
  stretch: lastStretch(600, 3600),
};

describe("the node's configuration", () => {
  it("puts the node's values after what is the same everywhere", () => {
    assert.equal(
      nodeConfig("COMMON = 1\n\n", values),
      `COMMON = 1

# This node's own values.
NETWORK_HOSTNAME = i-1.ec2.internal
STARTD_NOCLAIM_SHUTDOWN = 1200
UPDATE_INTERVAL = 60
MASTER_UPDATE_INTERVAL = 15
UPDRAFT_REFUSE_SECONDS = 600
UPDRAFT_EVICT_SECONDS = 66
MachineMaxVacateTime = 60
CloudProvider = "AWS"
CloudPlatform = "EC2"
CloudImage = "ami-1"
CloudVMType = "c7i.large"
CloudRegion = "us-east-1"
CloudZone = "us-east-1a"
CloudInstanceID = "i-1"
CloudInterruptible = False
STARTD_ATTRS = $(STARTD_ATTRS) CloudProvider CloudPlatform CloudImage CloudVMType CloudRegion CloudZone CloudInstanceID CloudInterruptible
MASTER_ATTRS = $(MASTER_ATTRS) CloudInstanceID
SLOT1_1_USER = updraft-slot1
SLOT1_2_USER = updraft-slot2
`,
    );
    assert.match(nodeConfig("", { ...values, interruptible: true }), /^CloudInterruptible = True$/m);
    assert.match(nodeConfig("", { ...values, gpus: true }), /^use feature : GPUs$/m);
    assert.equal(slotAccount(0), "updraft-slot0");
  });

  it("advertises the public address where nodes are reached directly, and the private one to itself", () => {
    const direct = { publicIp: "203.0.113.9", privateIp: "172.31.0.4" };
    assert.match(
      nodeConfig("", { ...values, direct }),
      /^TCP_FORWARDING_HOST = 203\.0\.113\.9\nPRIVATE_NETWORK_NAME = i-1\nPRIVATE_NETWORK_INTERFACE = 172\.31\.0\.4$/m,
    );
    assert.doesNotMatch(nodeConfig("", values), /TCP_FORWARDING_HOST|PRIVATE_NETWORK/);
  });

  it("is never wrong by more than a quarter about a short idle time", () => {
    for (const idle of [20, 60, 120, 239, 240, 1200, 86400]) {
      assert.ok(updateInterval(idle) <= Math.min(60, idle / 4) && updateInterval(idle) >= 5, String(idle));
    }
    assert.equal(updateInterval(1), 5);
  });

  it("leaves HTCondor the time to end the node alone, eviction and the master's next look included", () => {
    assert.equal(htcondorEndSeconds(1200, lastStretch(600, 3600)), 66 + 15);
    assert.equal(htcondorEndSeconds(20, lastStretch(0, 3600)), 11 + 5);
  });

  it("refuses a host name that is none", () => {
    for (const hostName of ["", "a b", "a\nSTART = True", "$(x)"]) {
      assert.throws(() => nodeConfig("", { ...values, hostName }), /not a host name/);
    }
  });
});

describe("a string in a configuration", () => {
  it("cannot end early, begin a line or have a macro expanded", () => {
    assert.throws(() => configString("a\nSTART = True"), /control characters/);
    assert.equal(configString('a"b\\c$(HOME)'), String.raw`"a\"b\\c$(DOLLAR)(HOME)"`);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        // oxlint-disable-next-line no-control-regex
        if (/[\u0000-\u001f\u007f]/.test(text)) {
          assert.throws(() => classAdString(text), /control characters/);
          return;
        }
        const inside = classAdString(text);
        assert.equal(inside.replace(/\\(["\\])/g, "$1"), text);
        assert.doesNotMatch(inside.replace(/\\["\\]/g, ""), /["\\\n]/);
      }),
    );
  });
});
