import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { createTar } from "nanotar";

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A .tar.gz whose bytes depend on names and contents only, so that the same configuration has the same sha256. */
export function archive(files: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
  const tar = createTar(
    entries.map(([name, data]) => ({ name, data })),
    { attrs: { mode: "644", uid: 0, gid: 0, mtime: 0, user: "root", group: "root" } },
  );
  return gzipSync(tar, { level: 9 });
}
