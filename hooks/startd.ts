import { constants, type Stats } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ageOf, uptime } from "../adapters/uptime.ts";
import { EXIT_STATUS, messageOf } from "../core/errors.ts";
import { errorAttributes, nodeAttributes } from "../core/node-attributes.ts";
import { PUBLISH_SECONDS, type NodeEnd } from "../core/node-end.ts";
import { NODE_STATE_PATH } from "../core/node-state.ts";
import { VERSION } from "../core/version.ts";

const MAX_STATE_BYTES = 64 * 1024;

/** The guard may fall silent in the last minute too. */
const LOOK_SECONDS = 2;

/** The first run of a startd is one that was started by so young a process. */
const YOUNG_SECONDS = 3;
/** The kernel tells the time in whole seconds a few milliseconds late. */
const LATE_MILLISECONDS = 12;
/** The startd sets its timer a moment after it has started this program. */
const MOMENT_MILLISECONDS = 50;

const HELP = `updraft-startd: publishes what root knows about this instance as slot attributes

HTCondor's startd runs it (STARTD_CRON_UPDRAFT_EXECUTABLE, with the prefix Annex) and needs no arguments. It reads the
state that updraft-bootstrap writes and prints LeaseExpiration, OrderId, OrderedAt, the times of the boot, and what
the guard says about the node's end: EndsAt (in the time of this machine's clock), EndReason, Stage, Released, Guarded,
and Ending, upon which HTCondor ends the node by itself.
When the file is missing or cannot be believed it prints Error = "…" and ends with status 1.

  --announce     when this is the first run of a new startd, end as soon as the clock's next second has begun
  --state FILE   read this file instead of ${NODE_STATE_PATH}; it must belong to root and be writable by nobody else
  --version      print the version
`;

export async function startd(args: readonly string[]): Promise<number> {
  let options: { state: string; announce?: boolean; help?: boolean; version?: boolean };
  try {
    options = parseArgs({
      args: [...args],
      options: {
        state: { type: "string", default: NODE_STATE_PATH },
        announce: { type: "boolean" },
        help: { type: "boolean" },
        version: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`updraft-startd: ${messageOf(error)}\nTry updraft-startd --help.\n`);
    return EXIT_STATUS.usage;
  }
  if (options.help === true || options.version === true) {
    process.stdout.write(options.help === true ? HELP : `updraft-startd ${VERSION}\n`);
    return 0;
  }
  let end = await publish(options.state);
  if (options.announce === true && ageOf(process.ppid) < YOUNG_SECONDS) await endOfSecond();
  // When the end may come before the next run it is waited for, because HTCondor must hear of it in time.
  while (typeof end === "object" && !end.ending && end.earliestIn <= PUBLISH_SECONDS) {
    // A line of this kind publishes what came before it.
    process.stdout.write("-\n");
    await sleep(Math.min(LOOK_SECONDS, end.endingIn) * 1000 + 10);
    end = await publish(options.state);
  }
  return typeof end === "number" ? end : 0;
}

/**
 * A startd sends its first ads when the clock's next second has begun, but only looks whether it has when something
 * happens, or a whole second later. The end of this program is such a happening, so the pool sees a new node half a second
 * sooner, on average.
 */
async function endOfSecond(): Promise<void> {
  // A line of this kind publishes what came before it.
  process.stdout.write("-\n");
  const left = 1000 - ((Date.now() + MOMENT_MILLISECONDS) % 1000);
  await sleep(MOMENT_MILLISECONDS + left + LATE_MILLISECONDS);
}

/** Prints the attributes; what they say about the node's end, or an exit status. */
async function publish(path: string): Promise<NodeEnd | number | undefined> {
  const result = await readState(path).then(
    (text) => nodeAttributes(text, { wall: Date.now() / 1000, uptime: uptime() }),
    (error: unknown) => messageOf(error),
  );
  if (typeof result === "string") {
    process.stdout.write(`${errorAttributes(`${path}: ${result}`).join("\n")}\n`);
    return EXIT_STATUS.failed;
  }
  process.stdout.write(`${result.lines.join("\n")}\n`);
  return result.end;
}

/** Only what root wrote is believed: a job could otherwise promise the pool a longer lease. */
async function readState(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    const problem = distrust(stats);
    if (problem !== undefined) throw new Error(problem);
    const buffer = Buffer.alloc(MAX_STATE_BYTES);
    const { bytesRead } = await file.read(buffer, 0, MAX_STATE_BYTES, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}

function distrust(stats: Stats): string | undefined {
  if (!stats.isFile()) return "it is not a regular file";
  if (stats.uid !== 0) return `it belongs to user ${stats.uid}, not to root`;
  if ((stats.mode & 0o022) !== 0) return "others than root may write to it";
  return stats.size > MAX_STATE_BYTES ? `it is larger than ${MAX_STATE_BYTES} bytes` : undefined;
}
