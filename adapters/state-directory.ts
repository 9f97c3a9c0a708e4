import { chown, mkdir, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { UpdraftError, messageOf } from "../core/errors.ts";

/**
 * Whether a user keeps the journal with the hook, in the access point's directory: root, whoever HTCondor runs as,
 * which is the spool's owner, and the owner of the directory itself. Everyone else has a directory of their own.
 */
export async function sharesState(directory: string, spool: string, uid: number): Promise<boolean> {
  if (uid === 0) return true;
  const owners = await Promise.all([spool, directory].map(ownerOf));
  return owners.includes(uid);
}

async function ownerOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    (facts) => facts.uid,
    () => undefined,
  );
}

/** Where an ordinary user's journal is, as the XDG base directories have it: a relative XDG_STATE_HOME does not count. */
export function ownStateDirectory(
  environment: Readonly<Record<string, string | undefined>>,
  home: string,
): string {
  const base = environment["XDG_STATE_HOME"] ?? "";
  return join(isAbsolute(base) ? base : join(home, ".local/state"), "updraft");
}

/** Refuses a user's own directory, once it is there, when somebody else could write into it: what it holds is sent to EC2. */
export async function checkOwnStateDirectory(directory: string, uid: number): Promise<void> {
  const facts = await stat(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw unfit(directory, messageOf(error), ELSEWHERE, error);
  });
  if (facts === undefined) return;
  if (facts.uid !== uid) throw unfit(directory, `it belongs to user ${facts.uid}, not to ${uid}`, ELSEWHERE);
  if ((facts.mode & 0o022) !== 0) {
    const mode = (facts.mode & 0o777).toString(8);
    throw unfit(directory, `others may write there (mode ${mode})`, `Run: chmod 700 ${directory}`);
  }
}

/** Makes a user's own directory, for nobody else to see. */
export async function prepareOwnStateDirectory(directory: string, uid: number): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw unfit(directory, messageOf(error), ELSEWHERE, error);
  });
  await checkOwnStateDirectory(directory, uid);
}

const ELSEWHERE = "Set XDG_STATE_HOME to a directory of yours.";

function unfit(directory: string, why: string, remedy: string, cause?: unknown): UpdraftError {
  return new UpdraftError("denied", `${directory} cannot hold your journal of orders: ${why}`, remedy, cause);
}

/**
 * Makes the directory of the journal and the hook when root is the first to need it. It belongs to the user that
 * HTCondor runs as, which is whoever owns the spool, and nobody else sees into it.
 */
export async function prepareStateDirectory(directory: string, spool: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  try {
    const { uid, gid } = await stat(spool);
    await mkdir(directory, { mode: 0o700 });
    await chown(directory, uid, gid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw new UpdraftError(
      "config",
      `could not make ${directory}: ${messageOf(error)}`,
      `Run as root: install -d -o condor -g condor -m 700 ${directory}`,
      error,
    );
  }
}
