/** A file of the configuration, as HTCondor's config.d shall hold it. */
export type ConfigFile = { readonly name: string; readonly data: Uint8Array };

/** Name of the file that the node writes itself; no tarball may bring its own. */
export const NODE_CONFIG_NAME = "60-updraft-node.config";

export const CONFIG_FILE_NAME = /^[0-9A-Za-z_][0-9A-Za-z._-]{0,91}\.config$/;
export const MAX_TARBALL_BYTES = 1024 * 1024;
/** What the tarball may hold unpacked, headers and padding counted. */
export const MAX_UNPACKED_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 64;
const BLOCK = 512;

/**
 * The files of an unpacked configuration tarball; a string is why it is refused. Only flat regular files are
 * accepted: no directory, link, device, long name or extended header, so nothing can name a place outside.
 */
export function readConfigTarball(tar: Uint8Array): ConfigFile[] | string {
  if (tar.length > MAX_UNPACKED_BYTES) return `it holds more than ${MAX_UNPACKED_BYTES} bytes`;
  if (tar.length % BLOCK !== 0 || tar.length === 0) return "it is cut off or no tar archive";
  const files: ConfigFile[] = [];
  let offset = 0;
  while (offset < tar.length) {
    const header = tar.subarray(offset, offset + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const entry = readHeader(header);
    if (typeof entry === "string") return entry;
    if (files.length === MAX_FILES) return `it holds more than ${MAX_FILES} files`;
    if (files.some(({ name }) => name === entry.name)) return `it holds "${entry.name}" twice`;
    offset += BLOCK;
    if (offset + entry.size > tar.length) return `"${entry.name}" is cut off`;
    files.push({ name: entry.name, data: tar.slice(offset, offset + entry.size) });
    offset += Math.ceil(entry.size / BLOCK) * BLOCK;
  }
  if (tar.subarray(offset).some((byte) => byte !== 0)) return "there is something after its end";
  return files.length === 0 ? "it holds no file" : files;
}

function readHeader(header: Uint8Array): { name: string; size: number } | string {
  const field = (start: number, length: number): string => {
    const bytes = header.subarray(start, start + length);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...(end === -1 ? bytes : bytes.subarray(0, end)));
  };
  const number = (start: number, length: number): number | undefined => {
    const text = field(start, length).trim();
    return /^[0-7]{1,11}$/.test(text) ? Number.parseInt(text, 8) : undefined;
  };
  // The checksum is the sum of the header's bytes with its own field read as blanks.
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (number(148, 8) !== sum || field(257, 5) !== "ustar") return "it is no tar archive";
  const name = field(0, 100);
  const shown = JSON.stringify(name);
  const type = field(156, 1);
  if (type !== "0" && type !== "") return `its entry ${shown} is not a regular file`;
  if (field(157, 100) !== "") return `its entry ${shown} is a link`;
  if (field(345, 155) !== "" || !CONFIG_FILE_NAME.test(name))
    return `its entry ${shown} is not named like a file of config.d`;
  if (name === NODE_CONFIG_NAME) return `it brings its own ${NODE_CONFIG_NAME}`;
  const size = number(124, 12);
  return size === undefined ? `the size of ${shown} cannot be read` : { name, size };
}
