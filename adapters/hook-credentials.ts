import { stat } from "node:fs/promises";
import { execa } from "execa";
import { parseCredentialReport, type CredentialReport } from "../core/check/trial.ts";
import type { CronJob } from "../core/cron-job.ts";
import { UpdraftError, messageOf, type ErrorKind } from "../core/errors.ts";

const RUN_SECONDS = 40;

/** Runs the hook as the schedd does, as the same user and with the same environment, to hear whose credentials it has. */
export async function hookCredentials(job: CronJob, spool: string): Promise<CredentialReport> {
  const owner = await stat(spool).catch((error: unknown) => {
    throw new UpdraftError(
      "config",
      `could not look at ${spool}: ${messageOf(error)}`,
      "Correct SPOOL.",
      error,
    );
  });
  const root = process.getuid?.() === 0;
  if (!root && process.getuid?.() !== owner.uid) {
    throw new UpdraftError(
      "denied",
      "only root, or the user that HTCondor runs as, can see the hook's credentials",
      "Run this as root to have them checked.",
    );
  }
  const result = await execa(job.executable, ["--credentials"], {
    reject: false,
    stdin: "ignore",
    cwd: "/",
    timeout: RUN_SECONDS * 1000,
    forceKillAfterDelay: 2000,
    extendEnv: false,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", ...htcondorConfig(), ...job.environment },
    ...(root && { uid: owner.uid, gid: owner.gid }),
  });
  if (result.exitCode === 0) return parseCredentialReport(result.stdout);
  throw refusal(result.stdout, job.executable, result.code ?? `status ${result.exitCode ?? "unknown"}`);
}

function htcondorConfig(): Record<string, string> {
  const path = process.env["CONDOR_CONFIG"];
  return path === undefined ? {} : { CONDOR_CONFIG: path };
}

/** What the hook said of its failure, in its own words where it could say anything. */
function refusal(output: string, executable: string, ending: string): UpdraftError {
  try {
    const { error } = JSON.parse(output) as { error?: { kind: ErrorKind; message: string; remedy: string } };
    if (error !== undefined) return new UpdraftError(error.kind, `the hook: ${error.message}`, error.remedy);
  } catch {
    // It never came so far.
  }
  return new UpdraftError(
    "config",
    `${executable} cannot be run as the schedd runs it (${ending})`,
    "Install Updraft's package completely, and check the file's permissions.",
  );
}
