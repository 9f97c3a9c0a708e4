import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { directory, writeAtomically } from "../adapters/node-files.ts";
import { messageOf, UpdraftError } from "../core/errors.ts";
import { JOIN_OPTIONS_PATH } from "../core/node-state.ts";
import type { UnixTime } from "../core/time.ts";

export type JoinOptions = {
  readonly annex: string;
  readonly bucket: string;
  readonly region: string;
  readonly roleId: string;
  readonly timeoutSeconds: number;
  readonly s3Endpoint?: string;
  /** Where HTCondor's packages come from when the image has none. */
  readonly htcondorSource?: string;
  readonly startedAt?: UnixTime;
};

/** For a reboot, after which nobody gives them again. There is no secret among them. */
export async function keepJoinOptions(options: JoinOptions): Promise<void> {
  await directory(dirname(JOIN_OPTIONS_PATH), 0o700);
  // User data is what began then, and will not begin again.
  const kept = { format: 1, ...options, startedAt: undefined };
  await writeAtomically(JOIN_OPTIONS_PATH, `${JSON.stringify(kept)}\n`, 0o600);
}

/** Only root writes there, so what stands there is believed. */
export async function keptJoinOptions(): Promise<JoinOptions> {
  try {
    return JSON.parse(await readFile(JOIN_OPTIONS_PATH, "utf8")) as JoinOptions;
  } catch (error) {
    throw new UpdraftError(
      "config",
      `what this instance was asked to join is not known: ${messageOf(error)}`,
      "Run updraft-bootstrap join with the arguments that the instance's user data has.",
    );
  }
}
