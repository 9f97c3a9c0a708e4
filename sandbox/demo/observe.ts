import type { Sandbox } from "../sandbox.ts";

/** What there is at one moment, as the models count it: jobs, slots and instances of one annex. */
export type Sample = {
  /** Seconds since the story began. */
  readonly at: number;
  /** X_Q: idle jobs that may use the annex. */
  readonly queued: number;
  /** X_I: idle slots (one for each processor) of the annex. */
  readonly idle: number;
  /** X_R: jobs that run on the annex. */
  readonly busy: number;
  /** Instances that were ordered and are not in the pool yet. */
  readonly inFlight: number;
  /** Jobs that run on the pool's own slots. */
  readonly local: number;
  /** What the hook published last. */
  readonly limitedBy: string;
  readonly reason: string;
};

const QUERY = `
condor_q -allusers -constraint 'MayUseAWS =?= true && JobStatus == 1' -af 'strcat("queued")'
condor_q -allusers -constraint 'JobStatus == 2' -af 'strcat("host ", RemoteHost)'
condor_status -constraint "AnnexName =?= \\"$1\\" && PartitionableSlot" -af 'strcat("slot ", CloudInstanceID, " ", Cpus)'
condor_status -schedd -af:t "Annex_$1_LimitedBy" "Annex_$1_Reason" | sed 's/^/hook /'
`;

/** Asks the pool and the cloud at once. `joined` holds the instances that were ever seen in the pool, and grows. */
export async function observe(
  sandbox: Sandbox,
  annex: string,
  at: number,
  joined: Set<string>,
): Promise<Sample> {
  const [said, instances] = await Promise.all([
    sandbox.accessPoint.run(["sh", "-c", QUERY, "sh", annex]),
    sandbox.instances(),
  ]);
  const lines = said.split("\n");
  const after = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const hosts = after("host");
  const slots = after("slot").map((line) => line.split(" "));
  for (const [instance = ""] of slots) joined.add(instance);
  const onAnnex = hosts.filter((host) => [...joined].some((instance) => host.includes(instance))).length;
  const [limitedBy = "", reason = ""] = (after("hook")[0] ?? "").split("\t");
  return {
    at,
    queued: lines.filter((line) => line === "queued").length,
    idle: slots.reduce((sum, [, cpus]) => sum + Number(cpus), 0),
    busy: onAnnex,
    inFlight: instances.filter(
      ({ instanceId, state, tags }) =>
        tags["htcondor:AnnexName"] === annex &&
        (state === "pending" || state === "running") &&
        !joined.has(instanceId),
    ).length,
    local: hosts.length - onAnnex,
    limitedBy,
    reason,
  };
}
