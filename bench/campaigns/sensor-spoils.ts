/** What may be wrong with an answer. */
export const SPOILS = ["error", "time-out", "empty", "stale", "truncated", "half the ads"] as const;
export type Spoil = (typeof SPOILS)[number];

/** A program that the hook asks, and what tells this question from its others. */
export type ProgramSensor = { readonly name: string; readonly program: string; readonly question: string };

export const PROGRAMS: readonly ProgramSensor[] = [
  { name: "idle jobs", program: "condor_q", question: "-group-by -constraint JobStatus == 1" },
  { name: "running jobs", program: "condor_q", question: "-group-by -constraint JobStatus == 2" },
  { name: "rejections", program: "condor_q", question: "-constraint LastRejMatchTime" },
  { name: "matches of free slots", program: "condor_q", question: "Cpus > 0 && AnnexName =!=" },
  { name: "matches of a new slot", program: "condor_q", question: "-slotads:new" },
  { name: "collector's facts", program: "condor_status", question: "LastNegotiationCycleEnd0" },
  { name: "annex slots", program: "condor_status", question: "AnnexName =?=" },
  { name: "free slots", program: "condor_status", question: "AnnexName =!=" },
  { name: "knobs", program: "condor_config_val", question: "UPDRAFT_" },
];

/** Where the spoilt programs are on the access point, and the answers that they give. */
export const SHIMS = "/opt/spoilt";
const ANSWER = `${SHIMS}/answer`;

/** Keeps the answer to one question of a program, and lets everything else pass. */
export const recording = (sensor: ProgramSensor): string =>
  shim(sensor, `/usr/bin/${sensor.program} "$@" | tee ${ANSWER}`);

/** Spoils the answer to one question of a program. */
export function spoilt(sensor: ProgramSensor, spoil: Spoil): string {
  switch (spoil) {
    case "error":
      return shim(sensor, "echo 'the sensor is broken' >&2; exit 1");
    case "time-out":
      return shim(sensor, "exec sleep 100");
    case "empty":
      return shim(sensor, "exit 0");
    default:
      return shim(sensor, `cat ${ANSWER}`);
  }
}

export { ANSWER };

function shim({ program, question }: ProgramSensor, otherwise: string): string {
  return `#!/bin/sh
case "$*" in
  *'${question}'*) ${otherwise} ;;
  *) exec /usr/bin/${program} "$@" ;;
esac
`;
}

/** The answer as it is when its end is lost, or half of what it should tell. */
export function cutAnswer(answer: string, spoil: "truncated" | "half the ads"): string {
  if (spoil === "truncated") return answer.slice(0, Math.floor(answer.length / 2));
  if (answer.startsWith("[")) {
    const ads = JSON.parse(answer) as unknown[];
    return JSON.stringify(ads.slice(0, Math.floor(ads.length / 2)));
  }
  const lines = answer.split("\n");
  return lines.slice(0, Math.floor(lines.length / 2)).join("\n");
}
