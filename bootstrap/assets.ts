import { readFileSync } from "node:fs";
import { getAsset, isSea } from "node:sea";

/** Files that the executable carries; run from source they are read from the tree. */
export type AssetName =
  | "node.config"
  | "node-shutdown.sh"
  | "updraft-guard.service"
  | "updraft-join.service"
  | "updraft-condor.conf"
  | "install.sh";

const INSTALL_SCRIPT = "../bootstrap/image/install.sh";

export function asset(name: AssetName): string {
  return isSea()
    ? getAsset(name, "utf8")
    : readFileSync(
        new URL(name === "install.sh" ? INSTALL_SCRIPT : `../condor-config/${name}`, import.meta.url),
        "utf8",
      );
}
