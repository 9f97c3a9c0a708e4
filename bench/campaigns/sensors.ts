import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "../../sandbox/cloud/ports.ts";
import { uniform } from "../../sandbox/cloud/random.ts";
import { annexKnobs, configureAnnexes, configureHook, HOOK_USER_NAME } from "../../sandbox/demo/annex.ts";
import { down, up, type Sandbox } from "../../sandbox/sandbox.ts";
import { AS_HOOK, HOOK } from "../hook-process.ts";
import { table } from "../table.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { ANNEX, updraft } from "./pool.ts";
import { results } from "./results.ts";
import {
  ANSWER,
  PROGRAMS,
  recording,
  SHIMS,
  spoilsOf,
  spoilt,
  spoiltAnswer,
  type Spoil,
} from "./sensor-spoils.ts";
import { submitSleepers } from "./sleepers.ts";

const NAME = "campaign-sensors";
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const STATE = "/var/lib/updraft/state.json";
/** What HTCondor said last of the queue and of slots to come. */
const SAID_LAST = `/var/lib/updraft/queue-${ANNEX}.json /var/lib/updraft/answers-${ANNEX}.json`;
const JOURNAL = "/var/lib/updraft/order-0123456789abcdef.json";
const SELDOM = "SCHEDD_CRON_UPDRAFT_PERIOD = 1h\n";
/** Two instances are busy with four jobs, and two further jobs wait for one more: that and nothing else is right. */
const NODES = 2;
const NEEDED = 1;
const READY_SECONDS = 120;

/** One answer that was spoilt, and what the hook made of it in mode advise. */
export type Sensed = {
  readonly sensor: string;
  readonly spoil: Spoil;
  readonly limitedBy: string;
  readonly recommended: number;
  readonly released: boolean;
  readonly seconds: number;
};

export type Case = {
  readonly sensor: string;
  readonly spoil: Spoil;
  /** Spoils it; what it returns mends it. */
  apply(sandbox: Sandbox, before: ReadonlyMap<string, string>): Promise<() => Promise<void>>;
};

const shell = (sandbox: Sandbox, script: string): Promise<string> =>
  sandbox.accessPoint.run(["sh", "-c", script]);

/** Everything that is asked, with everything that may be wrong with its answer. */
export function cases(): Case[] {
  const programs = PROGRAMS.flatMap((sensor) =>
    spoilsOf(sensor).map((spoil): Case => ({
      sensor: sensor.name,
      spoil,
      async apply(sandbox, before) {
        const { accessPoint } = sandbox;
        const path = `${SHIMS}/${sensor.program}`;
        await accessPoint.writeFile(path, recording(sensor), { mode: "755" });
        await accessPoint.run(["install", "-m", "666", "/dev/null", ANSWER]);
        await runHook(sandbox);
        const answer = await accessPoint.run(["cat", ANSWER]);
        const earlier = before.get(sensor.name) ?? "";
        await accessPoint.writeFile(ANSWER, spoiltAnswer(sensor, spoil, answer, earlier));
        await accessPoint.writeFile(path, spoilt(sensor, spoil), { mode: "755" });
        return async () => void (await shell(sandbox, `rm -rf ${SHIMS}`));
      },
    })),
  );
  return [...programs, ...clouds(), ...files()];
}

/** Answers of AWS that fail or do not come; one that is cut short fails in the SDK as an error does. */
function clouds(): Case[] {
  const calls = [
    ["EC2 DescribeInstances", "ec2", "DescribeInstances"],
    ["CloudFormation", "cloudformation", "*"],
    ["S3 sweep mark", "s3", "GetObject"],
  ] as const;
  const effects: readonly (readonly [Spoil, object])[] = [
    ["error", { kind: "error", code: "InternalError", status: 500 }],
    ["time-out", { kind: "timeout", seconds: 60 }],
    ["truncated", { kind: "lost-answer" }],
  ];
  return calls.flatMap(([sensor, service, action]) =>
    effects.map(([spoil, effect]): Case => ({
      sensor,
      spoil,
      async apply(sandbox) {
        const match = { service, action, principal: `*${HOOK_USER_NAME}` };
        const id = await sandbox.addFault({ ...match, ...effect } as Fault);
        return () => sandbox.removeFault(id);
      },
    })),
  );
}

/** What the hook itself has written, spoilt by somebody else. */
function files(): Case[] {
  const contents: readonly (readonly [string, Spoil, string])[] = [
    ["state file", "empty", `cp -p ${STATE} /tmp/state; : > ${STATE}`],
    ["state file", "truncated", `cp -p ${STATE} /tmp/state; head -c 100 /tmp/state > ${STATE}`],
    ["state file", "error", `cp -p ${STATE} /tmp/state; chmod 000 ${STATE}; chown root ${STATE}`],
    ["journal", "empty", `: > ${JOURNAL}; chown condor: ${JOURNAL}`],
    ["journal", "truncated", `echo '{"format":1,"orderId":"01' > ${JOURNAL}; chown condor: ${JOURNAL}`],
    ["journal", "error", `: > ${JOURNAL}; chown root ${JOURNAL}; chmod 000 ${JOURNAL}`],
  ];
  return contents.map(([sensor, spoil, script]): Case => ({
    sensor,
    spoil,
    async apply(sandbox) {
      await shell(sandbox, script);
      const mend = sensor === "journal" ? `rm -f ${JOURNAL}` : `cp -p /tmp/state ${STATE}`;
      return async () => void (await shell(sandbox, mend));
    },
  }));
}

