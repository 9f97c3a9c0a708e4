import { constants } from "node:fs";
import { open, readFile, readdir, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UpdraftError, messageOf } from "../core/errors.ts";

const SECRET_MAX_BYTES = 64 * 1024;

/** Replaces a file in one step, so that a reader sees the old bytes or the new ones, also after a power cut. */
export async function writeAtomically(path: string, bytes: Uint8Array | string, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    await rm(temporary, { force: true });
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(bytes);
      await file.chmod(mode);
      await shareWithOwner(dirname(path), file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw new UpdraftError(
      "failed",
      `could not write ${path}: ${messageOf(error)}`,
      "Check the directory and its free space.",
      error,
    );
  }
}

/** Removes what killed runs were just writing into a directory; nobody else may be writing there. */
export async function clearDrafts(directory: string): Promise<void> {
  const names = await readdir(directory);
  const drafts = names.filter((name) => /^\..+\.\d+\.tmp$/.test(name));
  await Promise.all(drafts.map((name) => rm(join(directory, name), { force: true })));
}

/** What root makes belongs to the directory's owner, so that a hook that is not root can use it. */
export async function shareWithOwner(directory: string, file: FileHandle): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const { uid, gid } = await handle.stat();
    await file.chown(uid, gid);
  } finally {
    await handle.close();
  }
}

/** After it, what was renamed or removed in the directory stays so through a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What to do about a secret's file: when it is not there, and when it is something else than it should be. */
export type SecretAdvice = { readonly absent: string; readonly correct: string };

const PASSWORD: SecretAdvice = {
  absent: "Store the pool's password with condor_store_cred, or correct SEC_PASSWORD_FILE.",
  correct: "Correct SEC_PASSWORD_FILE.",
};

/** Reads a secret as HTCondor does: only from a file that belongs to this user and that nobody else may read. */
export async function readSecretFile(path: string, advice: SecretAdvice = PASSWORD): Promise<Uint8Array> {
  const refuse = (why: string, remedy: string, cause?: unknown): UpdraftError =>
    new UpdraftError("denied", `could not read ${path}: ${why}`, remedy, cause);
  const file = await open(path, constants.O_RDONLY).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") {
      throw new UpdraftError("config", `there is no file ${path}`, advice.absent, error);
    }
    if (error.code === "EACCES" || error.code === "EPERM") {
      throw refuse(
        "permission denied",
        "Run this as the user that HTCondor runs as, which is root as a rule.",
        error,
      );
    }
    throw refuse(messageOf(error), advice.correct, error);
  });
  try {
    const facts = await file.stat();
    const user = process.getuid?.() ?? 0;
    if (!facts.isFile()) throw refuse("it is not a file", advice.correct);
    if (facts.uid !== user) {
      throw refuse(
        `it belongs to user ${facts.uid}, not to ${user}`,
        "Run this as the user that HTCondor runs as, or correct the file's owner: HTCondor would refuse it too.",
      );
    }
    if ((facts.mode & 0o077) !== 0) {
      throw refuse(
        `others may read it (mode ${(facts.mode & 0o777).toString(8)})`,
        `Run: chmod 600 ${path}. HTCondor would refuse it too.`,
      );
    }
    if (facts.size === 0) throw refuse("it is empty", advice.absent);
    if (facts.size > SECRET_MAX_BYTES) throw refuse("it is too long for one", advice.correct);
    return new Uint8Array(await file.readFile());
  } finally {
    await file.close();
  }
}

/** The files of a directory by name, as text. `knob` is what names the directory. */
export async function readConfigFiles(directory: string, knob: string): Promise<Record<string, string>> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith("."));
    return Object.fromEntries(
      await Promise.all(
        files.map(async (file) => [file.name, await readFile(join(directory, file.name), "utf8")] as const),
      ),
    );
  } catch (error) {
    throw new UpdraftError(
      "config",
      `could not read ${directory}: ${messageOf(error)}`,
      `Correct ${knob}.`,
      error,
    );
  }
}
