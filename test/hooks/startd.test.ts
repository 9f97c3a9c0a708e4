import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, chown, copyFile, link, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { uptime } from "../../adapters/uptime.ts";
import { PROJECT } from "../support/on-instance.ts";

const state = {
  format: 1,
  annex: "burst",
  pool: "pool.test",
  schedd: "ap.pool.test",
  instanceId: "i-1",
  orderId: "order-1",
  orderedAt: 900,
  leaseExpiration: 2000,
  bootSteps: { Started: 1000.5 },
};

describe(
  "updraft-startd",
  { skip: process.getuid?.() !== 0 && "only root can write what it believes" },
  () => {
    let directory: string;
    let program: string;
    let file: string;

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), "updraft-startd-"));
      await chmod(directory, 0o755);
      file = join(directory, "node.json");
      // The program goes by the name of its executable, which must not be a symbolic link.
      program = join(directory, "updraft-startd");
      await link(process.execPath, program).catch(() => copyFile(process.execPath, program));
    });
    after(() => rm(directory, { recursive: true }));

    const run = (...args: string[]): Promise<{ status: number; output: string; errors: string }> =>
      new Promise((resolve) => {
        execFile(program, [`${PROJECT}/scripts/node-main.ts`, ...args], (error, output, errors) => {
          resolve({ status: error === null ? 0 : Number(error.code), output, errors });
        });
      });
    const write = async (content: string, mode = 0o644): Promise<void> => {
      await rm(file, { force: true });
      await writeFile(file, content);
      await chmod(file, mode);
    };

    it("prints what root knows of the node", async () => {
      await write(JSON.stringify(state));
      assert.deepEqual(await run("--state", file), {
        status: 0,
        errors: "",
        output: [
          "LeaseExpiration = 2000",
          'OrderId = "order-1"',
          "OrderedAt = 900",
          'Pool = "pool.test"',
          'Schedd = "ap.pool.test"',
          "BootStarted = 1000.500",
          "Error = undefined",
          "",
        ].join("\n"),
      });
    });

    it("waits for an end that comes before its next run, and tells HTCondor of it in time", async () => {
      const anchor = { at: Date.now() / 1000, uptime: uptime() };
      const guard = { endReason: "lease", stage: "stopping", released: false, anchor };
      await write(JSON.stringify({ ...state, guard: { ...guard, endsAt: anchor.at + 6 } }));
      const { status, output } = await run("--state", file);
      assert.equal(status, 0);
      const after = Date.now() / 1000 - anchor.at;
      assert.ok(after >= 6 && after < 12, String(after));
      const chunks = output.split("\n-\n");
      const [before = ""] = chunks;
      const last = chunks.at(-1) ?? "";
      assert.match(before, /^Ending = false$/m);
      assert.match(last, /^Ending = true$/m);
    });

    it("does not wait when the end is far, or long over", async () => {
      const anchor = { at: Date.now() / 1000, uptime: uptime() };
      const guard = { endReason: "lease", stage: "serving", released: false, anchor };
      for (const left of [3600, -3600]) {
        await write(JSON.stringify({ ...state, guard: { ...guard, endsAt: anchor.at + left } }));
        const { output } = await run("--state", file);
        assert.match(output, left > 0 ? /^Ending = false$/m : /^Ending = true$/m);
        assert.doesNotMatch(output, /^-$/m);
      }
    });

    it("says so when the node has not joined", async () => {
      const { status, output } = await run("--state", join(directory, "none"));
      assert.equal(status, 1);
      assert.match(output, /^Error = "[^"]*ENOENT[^"]*"\n$/);
    });

    const distrusted: readonly (readonly [string, () => Promise<void>, RegExp])[] = [
      [
        "belongs to another user",
        () => write(JSON.stringify(state)).then(() => chown(file, 65534, 0)),
        /user 65534/,
      ],
      ["others may write to", () => write(JSON.stringify(state), 0o666), /may write/],
      ["is too large", () => write(" ".repeat(70_000)), /larger/],
      ["is no JSON", () => write("{"), /JSON/],
      [
        "is a link",
        async () => {
          await write(JSON.stringify(state));
          await rm(file);
          await symlink("/etc/passwd", file);
        },
        /ELOOP/,
      ],
    ];
    for (const [what, arrange, why] of distrusted) {
      it(`does not believe a file that ${what}`, async () => {
        await arrange();
        const { status, output } = await run("--state", file);
        assert.equal(status, 1);
        assert.match(output, /^Error = "[^"\n]*"\n$/);
        assert.match(output, why);
      });
    }

    it("teaches how it is used", async () => {
      assert.match((await run("--help")).output, /STARTD_CRON/);
      assert.match((await run("--version")).output, /^updraft-startd \d+\.\d+\.\d+\n$/);
      const wrong = await run("--stat");
      assert.equal(wrong.status, 2);
      assert.match(wrong.errors, /--help/);
    });
  },
);
