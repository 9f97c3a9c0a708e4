import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MOUNT = `
set -eu
directory=$1 layers=$2
shift 2
mount -t tmpfs tmpfs "$directory"
mkdir "$directory/upper" "$directory/work" "$directory/root"
mount -t overlay overlay -o "lowerdir=$layers,upperdir=$directory/upper,workdir=$directory/work" "$directory/root"
exec "$@"`;

/**
 * Gives the use a root file system made of layers, topmost first, and the command below which it is mounted: a mount
 * namespace of its own, so that nothing is left mounted when the command ends, however it ends.
 */
export function withRoot<T>(
  layers: readonly string[],
  use: (root: string, within: readonly string[]) => T,
): T {
  const directory = mkdtempSync(join(tmpdir(), "updraft-root-"));
  try {
    const within = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", MOUNT, "sh"];
    return use(join(directory, "root"), [...within, directory, layers.join(":")]);
  } finally {
    rmdirSync(directory);
  }
}