/** One run in mode advise, with spoilt programs before the real ones, and every question asked anew. */
async function runHook(
  sandbox: Sandbox,
  mode = "advise",
): Promise<Map<string, string> & { seconds: number }> {
  const { environment, ...asHook } = AS_HOOK;
  const variables = { ...environment, PATH: `${SHIMS}:${PATH}`, [`_CONDOR_UPDRAFT_${ANNEX}_MODE`]: mode };
  await shell(sandbox, `rm -f ${SAID_LAST}`);
  const assigned = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const began = performance.now();
  const { stdout } = await sandbox.accessPoint.exec(["env", ...assigned, HOOK], asHook);
  const seconds = (performance.now() - began) / 1000;
  const found = new Map(
    [...stdout.matchAll(/^(\w+) = (.*)$/gm)].map(([, name = "", value = ""]) => [
      name.replace(`${ANNEX}_`, ""),
      value.replace(/^"(.*)"$/, "$1"),
    ]),
  );
  return Object.assign(found, { seconds });
}

const submit = async (sandbox: Sandbox, count: number): Promise<void> =>
  void (await submitSleepers(sandbox, count, "requirements = TARGET.IsAnnex"));

/** Brings the pool into the state that the cases are about; returns what every program answered before it was. */
async function prepare(sandbox: Sandbox): Promise<Map<string, string>> {
  const { accessPoint } = sandbox;
  const knobs = { ...(await annexKnobs(sandbox)), MIN_WAIT: "5s", IDLE: "1h" };
  await configureAnnexes(accessPoint, { [ANNEX]: knobs });
  await updraft(sandbox, "setup", "--region", "us-east-1");
  await updraft(sandbox, "setup", "--annex", ANNEX);
  await updraft(sandbox, "publish", ANNEX);
  await configureHook(sandbox, accessPoint, SELDOM);
  await sandbox.invoke("updraft-enforcer", {});
  await submit(sandbox, 2 * NODES);
  const hook = async (mode: string, reached: (said: Map<string, string>) => boolean): Promise<void> => {
    const deadline = Date.now() + READY_SECONDS * 1000;
    for (let said = await runHook(sandbox, mode); !reached(said); said = await runHook(sandbox, mode)) {
      if (Date.now() > deadline) throw new Error(`the pool is not ready: ${said.get("Reason") ?? ""}`);
      await sleep(1000);
    }
  };
  await hook("act", (said) => said.get("Instances") === String(NODES));
  const before = new Map<string, string>();
  for (const sensor of PROGRAMS) {
    await accessPoint.writeFile(`${SHIMS}/${sensor.program}`, recording(sensor), { mode: "755" });
    await accessPoint.run(["install", "-m", "666", "/dev/null", ANSWER]);
    await runHook(sandbox);
    before.set(sensor.name, await accessPoint.run(["cat", ANSWER]));
    await shell(sandbox, `rm -rf ${SHIMS}`);
  }
  await hook("act", (said) => said.get("SlotsBusy") === String(2 * NODES));
  await submit(sandbox, 2);
  await hook("advise", (said) => said.get("Recommended") === String(NEEDED));
  return before;
}

/** Spoils one answer after the other, and lets the hook run on each. */
export async function spoilEach(
  name: string,
  some: readonly Case[],
  done: (row: Sensed) => void,
): Promise<void> {
  await down(name);
  const sandbox = await up({ name, localSlots: 2 });
  try {
    const before = await prepare(sandbox);
    for (const one of some) {
      // Nothing but the answer in question is to be old.
      await sandbox.invoke("updraft-enforcer", {});
      const mend = await one.apply(sandbox, before);
      const said = await runHook(sandbox);
      await mend();
      done({
        sensor: one.sensor,
        spoil: one.spoil,
        limitedBy: said.get("LimitedBy") ?? said.get("LastError") ?? "it said nothing",
        recommended: Number(said.get("Recommended") ?? Number.NaN),
        released: /would release/.test(said.get("Reason") ?? ""),
        seconds: said.seconds,
      });
    }
  } finally {
    await sandbox.down();
  }
}

/** More than is needed, or anything that is released, is wrong. */
export const isWrong = ({ recommended, released }: Sensed): boolean => !(recommended <= NEEDED) || released;

export function someCases(size: number, seed: number): Case[] {
  const left = cases();
  if (size >= left.length) return left;
  const random = uniform(seed);
  return Array.from({ length: size }, () => left.splice(Math.floor(random() * left.length), 1)[0] as Case);
}

export function sensorTable(rows: readonly Sensed[]): string {
  const wrong = rows.filter(isWrong).length;
  return [
    table(
      ["sensor", "spoilt", "LimitedBy", "to order", "released", "seconds", ""],
      rows.map((row) => [
        row.sensor,
        row.spoil,
        row.limitedBy,
        row.recommended,
        row.released ? "yes" : "no",
        row.seconds.toFixed(1),
        isWrong(row) ? "WRONG" : "",
      ]),
    ),
    `${wrong} of ${rows.length} decisions were wrong; ${NEEDED} to order would be right`,
  ].join("\n");
}

async function run({ size, seed, out }: CampaignOptions): Promise<string> {
  const { rows, add } = results<Sensed>(out);
  const left = someCases(size, seed).filter(
    ({ sensor, spoil }) => !rows.some((row) => row.sensor === sensor && row.spoil === spoil),
  );
  if (left.length > 0)
    await spoilEach(NAME, left, (row) => {
      add(row);
      console.log(`${row.sensor}, ${row.spoil}: ${row.limitedBy}, order ${row.recommended}`);
    });
  return sensorTable(rows);
}

export const sensors: Campaign = {
  name: "sensors",
  summary:
    "every answer that the hook goes by fails, is late, empty, old, cut short or halved: what it decides",
  fullSize: cases().length,
  run,
};
