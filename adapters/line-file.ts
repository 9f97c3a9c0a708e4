import { constants, createReadStream } from "node:fs";
import { open, readFile, rename, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { shareWithOwner } from "./files.ts";

/** Text of lines, older ones in a file of their own. Errors are those of the file system. */
export type LineFile = {
  /** The older text, then the newer; nothing where there is none. */
  read(): Promise<readonly [string, string]>;
  /** The lines that are wanted, older ones first, each with its end; the others are let go as they are read. */
  select(wanted: (line: string) => boolean): Promise<string>;
  append(lines: string): Promise<void>;
};

/** `name.jsonl` and `name.1.jsonl`: a full file becomes the older one, and what was the older one is forgotten. */
export function lineFile(directory: string, name: string, maxBytes: number): LineFile {
  const path = join(directory, `${name}.jsonl`);
  const older = join(directory, `${name}.1.jsonl`);
  return {
    read: async () => Promise.all([readOrNothing(older), readOrNothing(path)]),
    select: async (wanted) => `${await selectFrom(older, wanted)}${await selectFrom(path, wanted)}`,
    async append(lines) {
      if ((await size(path)) >= maxBytes) await rename(path, older);
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
      const file = await open(path, flags, 0o600);
      try {
        await shareWithOwner(directory, file);
        // A line that was torn must not swallow the next one.
        const gap = (await endsLine(file)) ? "" : "\n";
        await file.appendFile(gap + lines);
      } finally {
        await file.close();
      }
    },
  };
}

async function readOrNothing(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}

async function selectFrom(path: string, wanted: (line: string) => boolean): Promise<string> {
  let found = "";
  let rest = "";
  const take = (line: string): void => {
    if (wanted(line)) found += `${line}\n`;
  };
  try {
    for await (const text of createReadStream(path, { encoding: "utf8" }) as AsyncIterable<string>) {
      const lines = `${rest}${text}`.split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(take);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  take(rest);
  return found;
}

async function size(path: string): Promise<number> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    },
  );
  if (file === undefined) return 0;
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

async function endsLine(file: FileHandle): Promise<boolean> {
  const { size: length } = await file.stat();
  if (length === 0) return true;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, length - 1);
  return buffer[0] === 0x0a;
}
