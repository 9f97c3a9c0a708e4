import { open, stat } from "node:fs/promises";

/** How far the schedd's log of its queue was written. */
export type LogMark = { readonly inode: number; readonly size: number };

/** What has been written since a mark: nothing that matters, only what negotiation passed over, or anything else. */
export type LogNews = "quiet" | "rejections" | "changes";

/** Of more nobody wants to know what it is. */
const READ_BYTES = 4 * 1024 * 1024;

/** What a schedd notes of jobs that stay as they are. */
const REJECTIONS = new Set(["LastRejMatchTime", "LastRejMatchReason"]);
const PROGRESS = new Set([
  "BytesRecvd",
  "BytesSent",
  "CommittedTime",
  "CpusUsage",
  "CumulativeRemoteSysCpu",
  "CumulativeRemoteUserCpu",
  "DiskUsage",
  "DiskUsage_RAW",
  "ImageSize",
  "ImageSize_RAW",
  "LastJobLeaseRenewal",
  "MemoryUsage",
  "ProportionalSetSizeKb",
  "ProportionalSetSizeKb_RAW",
  "RemoteSysCpu",
  "RemoteUserCpu",
  "ResidentSetSize",
  "ResidentSetSize_RAW",
  "StatsLastUpdateTimeStarter",
]);

/** Undefined when the log cannot be seen. */
export async function markLog(path: string): Promise<LogMark | undefined> {
  return stat(path).then(
    ({ ino, size }) => ({ inode: ino, size }),
    () => undefined,
  );
}

/**
 * The schedd writes down everything that happens to a job, line by line, and begins a new file when it has grown long.
 * Each line is an operation (103 sets an attribute, 105 and 106 enclose a transaction), a job and an attribute.
 */
export async function newsSince(path: string, mark: LogMark): Promise<LogNews> {
  const now = await markLog(path);
  if (now?.inode !== mark.inode || now.size < mark.size || now.size - mark.size > READ_BYTES)
    return "changes";
  if (now.size === mark.size) return "quiet";
  const text = await read(path, mark.size, now.size - mark.size).catch(() => undefined);
  if (text?.endsWith("\n") !== true) return "changes";
  let news: LogNews = "quiet";
  for (const line of text.split("\n")) {
    const [operation, , attribute = ""] = line.split(" ", 3);
    if (operation === "" || operation === "105" || operation === "106") continue;
    if (operation === "103" && REJECTIONS.has(attribute)) news = "rejections";
    else if (operation !== "103" || !PROGRESS.has(attribute)) return "changes";
  }
  return news;
}

async function read(path: string, from: number, length: number): Promise<string> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
    return buffer.toString("latin1", 0, bytesRead);
  } finally {
    await file.close();
  }
}
