import { submitJobs } from "../../sandbox/demo/jobs.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { installFakeClock } from "./faketime.ts";

/** Something that makes a hook order without end, if nothing stops it. */
export type Scenario = {
  readonly name: string;
  /** What jobs say beside the usual; none says that they must run on the annex. */
  readonly jobs?: readonly string[];
  /** How many hooks run at once. */
  readonly hooks?: number;
  /** No instance ever boots: what is ordered counts. */
  readonly bootless?: boolean;
  /** From one run to the next, where it is about what takes minutes. */
  readonly pauseSeconds?: number;
  prepare?(sandbox: Sandbox): Promise<void>;
  /** Before each run; gives what the hook's environment has beside the usual. */
  before?(sandbox: Sandbox, run: number, runs: number): Promise<Readonly<Record<string, string>> | void>;
  /** From time to time, while everything else goes on. */
  meanwhile?(sandbox: Sandbox): Promise<void>;
};

const NODES = "*:assumed-role/*/i-*";

const nodesAreRefused = async (sandbox: Sandbox): Promise<void> => {
  await sandbox.addFault({
    kind: "error",
    service: "s3",
    action: "GetObject",
    principal: NODES,
    code: "AccessDenied",
    status: 403,
  });
};

const forget = async ({ accessPoint }: Sandbox): Promise<void> => {
  await accessPoint.run(["rm", "-f", "/var/lib/updraft/state.json"]);
};

/** Ends a node as one does whose machine fails: from within. */
async function powerOff({ machine }: Sandbox, id: string): Promise<void> {
  await machine(id)
    .exec(["systemctl", "poweroff", "--force", "--force"], { timeoutSeconds: 10 })
    .catch(() => {}); // It has ended already, or is not there yet.
}

async function killBooting(sandbox: Sandbox): Promise<void> {
  const running = (await sandbox.instances()).filter(({ state }) => state === "running");
  await Promise.all(running.map(({ instanceId }) => powerOff(sandbox, instanceId)));
}

async function killJoined(sandbox: Sandbox): Promise<void> {
  const { accessPoint } = sandbox;
  const joined = await accessPoint.run(["condor_status", "-constraint", "IsAnnex", "-af", "CloudInstanceID"]);
  const ids = new Set(joined.split("\n").filter((line) => line.startsWith("i-")));
  await Promise.all([...ids].map((id) => powerOff(sandbox, id)));
}

/** Seconds by which the clock is wrong, in the order of the runs. */
const SHIFTS = [0, 200, -200, 86_400, 0, -86_400, 3600, -3600, 250, -250];

export const SCENARIOS: readonly Scenario[] = [
  { name: "nodes never join", meanwhile: killBooting },
  { name: "nodes never join, the memory is lost", meanwhile: killBooting, before: forget },
  { name: "nodes join and die", meanwhile: killJoined },
  { name: "jobs never start", jobs: ["requirements = TARGET.IsAnnex && TARGET.NoSuchAttribute =?= true"] },
  {
    name: "prices jump tenfold",
    bootless: true,
    async before(sandbox, run, runs) {
      if (run !== Math.floor(runs / 2)) return;
      await sandbox.settings({ onDemandPrices: { "m5.large": 0.96 } });
      await sandbox.accessPoint.run(["updraft", "prices", "--refresh", "--region", "us-east-1"], {
        timeoutSeconds: 60,
      });
      await submitJobs(sandbox.accessPoint, { count: 40, seconds: 3600, mayUseAws: true });
    },
  },
  {
    name: "the clock jumps",
    bootless: true,
    async before({ accessPoint }, run) {
      const shift = SHIFTS[run % SHIFTS.length] ?? 0;
      const library = await installFakeClock(accessPoint);
      return {
        LD_PRELOAD: library,
        FAKETIME: `${shift < 0 ? "-" : "+"}${Math.abs(shift)}s`,
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
        DONT_FAKE_MONOTONIC: "1",
      };
    },
  },
  { name: "four hooks at once", bootless: true, hooks: 4 },
  { name: "nodes may not read what to do", prepare: nodesAreRefused, pauseSeconds: 30 },
];
