import { UpdraftError } from "./errors.ts";

/** The oldest HTCondor that a node may run: the first of the feature series that this was tried with. */
export const OLDEST_HTCONDOR = "23.0";

/** What `condor_version` says first; undefined for a text that is none of it. */
export function htcondorVersion(text: string): string | undefined {
  return /\$CondorVersion: (\d+\.\d+\.\d+)/.exec(text)?.[1];
}

/** Throws unless a node can be made of this HTCondor; `version` as HTCondor numbers itself, such as 23.9.6. */
export function checkHtcondorVersion(version: string | undefined): void {
  if (version === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
    throw unsupported(`the image's HTCondor does not say its version (${JSON.stringify(version ?? "")})`);
  }
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_HTCONDOR.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw unsupported(
    `the image has HTCondor ${version}, and ${OLDEST_HTCONDOR} is the oldest that is supported`,
  );
}

function unsupported(why: string): UpdraftError {
  return new UpdraftError(
    "config",
    why,
    `Make an image with HTCondor ${OLDEST_HTCONDOR} or newer and set the annex's _IMAGE_ID to it.`,
  );
}
