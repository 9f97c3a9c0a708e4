import type { SandboxMachine } from "../sandbox/sandbox.ts";

export const HOOK = "/usr/libexec/updraft/updraft-schedd";

/** As HTCondor starts the hook by its drop-in: its own user, root's directory, credentials of the hook alone. */
export const AS_HOOK = {
  user: "condor",
  directory: "/",
  environment: {
    HOME: "/var/lib/updraft",
    AWS_CONFIG_FILE: "/etc/updraft/aws-config",
    AWS_SHARED_CREDENTIALS_FILE: "/etc/updraft/aws-credentials",
  },
  timeoutSeconds: 70,
} as const;

/** One tick; it must have measured. Returns what it printed of an annex, by name without the prefix. */
export async function tickHook(accessPoint: SandboxMachine, annex: string): Promise<Map<string, string>> {
  const { exitCode, stdout, stderr } = await accessPoint.exec([HOOK], AS_HOOK);
  if (exitCode !== 0) throw new Error(`the hook ended with status ${exitCode}: ${stderr}${stdout}`);
  return new Map(
    [...stdout.matchAll(/^(\w+) = (.*)$/gm)].flatMap(([, name = "", value = ""]) =>
      name.startsWith(`${annex}_`) ? [[name.slice(annex.length + 1), value.replace(/^"(.*)"$/, "$1")]] : [],
    ),
  );
}
