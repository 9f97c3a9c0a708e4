import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { noInstance, onInstance, PROJECT, type InstanceResult } from "../support/on-instance.ts";
import { JOIN, world } from "./world.ts";

const now = (): number => Date.now() / 1000;
const seconds = (text: string): string[] => ["sleep", text];
/** Until the machine is told to power off, or long enough to say that it is not. */
const OFF = ["sh", "-c", "for i in $(seq 400); do [ ! -e /run/systemctl ] || exit 0; sleep 0.1; done"];
const GUARD = `${process.execPath} ${PROJECT}/scripts/node-main.ts guard`;

/** Writes down when it was called, and with what. */
const SYSTEMCTL = {
  "/usr/bin/systemctl": { content: '#!/bin/sh\necho "$(date +%s.%N) $*" >>/run/systemctl\n', mode: "755" },
};
/** An HTCondor that neither answers nor ends. */
const HUNG = {
  "/usr/sbin/condor_master": {
    content: `#!/bin/sh
[ "$1" = hang ] || exec setsid --fork "$0" hang </dev/null >/dev/null 2>&1
trap "echo quit >>/run/master" QUIT
while :; do sleep 0.1; done
`,
    mode: "755",
  },
};

/** When the machine was first told to power off, in Unix seconds; undefined when it was not. */
function poweredOff({ files }: InstanceResult): number | undefined {
  const [first] = (files["/run/systemctl"]?.content ?? "").split("\n");
  return first?.endsWith("poweroff --force --force") === true ? Number(first.split(" ")[0]) : undefined;
}

describe("updraft-bootstrap guard", { skip: await noInstance("nft", "setpriv") }, () => {
  it("lets a node live whose lease has not ended, and says when it will", async () => {
    const lease = Math.round(now()) + 3600;
    const result = await onInstance(
      await world({
        tags: { "htcondor:LeaseExpiration": String(lease) },
        files: { ...SYSTEMCTL, ...HUNG },
        commands: [JOIN, seconds("2")],
      }),
    );
    assert.equal(poweredOff(result), undefined);
    const state = JSON.parse(result.files["/run/updraft/node.json"]?.content ?? "{}") as {
      guard?: { endsAt: number; endReason: string; stage: string; anchor: { at: number } };
    };
    assert.equal(state.guard?.endsAt, lease);
    assert.equal(state.guard?.endReason, "lease");
    assert.equal(state.guard?.stage, "serving");
    assert.ok(Math.abs((state.guard?.anchor.at ?? 0) - now()) < 5);
    assert.equal(result.files["/var/lib/updraft/lease.json"]?.mode, "600");
  });

  it("ends the node at its lease though HTCondor neither answers nor ends, having told it to", async () => {
    const lease = Math.round(now()) + 20;
    const result = await onInstance(
      await world({
        tags: { "htcondor:LeaseExpiration": String(lease) },
        files: { ...SYSTEMCTL, ...HUNG },
        commands: [JOIN, OFF],
      }),
    );
    const off = poweredOff(result);
    assert.ok(off !== undefined && off >= lease - 1 && off <= lease + 5, `${off} for ${lease}`);
    assert.match(result.files["/run/master"]?.content ?? "", /quit/);
    assert.match(result.console, /stopping; ends at/);
  });

  it("ends it early when HTCondor has ended and the last stretch has begun", async () => {
    const lease = Math.round(now()) + 25;
    const result = await onInstance(
      await world({
        tags: { "htcondor:LeaseExpiration": String(lease) },
        files: SYSTEMCTL,
        commands: [JOIN, OFF],
      }),
    );
    const off = poweredOff(result);
    assert.ok(off !== undefined && off < lease - 4, `${off} for ${lease}`);
  });

  it("ends a released node on which HTCondor does not run, and no other", async () => {
    const release = async (value: string, wait: string[]) =>
      onInstance(
        await world({
          tags: { "htcondor:Release": value },
          files: SYSTEMCTL,
          commands: [JOIN, wait],
        }),
      );
    assert.notEqual(poweredOff(await release("surplus", OFF)), undefined);
    assert.equal(poweredOff(await release("", seconds("4"))), undefined);
  });

  it("ends a node whose HTCondor has been away for as long as a slot may be idle, and not one whose HTCondor is there", async () => {
    const idle = { "htcondor:IdleSeconds": "2" };
    const [away, there] = await Promise.all([
      onInstance(await world({ tags: idle, files: SYSTEMCTL, commands: [JOIN, OFF] })),
      onInstance(
        await world({ tags: idle, files: { ...SYSTEMCTL, ...HUNG }, commands: [JOIN, seconds("14")] }),
      ),
    ]);
    assert.notEqual(poweredOff(away), undefined);
    assert.match(away.console, /there is no HTCondor any more/);
    assert.equal(poweredOff(there), undefined);
  });

  it("ends a node whose lease it cannot know and whose settings are gone", async () => {
    const lease = Math.round(now()) + 8;
    const spoil = ["sh", "-c", "mkdir -p /var/lib/updraft; echo '{' >/var/lib/updraft/guard.json"];
    const result = await onInstance(
      await world({
        tags: { "htcondor:LeaseExpiration": String(lease) },
        files: SYSTEMCTL,
        commands: [spoil, ["sh", "-c", `${GUARD} >/dev/null 2>&1 &`], OFF],
      }),
    );
    assert.notEqual(poweredOff(result), undefined, JSON.stringify(result.commands));
  });
});
