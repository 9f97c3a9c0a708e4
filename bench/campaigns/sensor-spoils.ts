/** What may be wrong with an answer. */
const SPOILS = ["error", "time-out", "empty", "stale", "truncated", "half the ads"] as const;
export type Spoil = (typeof SPOILS)[number];

/** A program that the hook asks, and what tells this question from its others. */
export type ProgramSensor = {
  readonly name: string;
  readonly program: string;
  readonly question: string;
  /** Which ads of the answer this is about; all of it when undefined. */
  readonly part?: (ad: AnswerAd) => boolean;
};

type AnswerAd = { readonly MyType?: string; readonly AnnexName?: string };

const COLLECTOR = { program: "condor_status", question: "LastNegotiationCycleEnd0" };

export const PROGRAMS: readonly ProgramSensor[] = [
  { name: "idle jobs", program: "condor_q", question: "-group-by -constraint JobStatus == 1" },
  { name: "running jobs", program: "condor_q", question: "-group-by -constraint JobStatus == 2" },
  { name: "autoclusters", program: "condor_q", question: "-autocluster" },
  { name: "matches of free slots", program: "condor_q", question: "Cpus > 0 && AnnexName =!=" },
  { name: "matches of a new slot", program: "condor_q", question: "-slotads:new" },
  { name: "collector", ...COLLECTOR },
  { name: "collector's facts", ...COLLECTOR, part: ({ MyType }) => MyType !== "Machine" },
  { name: "annex slots", ...COLLECTOR, part: ({ AnnexName }) => AnnexName !== undefined },
  {
    name: "free slots",
    ...COLLECTOR,
    part: ({ MyType, AnnexName }) => MyType === "Machine" && AnnexName === undefined,
  },
  { name: "knobs", program: "condor_config_val", question: "UPDRAFT_" },
];

/** Where the spoilt programs are on the access point, and the answers that they give. */
export const SHIMS = "/opt/spoilt";
const ANSWER = `${SHIMS}/answer`;

/** Keeps the answer to one question of a program, and lets everything else pass. */
export const recording = (sensor: ProgramSensor): string =>
  shim(sensor, `/usr/bin/${sensor.program} "$@" | tee ${ANSWER}`);

/** What may be wrong with a part of an answer while the rest of it is right. */
const SPOILS_OF_PART: readonly Spoil[] = ["empty", "stale", "half the ads"];

export const spoilsOf = ({ part }: ProgramSensor): readonly Spoil[] =>
  part === undefined ? SPOILS : SPOILS_OF_PART;

/** Spoils the answer to one question of a program. */
export function spoilt(sensor: ProgramSensor, spoil: Spoil): string {
  switch (sensor.part === undefined ? spoil : "stale") {
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

/** The answer as it is when its end is lost, when half of what it should tell is, or when it is what it was before. */
export function spoiltAnswer(sensor: ProgramSensor, spoil: Spoil, answer: string, before: string): string {
  if (sensor.part !== undefined) {
    const { part } = sensor;
    const ads = parse(answer);
    const concerned = ads.filter(part);
    const instead = spoil === "stale" ? parse(before).filter(part) : spoil === "empty" ? [] : half(concerned);
    return JSON.stringify([...ads.filter((ad) => !part(ad)), ...instead]);
  }
  if (spoil === "stale") return before;
  if (spoil === "truncated") return answer.slice(0, Math.floor(answer.length / 2));
  return answer.startsWith("[") ? JSON.stringify(half(parse(answer))) : half(answer.split("\n")).join("\n");
}

const parse = (answer: string): AnswerAd[] =>
  answer.trim() === "" ? [] : (JSON.parse(answer) as AnswerAd[]);

const half = <T>(all: readonly T[]): T[] => all.slice(0, Math.floor(all.length / 2));
