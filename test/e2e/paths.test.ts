import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { holdings, lastingLeftovers } from "../../sandbox/leftovers.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import {
  commandNow,
  compare,
  learn,
  rewritten,
  steps,
  type Names,
  type Step,
} from "../support/transcript.ts";

const NAME = "e2e-paths";
const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const ALICE = "arn:aws:iam::123456789012:user/alice";
/** `node --test-update-snapshots test/e2e/paths.test.ts` writes what the commands print now into the pages. */
const UPDATE = process.execArgv.includes("--test-update-snapshots");

type Page = { readonly path: string; readonly text: string; readonly steps: readonly Step[] };

function page(name: string): Page {
  const path = `${PROJECT}docs/paths/${name}`;
  const text = readFileSync(path, "utf8");
  return { path, text, steps: steps(text) };
}

describe(
  "the paths of an administrator and of a user, as their pages tell them",
  { timeout: 300_000 },
  () => {
    const admin = page("admin.md");
    const user = page("user.md");
    const names: Names = new Map();
    const ran = new Map<Step, { command: string; printed: string[] }>();
    let sandbox: Sandbox;

    async function give(step: Step): Promise<void> {
      // Starting and stopping the sandbox is this test's own.
      const command = /sandbox -- (up|down) /.test(step.command) ? undefined : commandNow(step, names);
      const printed =
        command === undefined
          ? [...step.output]
          : (step.who === "host" ? await onHost(command) : await onAccessPoint(step.who, command))
              .split("\n")
              .slice(0, -1);
      ran.set(step, { command: command ?? step.command, printed });
      learn(step, printed, names);
      if (!UPDATE) compare(step, printed);
    }

    async function onAccessPoint(who: string, command: string): Promise<string> {
      const shell = ["bash", "-c", `exec 2>&1\n${command}`];
      return (await sandbox.accessPoint.exec(shell, { user: who, timeoutSeconds: 120 })).stdout;
    }

    function onHost(command: string): Promise<string> {
      const [, words = ""] = /^npm run -s sandbox -- (.*) --name paths$/.exec(command) ?? [];
      assert.notEqual(words, "", command);
      const args = [`${PROJECT}sandbox/main.ts`, ...words.split(" "), "--name", NAME];
      return new Promise((resolve) => {
        execFile(process.execPath, args, (_, stdout, stderr) => resolve(`${stdout}${stderr}`));
      });
    }

    const calls = async (principal: string) =>
      (await sandbox.requests()).filter((request) => request.principal === principal);

    before(async () => {
      await down(NAME);
      sandbox = await up({ name: NAME });
      // The page's subnets are in its knobs, before anything has printed them.
      const subnets = (await sandbox.subnets()).map(({ subnetId }) => subnetId);
      const named = new Set(admin.text.match(/\bsubnet-[0-9a-f]{17}\b/g));
      [...named].forEach((name, i) => names.set(name, subnets[i] ?? ""));
    });
    after(async () => {
      const held = await holdings(sandbox.directory);
      await sandbox.down();
      assert.deepEqual(await lastingLeftovers(held), []);
    });

    const undoing = admin.steps.findIndex(({ command }) => command.includes("user alice --remove"));

    test("the administrator sets up, tries it, and allows alice", async () => {
      assert.ok(undoing > 0);
      for (const step of admin.steps.slice(0, undoing)) await give(step);
    });

    test("alice orders, runs jobs, renews and ends with her own credentials, and bob cannot", async () => {
      for (const step of user.steps) await give(step);
      const refused = (await calls(ALICE)).filter(({ decision }) => decision !== "allow");
      assert.deepEqual(refused, []);
      const orders = sandbox
        .instances()
        .then((all) => all.filter(({ tags }) => tags["htcondor:Owner"] === "alice"));
      assert.equal((await orders).length, 1);
      const bobs = (await calls("arn:aws:iam::123456789012:user/bob")).filter(
        ({ action }) => action === "CreateFleet",
      );
      assert.deepEqual(bobs, []);
    });

    test("what alice lacks is told with what to ask for, before anything is ordered", async () => {
      const create = "updraft create burst --count 1 --yes";
      const knobs = "/etc/condor/config.d/41-updraft-annexes.config";
      const before = (await calls(ALICE)).length;
      for (const [what, command, refusal] of [
        [
          "no credentials",
          `AWS_SHARED_CREDENTIALS_FILE=/dev/null ${create}`,
          /no AWS credentials[^]*updraft check burst/,
        ],
        ["no such profile", `AWS_PROFILE=work ${create}`, /no AWS credentials[^]*updraft check burst/],
        [
          "a directory of somebody else",
          `XDG_STATE_HOME=/root ${create}`,
          /cannot hold your journal of orders/,
        ],
      ] as const) {
        const said = await onAccessPoint("alice", `${command}; echo "status $?"`);
        assert.match(said, refusal, what);
        assert.match(said, /status 4\n$/, what);
      }
      await onAccessPoint("root", `chmod 600 ${knobs}`);
      const hidden = await onAccessPoint("alice", `${create}; echo "status $?"`);
      await onAccessPoint("root", `chmod 644 ${knobs}`);
      assert.match(hidden, new RegExp(`you may not read all of HTCondor's configuration: ${knobs}`));
      assert.match(hidden, /chmod a\+rX[^]*status 4\n$/);
      const after = (await calls(ALICE)).slice(before);
      assert.deepEqual(
        after.filter(({ action }) => action === "CreateFleet"),
        [],
      );
    });

    test("the administrator takes everything away again", async () => {
      for (const step of admin.steps.slice(undoing)) await give(step);
      const left = (await sandbox.instances()).filter(({ state }) => state !== "terminated");
      assert.deepEqual(left, []);
      if (!UPDATE) return;
      for (const { path, text, steps } of [admin, user])
        writeFileSync(
          path,
          rewritten(
            text,
            steps.map((step) => ran.get(step) ?? { command: step.command, printed: [...step.output] }),
          ),
        );
    });
  },
);
