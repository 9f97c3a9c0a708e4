import { setTimeout as sleep } from "node:timers/promises";
import { TAG } from "../../core/tags.ts";
import type { InstanceView } from "../../sandbox/cloud/ports.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { AS_HOOK, HOOK, tickHook } from "../hook-process.ts";
import {
  STATE_DIRECTORY,
  evidence,
  fleetRequests,
  journalFiles,
  windowOf,
  type Evidence,
  type Window,
} from "./kill-evidence.ts";
import { placeOf, type Aim, type Orderer, type Round } from "./kill-plan.ts";
import { ANNEX, updraft } from "./pool.ts";

export const LEASE_SECONDS = 600;

export type KillWorld = {
  readonly sandbox: Sandbox;
  /** Path of strace on the access point. */
  readonly strace: string;
  /** What jobs wait for when the hook orders; 0 while none do. */
  readonly demanded: number;
  /** EC2 fails now and then, so that a run may end before it orders. */
  readonly faulty?: boolean;
  /** Of an undisturbed run. */
  readonly seconds: Readonly<Record<Orderer, number>>;
};

export type KillResult = {
  readonly number: number;
  readonly aim: Aim;
  readonly orderer: Orderer;
  readonly next: Orderer;
  readonly late: boolean;
  readonly place: string;
  readonly window: Window;
  /** Orders in the journal when the run was dead, and those of them of which EC2 has exactly the instances. */
  readonly ordersIntended: number;
  readonly ordersPlaced: number;
  readonly instancesIntended: number;
  readonly instances: number;
  readonly untagged: number;
  /** What is not as it must be. */
  readonly wrong: readonly string[];
};

/** Kills one run, lets the next ones reconcile, compares what there is with what was intended, and takes it away. */
export async function killRound(world: KillWorld, round: Round): Promise<KillResult> {
  const { sandbox } = world;
  const wrong: string[] = [];
  const before = new Set((await sandbox.instances()).map(({ instanceId }) => instanceId));
  const since = Date.now() / 1000;
  const blind = round.late ? await sandbox.addFault({ kind: "late-visibility", seconds: LATE_SECONDS }) : "";
  const { exitCode, place } = await killed(world, round, since);
  await sandbox.removeFault(blind);
  const killSeconds = Date.now() / 1000 - since;
  const left = await evidence(sandbox, exitCode, since);
  const window = windowOf(left);
  if (left.requests.length > 0 && left.entries.length === 0) {
    wrong.push("a request was sent that the journal does not know");
  }

  if (round.forgotten) await sandbox.accessPoint.run(["sh", "-c", `rm ${STATE_DIRECTORY}/order-*`]);
  if (round.next === "command")
    await sandbox.accessPoint.run(create(round.nextCount), { timeoutSeconds: 120 });
  else await tickHook(sandbox.accessPoint, ANNEX);
  if (round.orderer === "hook") await tickHook(sandbox.accessPoint, ANNEX);
  if (round.late) await sleep(Math.max(0, since + LATE_SECONDS + killSeconds - Date.now() / 1000) * 1000);
  const last = await tickHook(sandbox.accessPoint, ANNEX);
  if (last.get("Ordered") !== "0")
    wrong.push(`a run that had nothing left to do ordered ${last.get("Ordered")}`);
  if ((await journalFiles(sandbox)).length > 0) wrong.push("the journal still holds what is settled");

  const instances = (await sandbox.instances()).filter(({ instanceId }) => !before.has(instanceId));
  const instancesIntended = intended(world, round, left);
  if (instances.length !== instancesIntended) {
    wrong.push(`${instancesIntended} instances were intended, and there are ${instances.length}`);
  }
  const byOrder = Map.groupBy(instances, ({ tags }) => tags[TAG.order] ?? "");
  const placed = left.entries.filter(({ orderId, count }) => byOrder.get(orderId)?.length === count);
  if (placed.length !== left.entries.length) {
    wrong.push(`of ${left.entries.length} orders in the journal ${placed.length} were placed`);
  }
  const untagged = instances.filter((one) => !isTagged(one)).length;
  if (untagged > 0) wrong.push(`${untagged} instances lack a tag`);

  await updraft(sandbox, "delete", ANNEX, "--yes");
  const { number, aim, orderer, next, late } = round;
  return {
    number,
    aim,
    orderer,
    next,
    late,
    place,
    window,
    ordersIntended: left.entries.length,
    ordersPlaced: placed.length,
    instancesIntended,
    instances: instances.length,
    untagged,
    wrong,
  };
}

