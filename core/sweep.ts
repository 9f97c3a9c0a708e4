import { ACCOUNT_STACK, accountSetup } from "./stacks.ts";
import type { Ended, NotEnded, Sweep } from "./enforcement.ts";
import { UpdraftError } from "./errors.ts";
import { counted } from "./plural.ts";
import type { CloudFormation } from "./ports.ts";

/** What a call of the enforcer gave; undefined when there is no such function. */
export type EnforcerCall = (
  functionName: string,
  event: object,
) => Promise<{ readonly payload: string; readonly failed: boolean; readonly log: string } | undefined>;

export type SweepPorts = {
  readonly cloudFormation: Pick<CloudFormation, "stack">;
  readonly enforcer: EnforcerCall;
};

const LOG_LINES = 10;

/** Has the account's enforcer sweep now; with `dryRun` it only says what it would end. */
export async function sweepNow(ports: SweepPorts, region: string, dryRun: boolean): Promise<Sweep> {
  const stack = await ports.cloudFormation.stack(ACCOUNT_STACK);
  accountSetup(stack, region);
  const name = stack?.outputs["Enforcer"] ?? "";
  const answer = await ports.enforcer(name, { dryRun });
  if (answer === undefined) {
    throw new UpdraftError(
      "config",
      `there is no function ${name}: nothing in the account ends a lease`,
      `CloudFormation does not bring it back: run updraft teardown --region ${region}, then updraft setup --region ${region}.`,
    );
  }
  const result = answer.failed ? undefined : parseSweep(answer.payload);
  if (result !== undefined) return result;
  const log = answer.log.trimEnd().split("\n").slice(-LOG_LINES);
  throw new UpdraftError(
    "failed",
    `the enforcer failed: ${reason(answer.payload)}\n${log.map((line) => `  ${line}`).join("\n")}`,
    `It runs again within a minute. If it goes on failing, run updraft setup --region ${region}.`,
  );
}

/** Lambda's own form of an exception; what is none is shown as it is. */
function reason(payload: string): string {
  try {
    const { errorMessage } = JSON.parse(payload) as { errorMessage?: unknown };
    if (typeof errorMessage === "string") return errorMessage;
  } catch {
    // The runtime may be cut off in the middle of its answer.
  }
  return payload.slice(0, 300);
}

function parseSweep(payload: string): Sweep | undefined {
  try {
    const sweep = JSON.parse(payload) as Sweep | null;
    return typeof sweep?.seen === "number" && Array.isArray(sweep.ended) ? sweep : undefined;
  } catch {
    return undefined;
  }
}

/** What a sweep did, or would do, as a person reads it. */
export function describeSweep({ seen, ended, notEnded }: Sweep, dryRun: boolean): string[] {
  const line = ({ id, annex, reason }: Ended | NotEnded): string => `${id} (annex ${annex}): ${reason}`;
  const did = dryRun ? "would end" : "ended";
  return [
    ...ended.map((one) => `${did} ${line(one)}`),
    ...notEnded.map((one) => `could not end ${line(one)}: ${one.error}`),
    `${counted(seen, "instance")} of annexes seen, ${did} ${ended.length}`,
  ];
}
