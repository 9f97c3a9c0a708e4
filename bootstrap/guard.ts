import { setTimeout as sleep } from "node:timers/promises";
import { imds } from "../adapters/imds.ts";
import { command } from "../adapters/node-commands.ts";
import { uptime } from "../adapters/uptime.ts";
import { ending, learn, type Knowledge } from "../core/end-of-life.ts";
import { messageOf } from "../core/errors.ts";
import { decide, stage, type Action, type Htcondor, type Stage } from "../core/guard.ts";
import { DEFAULT_DRAIN_SECONDS, lastStretch } from "../core/last-stretch.ts";
import { DEFAULT_IDLE_SECONDS } from "../core/node-config.ts";
import { DEFAULT_MAX_LEASE_SECONDS, UNREADABLE_LEASE_SECONDS } from "../core/lease.ts";
import type { GuardState } from "../core/node-state.ts";
import { anchorOf, timeAt, type Anchor } from "../core/true-time.ts";
import { console } from "./console.ts";
import { credentialWatch } from "./credential-watch.ts";
import { readKnowledge, readNodeState, readSettings, writeKnowledge } from "./guard-files.ts";
import { masterProcess } from "./htcondor.ts";
import { writeState } from "./install.ts";
import { powerOff } from "./power-off.ts";
import { cancelDrain, drain, lookAtHtcondor, stopHtcondor } from "./slots.ts";

const TICK_SECONDS = 1;
/** The tags are read so often, and what is known is written down so often for updraft-startd. */
const READ_SECONDS = 5;
/** It is looked so often whether there still is a condor_master. */
const ROLL_CALL_SECONDS = 10;
/** For systemd to end the machine; HTCondor has ended before. */
const ORDERLY_SECONDS = 3;

/**
 * Stays until it ends the instance: at its lease, before a spot interruption, or when it is released and unclaimed.
 * That needs neither HTCondor nor the metadata service nor a right wall clock: the last known lease stands, and the
 * time is what the metadata service said last plus the uptime since.
 */
export async function guard(): Promise<never> {
  const settings = await readSettings();
  const maxLeaseSeconds = settings?.maxLeaseSeconds ?? DEFAULT_MAX_LEASE_SECONDS;
  const stretch = settings?.stretch ?? lastStretch(DEFAULT_DRAIN_SECONDS, UNREADABLE_LEASE_SECONDS);
  let anchor: Anchor = (await readNodeState())?.guard?.anchor ?? { at: Date.now() / 1000, uptime: uptime() };
  const now = (): number => timeAt(anchor, uptime());
  const metadata = imds(process.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"], (...answer) => {
    anchor = anchorOf(...answer) ?? anchor;
  });
  let knowledge: Knowledge = (await readKnowledge()) ?? {
    lease: settings?.node.leaseExpiration ?? now() + UNREADABLE_LEASE_SECONDS,
    released: false,
    rebalance: false,
  };
  let htcondor: Htcondor = "unknown";
  /** Whether HTCondor may be draining because of us; a guard before this one may have begun it. */
  let draining = true;
  let stopped = false;
  /** The uptime when condor_master was last there, or join had not started it yet. */
  let attended = uptime();
  let joined = false;
  let told = "";

  const reading = every(READ_SECONDS, read);
  const publishing = every(READ_SECONDS, publish);
  const calling = every(ROLL_CALL_SECONDS, callRoll);
  const acting = every(0, act);
  const stopping = every(0, stop);
  const refreshing = every(READ_SECONDS, credentialWatch());
  await read().catch((error: unknown) => console(messageOf(error)));
  for (;;) {
    const observation = {
      now: now(),
      ending: ending(knowledge),
      released: knowledge.released,
      stretch,
      htcondor,
      stopped,
      deserted: await deserted(),
    };
    const current = stage(observation);
    const action = decide(observation);
    tell(current);
    if (action === "power off") {
      console(current === "over" ? "the time is over" : "there is no HTCondor any more");
      await powerOff(command, console, ORDERLY_SECONDS);
    }
    // None of these is waited for: the end comes in time, whatever hangs.
    reading();
    refreshing();
    publishing(current);
    calling();
    acting(action, current === "draining" || knowledge.released || draining || stopped);
    if (action === "stop") {
      stopped = true;
      stopping();
    }
    const left = observation.ending.at - now();
    await sleep(1000 * (left > 0 ? Math.min(left, TICK_SECONDS) : TICK_SECONDS));
  }

  async function read(): Promise<void> {
    const answer = await metadata.endOfLife();
    const learnt = learn(knowledge, answer, now(), maxLeaseSeconds);
    const news = JSON.stringify(learnt) !== JSON.stringify(knowledge);
    knowledge = learnt;
    if (news) await writeKnowledge(knowledge);
  }

  async function publish(current: Stage): Promise<void> {
    // Read anew, because join may still be adding to it.
    const node = (await readSettings())?.node;
    if (node === undefined) return;
    joined = node.bootSteps["HtcondorStarted"] !== undefined;
    const { at, reason } = ending(knowledge);
    const state: GuardState = {
      endsAt: at,
      endReason: reason,
      stage: current,
      released: knowledge.released,
      rebalanceRecommended: knowledge.rebalance,
      anchor: { at: now(), uptime: uptime() },
    };
    await writeState({ ...node, leaseExpiration: knowledge.lease, guard: state });
  }

  async function callRoll(): Promise<void> {
    if (!joined || (await masterProcess()) !== undefined) attended = uptime();
  }

  async function deserted(): Promise<boolean> {
    const long = (): boolean => uptime() - attended > (settings?.idleSeconds ?? DEFAULT_IDLE_SECONDS);
    // It may have come back since the last look.
    if (long()) await callRoll();
    return long();
  }

  async function act(action: Action, look: boolean): Promise<void> {
    // An old look is worth nothing: a claim, or HTCondor itself, may have come since.
    if (!look) htcondor = "unknown";
    else {
      // A release may have been withdrawn since the tags were read.
      if (action === "drain if unclaimed") await read();
      if (action === "drain" || (action === "drain if unclaimed" && knowledge.released)) {
        draining = true;
        await drain(action === "drain if unclaimed");
      } else if (action === "cancel drain") {
        await cancelDrain();
      }
      htcondor = await lookAtHtcondor();
      if (htcondor === "gone" || (htcondor !== "unknown" && htcondor.draining !== "ours")) draining = false;
    }
  }

  async function stop(): Promise<void> {
    if (!(await stopHtcondor())) htcondor = "gone";
  }

  /** What changes is worth a line; what is the same as a second ago is not. */
  function tell(current: Stage): void {
    const { at, reason } = ending(knowledge);
    const { released, rebalance } = knowledge;
    const also = `${released ? ", released" : ""}${rebalance ? ", told by EC2 to expect an interruption" : ""}`;
    const line = `${current}${also}; ends at ${new Date(at * 1000).toISOString()} (${reason})`;
    if (line !== told) console(line);
    told = line;
  }
}

/** Starts the work unless it is under way or was started less than so many seconds ago; what goes wrong is told once. */
function every<T extends readonly unknown[]>(
  seconds: number,
  work: (...given: T) => Promise<void>,
): (...given: T) => void {
  let started = Number.NEGATIVE_INFINITY;
  let under = false;
  let complaint = "";
  return (...given) => {
    if (under || uptime() - started < seconds) return;
    under = true;
    started = uptime();
    work(...given)
      .then(
        () => (complaint = ""),
        (error: unknown) => {
          if (messageOf(error) !== complaint) console(messageOf(error));
          complaint = messageOf(error);
        },
      )
      .finally(() => (under = false));
  };
}
