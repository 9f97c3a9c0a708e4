import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { EXIT_STATUS, messageOf, UpdraftError } from "../core/errors.ts";
import { requireRoot } from "./host.ts";
import { place } from "./place.ts";
import { stepLine } from "./progress.ts";
import { addIamUser, removeIamUser } from "./users.ts";
import { attach, DEFAULT_NAME, down, shellCommand, state, up } from "./sandbox.ts";
import { statusText } from "./status-text.ts";

const HELP = `A cloud in a box: an AWS emulator, an HTCondor pool, and every launched instance as a machine of its own.

Usage: npm run sandbox -- COMMAND [--name NAME]

  up                start it; takes a minute the first time, while root file systems are built
  status            machines and instances that are running (--json: the same for programs)
  shell [INSTANCE]  a shell of root on an instance, or on the access point when none is named
  logs [INSTANCE]   what an instance printed on its console, or the log of the sandbox itself
  user USER [POLICY]…
                    make an IAM user who has these managed policies (ARNs) and nothing else, with its keys in
                    ~/.aws of the access point's user of that name (--remove: take both away)
  down              end it and remove all of it; also after a crash

  --name NAME       which sandbox, when there are several (${DEFAULT_NAME})
  --help            this

It needs Linux and root. On Debian and Ubuntu it installs the packages that it needs.
On the access point (shell), alice and bob may submit jobs, and root's AWS credentials may do everything:

  su - alice -c 'condor_submit job.sub'     condor_status     updraft --help

Environment: UPDRAFT_SANDBOX_DIR    where sandboxes are (/var/lib/updraft-sandbox)
             UPDRAFT_SANDBOX_CACHE  where root file systems are kept (/var/cache/updraft-sandbox); it may be removed
`;

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  if (!(error instanceof UpdraftError)) throw error;
  console.error(`sandbox: ${error.message}\n${error.remedy}`);
  return error.exitStatus;
});

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parse(args);
  const [command, argument, ...rest] = positionals;
  const takes: Readonly<Record<string, number>> = { shell: 1, logs: 1, user: Number.POSITIVE_INFINITY };
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (command === undefined) throw usage("no command is given");
  if (positionals.length - 1 > (takes[command] ?? 0))
    throw usage(`${[argument, ...rest].join(" ")} is too much for ${command}`);
  if (values.json && command !== "status") throw usage("--json is for status");
  if (values.remove && command !== "user") throw usage("--remove is for user");
  // Without it a sandbox could neither be started nor even seen.
  requireRoot();
  const { name } = values;
  switch (command) {
    case "up":
      return startUp(name);
    case "down":
      console.log(
        (await down(name)) ? `Sandbox ${name} is down.` : `There is no sandbox ${name}: nothing to do.`,
      );
      return 0;
    case "status":
      return showStatus(name, values.json);
    case "shell":
      return shell(name, argument);
    case "user":
      return iamUser(name, argument, rest, values.remove);
    case "logs":
      process.stdout.write(await logs(name, argument));
      return 0;
    default:
      throw usage(`there is no command ${command}`);
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        name: { type: "string", default: DEFAULT_NAME },
        json: { type: "boolean", default: false },
        remove: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw usage(messageOf(error));
  }
}

function usage(problem: string): UpdraftError {
  return new UpdraftError(
    "usage",
    problem,
    "Commands are up, down, status, shell, logs and user: npm run sandbox -- --help",
  );
}

async function startUp(name: string): Promise<number> {
  if ((await state(name)) === "up") {
    console.log(`Sandbox ${name} is up already.`);
    return 0;
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      console.error(`sandbox: ${signal}, taking ${name} down again`);
      void down(name).finally(() => process.exit(EXIT_STATUS.failed));
    });
  await up({
    name,
    onStep: (step) => {
      const line = stepLine(step);
      if (line !== undefined) console.log(line);
      else if (process.stdout.isTTY) process.stdout.write(`...          ${step.title}\r`);
    },
  });
  console.log(`Sandbox ${name} is up. Next: npm run sandbox -- shell`);
  return 0;
}

async function showStatus(name: string, json: boolean): Promise<number> {
  const found = await state(name);
  const status = found === "up" ? await (await attach(name)).status() : undefined;
  if (json)
    console.log(
      JSON.stringify({ name, state: found, directory: place(name, process.env).directory, ...status }),
    );
  else process.stdout.write(statusText(name, found, status, Date.now() / 1000));
  return 0;
}

async function shell(name: string, machine: string | undefined): Promise<number> {
  const [program, ...args] = await shellCommand(name, machine);
  const child = spawn(program, args, { stdio: "inherit" });
  // What is typed there is for the shell inside.
  process.on("SIGINT", () => {});
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? EXIT_STATUS.failed;
}

async function iamUser(
  name: string,
  user: string | undefined,
  policyArns: readonly string[],
  remove: boolean,
): Promise<number> {
  if (user === undefined) throw usage("user names nobody");
  const sandbox = await attach(name);
  if (remove) await removeIamUser(sandbox, user);
  else await addIamUser(sandbox, user, policyArns);
  console.log(
    remove ? `IAM user ${user} is gone.` : `IAM user ${user} is made; its keys are in ~${user}/.aws.`,
  );
  return 0;
}

async function logs(name: string, instanceId: string | undefined): Promise<string> {
  if (instanceId !== undefined) {
    const sandbox = await attach(name);
    const ids = (await sandbox.instances()).map((one) => one.instanceId);
    if (ids.includes(instanceId)) return sandbox.consoleOutput(instanceId);
    throw new UpdraftError(
      "usage",
      `sandbox ${name} has no instance ${instanceId}`,
      ids.length === 0 ? "It has no instances." : `It has: ${ids.join(", ")}.`,
    );
  }
  return readFile(place(name, process.env).log, "utf8").catch(() => {
    throw new UpdraftError("failed", `there is no sandbox ${name}`, "Start it: npm run sandbox -- up");
  });
}
