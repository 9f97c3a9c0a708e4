import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { after, before, describe, test } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import { callControl, type Control, serveControl } from "../../sandbox/control.ts";

describe("the control socket", () => {
  let directory: string;
  let server: Server;
  const socket = () => `${directory}/control.sock`;
  const released = Promise.withResolvers<void>();
  const control = {
    faults: () => [{ kind: "throttle" as const }],
    removeFault: ({ id }: { id: string }) => {
      throw new UpdraftError("capacity", `no ${id}`, "Try another.");
    },
    requests: () => {
      throw new TypeError("a bug");
    },
    exec: (_call: unknown, signal?: AbortSignal) =>
      new Promise((resolve) => {
        signal?.addEventListener("abort", () => {
          released.resolve();
          resolve({ stdout: "", stderr: "", exitCode: 137, timedOut: false });
        });
      }),
  } as unknown as Control;

  before(async () => {
    directory = await mkdtemp(`${tmpdir()}/updraft-control-`);
    server = await serveControl(socket(), control);
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  });

  test("brings back what the sandbox answered", async () => {
    assert.deepEqual(await callControl(socket(), "faults"), [{ kind: "throttle" }]);
  });

  test("brings back a foreseen failure with its kind and remedy", async () => {
    await assert.rejects(callControl(socket(), "removeFault", { id: "f1" }), {
      kind: "capacity",
      message: "no f1",
      remedy: "Try another.",
    });
  });

  test("says of a bug where it was", async () => {
    await assert.rejects(callControl(socket(), "requests"), /TypeError: a bug[^]*control\.test\.ts/);
  });

  test("refuses what the sandbox does not know, inherited names included", async () => {
    for (const method of ["constructor", "status"])
      await assert.rejects(callControl(socket(), method as "status"), { kind: "usage" });
  });

  test("lets a command go when its caller goes", { timeout: 5000 }, async () => {
    const caller = new AbortController();
    const call = { machine: "m", command: ["sleep"], options: {}, stdinBase64: "" };
    const answer = callControl(socket(), "exec", call, { signal: caller.signal });
    setTimeout(() => caller.abort(), 50);
    await assert.rejects(answer, /does not answer/);
    await released.promise;
  });

  test("that does not answer in time, or is not there, is an error", async () => {
    const call = { machine: "m", command: ["sleep"], options: {}, stdinBase64: "" };
    await assert.rejects(
      callControl(socket(), "exec", call, { timeoutSeconds: 0.05 }),
      /no answer within 0\.05 s/,
    );
    await assert.rejects(callControl(`${directory}/none`, "status"), /does not answer/);
  });
});
