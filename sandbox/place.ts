import { UpdraftError } from "../core/errors.ts";

const NAME = /^[a-z][a-z0-9-]{0,30}$/;
/** Longest path of a unix socket, with its final zero byte. */
const SOCKET_PATH_BYTES = 108;

/** Where things of one sandbox stand. `down` removes the whole directory. */
export type Place = {
  readonly name: string;
  readonly directory: string;
  /** What the daemon is to start, written by `up`. */
  readonly plan: string;
  readonly controlSocket: string;
  /** One JSON line for each step of starting. */
  readonly steps: string;
  readonly log: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Directory that holds all sandboxes of this machine. */
export function sandboxesDirectory(environment: Environment): string {
  return absolute(environment, "UPDRAFT_SANDBOX_DIR", "/var/lib/updraft-sandbox");
}

/** Directory of the root file systems, which outlive every sandbox. */
export function cacheDirectory(environment: Environment): string {
  return absolute(environment, "UPDRAFT_SANDBOX_CACHE", "/var/cache/updraft-sandbox");
}

export function place(name: string, environment: Environment): Place {
  if (!NAME.test(name))
    throw new UpdraftError(
      "usage",
      `"${name}" cannot name a sandbox`,
      "Use a lower-case letter, then up to 30 lower-case letters, digits or hyphens.",
    );
  const directory = `${sandboxesDirectory(environment)}/${name}`;
  const controlSocket = `${directory}/control.sock`;
  if (Buffer.byteLength(controlSocket) >= SOCKET_PATH_BYTES)
    throw new UpdraftError(
      "config",
      `${directory} is too long a path for the sandbox's control socket`,
      "Choose a shorter UPDRAFT_SANDBOX_DIR.",
    );
  return {
    name,
    directory,
    plan: `${directory}/plan.json`,
    controlSocket,
    steps: `${directory}/steps.jsonl`,
    log: `${directory}/daemon.log`,
  };
}

function absolute(environment: Environment, knob: string, fallback: string): string {
  const value = environment[knob] || fallback;
  if (!value.startsWith("/") || /[:,\\\s]/.test(value))
    throw new UpdraftError(
      "config",
      `${knob} is "${value}"`,
      "Give an absolute path without blanks, colons, commas or backslashes: overlay mounts cannot take those.",
    );
  return value.replace(/\/+$/, "");
}
