import { gunzipSync } from "node:zlib";

/** What cloud-init would do with user data. */
export type UserData =
  | { readonly kind: "none" }
  /** Run once, as root. */
  | { readonly kind: "script"; readonly content: Uint8Array }
  | { readonly kind: "ignored"; readonly content: Uint8Array; readonly why: string };

const GZIP_MAGIC = [0x1f, 0x8b];
const SCRIPT_MAGIC = "#!";

export function readUserData(stored: Uint8Array): UserData {
  if (stored.length === 0) return { kind: "none" };
  let content = stored;
  if (GZIP_MAGIC.every((byte, at) => stored[at] === byte)) {
    try {
      content = gunzipSync(stored);
    } catch {
      return { kind: "ignored", content: stored, why: "it begins like gzip but cannot be unpacked" };
    }
  }
  if (Buffer.from(content.subarray(0, 2)).toString("latin1") === SCRIPT_MAGIC)
    return { kind: "script", content };
  return { kind: "ignored", content, why: "it is not a script that begins with #!" };
}
