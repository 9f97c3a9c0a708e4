import { annexKnobs, configureAnnexes } from "../sandbox/demo/annex.ts";
import { submitJobs } from "../sandbox/demo/jobs.ts";
import { down, up, type Sandbox } from "../sandbox/sandbox.ts";
import { median, quantile, table } from "./table.ts";

const NAME = "bench-boot";
const ANNEX = "burst";

/** Seconds from the order to each step of a node's life, medians over nodes that were ordered one after the other. */
export async function bootBench(runs: number): Promise<string> {
  await down(NAME);
  const steps: string[][] = [];
  const begun = performance.now();
  const sandbox = await up({
    name: NAME,
    onStep: ({ title, seconds }) => {
      if (seconds !== undefined) steps.push([title, seconds.toFixed(1)]);
    },
  });
  const upSeconds = (performance.now() - begun) / 1000;
  try {
    const boots: Record<string, number>[] = [];
    await configureAnnexes(sandbox.accessPoint, { [ANNEX]: await annexKnobs(sandbox) });
    await sandbox.accessPoint.run(["updraft", "setup", "--region", "us-east-1"], { timeoutSeconds: 60 });
    await sandbox.accessPoint.run(["updraft", "setup", "--annex", ANNEX], { timeoutSeconds: 60 });
    for (let run = 0; run < runs; run++) boots.push(await oneBoot(sandbox));
    const names = Object.keys(boots[0] ?? {});
    const rows = names.map((name) => {
      const seconds = boots.map((boot) => boot[name] ?? Number.NaN);
      return [name, median(seconds).toFixed(2), quantile(seconds, 0.95).toFixed(2)];
    });
    return [
      `up: ${upSeconds.toFixed(1)} s`,
      table(["step of up", "s"], steps),
      "",
      `${runs} nodes, one after the other; launch delay as the sandbox's settings have it`,
      table(["seconds after the order", "median", "p95"], rows),
    ].join("\n");
  } finally {
    await sandbox.down();
  }
}

/** Orders one node with a job waiting for it, and tells when what happened, in seconds after the order. */
async function oneBoot(sandbox: Sandbox): Promise<Record<string, number>> {
  const { accessPoint } = sandbox;
  const cluster = await submitJobs(accessPoint, { count: 1, seconds: 0, mayUseAws: true });
  const create = ["updraft", "create", ANNEX, "--count", "1", "--lease", "1h", "--yes", "--no-wait"];
  await accessPoint.run(create, { timeoutSeconds: 60 });
  const started = await eventually(async () => {
    const said = await accessPoint.run(["condor_history", cluster, "-af", "JobCurrentStartExecutingDate"]);
    return said.trim() === "" ? undefined : Number(said);
  });
  const [instance] = (await sandbox.instances()).filter(({ state }) => state === "running");
  if (instance === undefined) throw new Error("the instance is not running any more");
  const node = JSON.parse(
    await sandbox.machine(instance.instanceId).run(["cat", "/run/updraft/node.json"]),
  ) as { bootSteps: Record<string, number> };
  const joined = await accessPoint.run([
    "condor_status",
    "-constraint",
    `CloudInstanceID =?= "${instance.instanceId}"`,
    "-af",
    "DaemonStartTime",
  ]);
  const order = (await sandbox.requests()).findLast(({ action }) => action === "CreateFleet");
  const after = (time: number): number => time - (order?.time ?? Number.NaN);
  const seconds = {
    "user data starts": after(node.bootSteps["UserData"] ?? Number.NaN),
    ...Object.fromEntries(
      Object.entries(node.bootSteps)
        .filter(([step]) => step !== "UserData")
        .map(([step, time]) => [`  ${step}`, after(time)]),
    ),
    "startd started (whole seconds)": after(Number(joined.split("\n")[0])),
    "first job executing (whole seconds)": after(started),
  };
  await accessPoint.run(["updraft", "delete", ANNEX, "--yes"], { timeoutSeconds: 120 });
  return seconds;
}

async function eventually<T>(probe: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + 120_000; ;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error("the job did not run within two minutes");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
