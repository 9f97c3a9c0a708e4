import { setTimeout as sleep } from "node:timers/promises";
import type { Inventory, RequestLogEntry } from "../../sandbox/cloud/ports.ts";
import { ANY_PROGRAM, difference, type AccountWorld } from "./account-world.ts";
import { ANNEX } from "./pool.ts";

const REGION = "us-east-1";

/** A command that is interrupted, and the one that undoes what it has done. */
export type Interrupted = {
  readonly name: string;
  readonly args: readonly string[];
  readonly undo: readonly string[];
  /** Kinds of which there may be more when it is given twice. */
  readonly varies?: readonly string[];
};

const command = (name: string, ...args: readonly string[]) => ({ name, args });
const SETUP_REGION = ["setup", "--region", REGION];
const SETUP_ANNEX = ["setup", "--annex", ANNEX, "--node-program", ANY_PROGRAM];
const CREATE = ["create", ANNEX, "--count", "1", "--lease", "1h", "--yes", "--no-wait"];
const RENEW = ["renew", ANNEX, "--yes", "--lease"];
const DELETE = ["delete", ANNEX, "--yes"];
const TEARDOWN_ANNEX = ["teardown", "--annex", ANNEX, "--yes"];
const TEARDOWN_REGION = ["teardown", "--region", REGION, "--yes"];

/**
 * The commands of an annex's life, in the order of that life: before one is interrupted those above it have been
 * given. A further command is one more line, before those that it needs undone.
 */
export const COMMANDS: readonly Interrupted[] = [
  { ...command("setup --region", ...SETUP_REGION), undo: TEARDOWN_REGION },
  { ...command("setup --annex", ...SETUP_ANNEX), undo: TEARDOWN_ANNEX },
  // What a killed run has ordered stays ordered, and its repetition orders its own.
  { ...command("create", ...CREATE), undo: DELETE, varies: ["instances"] },
  { ...command("resize", "resize", ANNEX, "--count", "2", "--yes", "--no-wait"), undo: DELETE },
  { ...command("renew", ...RENEW, "2h"), undo: [...RENEW, "1h", "--shorten"] },
  { ...command("delete", ...DELETE), undo: CREATE },
  { ...command("teardown --annex", ...TEARDOWN_ANNEX), undo: SETUP_ANNEX },
  { ...command("teardown --region", ...TEARDOWN_REGION), undo: SETUP_REGION },
];

/** One AWS call of a command: the so-many-th of its action. */
export type AwsCall = { readonly service: string; readonly action: string; readonly nth: number };

export type Moment = "before it is sent" | "after its effect";

export type InterruptResult = {
  readonly command: string;
  readonly call: AwsCall;
  readonly moment: Moment;
  /** False when the command ended before it came to that call: it had waited less often than the first time. */
  readonly hit: boolean;
  /** What the account holds otherwise than after an undisturbed run, or what the repetition said when it failed. */
  readonly wrong: readonly string[];
};

const administrator = "*user/administrator";

/** Runs a command to its end; throws with what it said when it fails. */
export async function give({ sandbox }: AccountWorld, args: readonly string[]): Promise<void> {
  await sandbox.accessPoint.run(["updraft", ...args], { timeoutSeconds: 300 });
}

/** The calls of an undisturbed run of a command. Of those that it repeats while it waits, the first. */
export async function callsOf(world: AccountWorld, args: readonly string[]): Promise<AwsCall[]> {
  const since = Date.now() / 1000;
  await give(world, args);
  const made = (await ownRequests(world)).filter(({ time }) => time >= since);
  const seen = new Map<string, number>();
  return made.flatMap(({ service, action }, i) => {
    const nth = (seen.get(`${service}:${action}`) ?? 0) + 1;
    seen.set(`${service}:${action}`, nth);
    return made[i - 1]?.action === action ? [] : [{ service, action, nth }];
  });
}

/** Without what CloudFormation does for it. */
async function ownRequests({ sandbox }: AccountWorld): Promise<RequestLogEntry[]> {
  return (await sandbox.requests()).filter(
    ({ principal, via }) => principal.endsWith("user/administrator") && via === undefined,
  );
}

/** The account before a command and after it, as an undisturbed run leaves it. */
export type Expected = { readonly before: Inventory; readonly after: Inventory };

/**
 * Kills the command at one of its calls, gives it again, and compares the account with what an undisturbed run leaves;
 * then undoes it, and nothing more may be left than before.
 */
export async function interrupt(
  world: AccountWorld,
  { name, args, undo, varies = [] }: Interrupted,
  call: AwsCall,
  moment: Moment,
  expected: Expected,
): Promise<InterruptResult> {
  const hit = await killed(world, args, call, moment);
  const wrong: string[] = [];
  const again = await world.sandbox.accessPoint.exec(["updraft", ...args], { timeoutSeconds: 300 });
  if (again.exitCode !== 0) wrong.push(`again: status ${again.exitCode}: ${again.stderr.trim()}`);
  const apart = (one: string): boolean => !varies.some((kind) => one.slice(2).startsWith(`${kind}:`));
  wrong.push(...difference(expected.after, await holdings(world)).filter(apart));
  await give(world, undo);
  wrong.push(...difference(expected.before, await holdings(world)).map((one) => `undone: ${one}`));
  return { command: name, call, moment, hit, wrong };
}

/** What the account holds, with all names that are drawn at random alike. */
export async function holdings({ sandbox }: AccountWorld): Promise<Inventory> {
  return plain(await sandbox.inventory());
}

const HELD_SECONDS = 60;
const LOOK_MS = 50;

/** A fault holds the call at that moment; then the command dies as by a power cut. False when it ended before. */
async function killed(
  { sandbox }: AccountWorld,
  args: readonly string[],
  { service, action, nth }: AwsCall,
  moment: Moment,
): Promise<boolean> {
  const { accessPoint } = sandbox;
  const kind = moment === "before it is sent" ? "timeout" : "lost-answer";
  const aim = { service, action, principal: administrator, skip: nth - 1, times: 1 };
  const id = await sandbox.addFault({ ...aim, kind, seconds: HELD_SECONDS });
  const pidFile = "/tmp/interrupted.pid";
  const running = accessPoint.exec(["sh", "-c", `echo $$ >${pidFile}; exec "$@"`, "sh", "updraft", ...args], {
    timeoutSeconds: 300,
  });
  const ended = running.then(() => true);
  const struck = async () => !(await sandbox.faults()).some((fault) => fault.id === id);
  while (!(await struck())) {
    if (await Promise.race([ended, sleep(LOOK_MS, false)])) {
      await sandbox.removeFault(id);
      return false;
    }
  }
  await accessPoint.run(["sh", "-c", `kill -KILL $(cat ${pidFile})`]);
  await running;
  return true;
}

/** An inventory in which names that are drawn at random look alike. */
function plain(inventory: Inventory): Inventory {
  return Object.fromEntries(
    Object.entries(inventory).map(([kind, names]) => [kind, names.map(plainText).sort()]),
  );
}

function plainText(name: string): string {
  return name
    .replace(/\b(i|lt|sg|vol|eni)-[0-9a-f]{8,17}\b/g, "$1-…")
    .replace(/-[0-9a-fA-F]{12}\b/g, "-…")
    .replace(/\b[0-9a-f]{64}\b/g, "…");
}
