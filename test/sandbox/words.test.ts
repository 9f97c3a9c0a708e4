import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isDebianLike } from "../../sandbox/host.ts";
import { type Step, step, stepLine } from "../../sandbox/progress.ts";
import { statusText } from "../../sandbox/status-text.ts";

describe("what the sandbox says", () => {
  test("a step is told when it begins, and as a line with its seconds when it ends", async () => {
    const steps: Step[] = [];
    assert.equal(
      await step(
        "work",
        (one) => steps.push(one),
        async () => 7,
      ),
      7,
    );
    await assert.rejects(
      step(
        "fail",
        (one) => steps.push(one),
        () => Promise.reject(new Error("no")),
      ),
      /no/,
    );
    assert.deepEqual(
      steps.map(({ title, failure }) => [title, failure]),
      [
        ["work", undefined],
        ["work", undefined],
        ["fail", undefined],
        ["fail", "no"],
      ],
    );
    assert.equal(stepLine({ title: "work" }), undefined);
    assert.equal(stepLine({ title: "work", seconds: 12.34 }), "ok       12.3 s  work");
    assert.equal(stepLine({ title: "work", seconds: 0, failure: "no" }), "FAILED    0.0 s  work");
  });

  test("the status names access points and instances with their age", () => {
    const instance = {
      instanceId: "i-1",
      state: "running" as const,
      imageId: "ami-1",
      instanceType: "c5.large",
      zone: "us-east-1a",
      privateIp: "172.31.5.6",
      tags: { "htcondor:AnnexName": "burst" },
      launched: 100,
    };
    const cm = { name: "cm.pool.test", hostName: "cm.pool.test", address: "172.31.255.10", pid: 7 };
    const status = {
      endpoint: "http://e",
      region: "r",
      accountId: "1",
      machines: [cm],
      instances: [instance],
    };
    assert.equal(
      statusText("default", "up", status, 190),
      [
        "Sandbox default is up.",
        "AWS endpoint http://e, region r, account 1",
        "access point  cm.pool.test  172.31.255.10",
        "i-1  running  c5.large  172.31.5.6  1m30s  htcondor:AnnexName=burst",
        "",
      ].join("\n"),
    );
    assert.equal(statusText("x", "down", undefined, 0), "Sandbox x is not there.\n");
    assert.match(statusText("x", "up", { ...status, instances: [] }, 0), /\nno instances\n$/);
  });

  test("only Debian and its children are given packages by apt-get", () => {
    assert.ok(isDebianLike('NAME="Debian"\nID=debian\n'));
    assert.ok(isDebianLike('ID=linuxmint\nID_LIKE="ubuntu debian"\n'));
    assert.ok(!isDebianLike('NAME="not debian"\nID=fedora\n'));
  });
});