export function create(count: number): string[] {
  const order = ["--count", String(count), "--lease", `${LEASE_SECONDS}s`];
  return ["updraft", "create", ANNEX, ...order, "--yes", "--no-wait"];
}

/** What stood in the journal was intended; then what the next command orders, and what the hook's jobs still lack. */
function intended({ demanded }: KillWorld, { orderer, next, nextCount }: Round, left: Evidence): number {
  const recorded = left.entries.reduce((sum, { count }) => sum + count, 0);
  const ordered = recorded + (next === "command" ? nextCount : 0);
  return orderer === "hook" ? Math.max(demanded, ordered) : ordered;
}

const TAGS = [TAG.annex, TAG.lease, TAG.order, TAG.orderedAt, TAG.pool, TAG.schedd, TAG.idle, TAG.owner];

function isTagged({ tags, launched }: InstanceView): boolean {
  const lease = Number(tags[TAG.lease]);
  return (
    TAGS.every((tag) => (tags[tag] ?? "") !== "") && lease > launched && lease <= launched + LEASE_SECONDS + 1
  );
}

/** Runs the round's orderer and kills it where the round says. */
export async function killed(
  { sandbox, strace, seconds, faulty = false }: KillWorld,
  round: Pick<Round, "orderer" | "aim" | "chance" | "count">,
  since: number,
): Promise<{ exitCode: number; place: string }> {
  const { accessPoint } = sandbox;
  const { orderer, aim, chance } = round;
  const command = orderer === "hook" ? [HOOK] : create(round.count);
  const options = orderer === "hook" ? AS_HOOK : { timeoutSeconds: 120, environment: {} };
  const place = placeOf(round);
  if (place !== undefined) {
    const { call, nth, what } = place;
    const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=SIGKILL:when=${nth}`];
    // strace counts the calls of each thread; with one thread for files that is their order.
    const environment = { ...options.environment, UV_THREADPOOL_SIZE: "1" };
    const traced = [strace, "-f", "-qq", "-o", "/dev/null", ...inject, ...command];
    const { exitCode } = await accessPoint.exec(traced, { ...options, environment });
    return { exitCode, place: what };
  }
  if (aim === "before the answer") {
    const fault = {
      service: "ec2",
      action: "CreateFleet",
      kind: "lost-answer",
      seconds: 60,
      times: 1,
    } as const;
    const id = await sandbox.addFault(fault);
    const pidFile = `/tmp/killed-${orderer}.pid`;
    const running = accessPoint.exec(
      ["sh", "-c", `echo $$ >${pidFile}; exec "$@"`, "sh", ...command],
      options,
    );
    // It strikes once the fleet has been launched, and then holds the answer back.
    const struck = async () => (await fleetRequests(sandbox, since)).some(({ fault }) => fault === id);
    const ended = running.then(() => true);
    while (!(await struck())) {
      if (!(await Promise.race([ended, sleep(50, false)]))) continue;
      await sandbox.removeFault(id);
      if (!faulty) throw new Error("the run ended before it ordered");
      return { exitCode: (await running).exitCode, place: "it ended before it ordered" };
    }
    await accessPoint.run(["sh", "-c", `kill -KILL $(cat ${pidFile})`]);
    const { exitCode } = await running;
    return { exitCode, place: "effect seen, answer held back" };
  }
  const after = ((EARLIEST + (1 - EARLIEST) * chance) * seconds[orderer]).toFixed(3);
  const { exitCode } = await accessPoint.exec(["timeout", "-s", "KILL", after, ...command], options);
  return { exitCode, place: `after ${after} s` };
}

/** Longer than it takes until the next run has looked. */
const LATE_SECONDS = 10;
/** Before this share of its time a run has only read. */
const EARLIEST = 0.4;
