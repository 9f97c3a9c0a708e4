import { existsSync } from "node:fs";
import type { Command } from "../adapters/node-commands.ts";
import { messageOf, UpdraftError } from "../core/errors.ts";
import {
  closingRules,
  IPTABLES,
  LIST_METADATA_RULES,
  METADATA_RULES,
  missingMetadataRule,
  openChains,
} from "../core/node-metadata.ts";

/**
 * Closes the metadata service to everyone but root, by nftables, else by iptables, and looks whether it is: a job must
 * never hold the role's credentials. Throws when it is not, unless it may stay open, which is asked only then.
 */
export async function closeMetadata(
  command: Command,
  mayStayOpen: () => Promise<boolean>,
  log: (line: string) => void,
): Promise<void> {
  const failures: string[] = [];
  for (const close of [byNftables, byIptables]) {
    try {
      await close(command);
      return;
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  const why = `the instance metadata service is not closed to jobs: ${failures.join("; ")}`;
  if (await mayStayOpen()) {
    log(`${why}; the annex's _ALLOW_OPEN_METADATA lets it serve them all the same`);
    return;
  }
  throw new UpdraftError(
    "failed",
    why,
    "The image needs nftables or iptables and a kernel with it; bootstrap/image/install.sh installs nftables.",
  );
}

async function byNftables(command: Command): Promise<void> {
  await command("nft", ["-f", "-"], METADATA_RULES);
  refuse("nft", missingMetadataRule(await command("nft", [...LIST_METADATA_RULES])));
}

async function byIptables(command: Command): Promise<void> {
  for (const kind of IPTABLES) {
    // Without IPv6 in the kernel there is nothing to close, and no ip6tables to close it with.
    if (kind.program === "ip6tables" && !existsSync("/proc/net/if_inet6")) continue;
    const open = openChains(await command(kind.program, ["-S"]), kind);
    if (open.length === 0) continue;
    await command(`${kind.program}-restore`, ["--noflush"], closingRules(open, kind));
    const left = openChains(await command(kind.program, ["-S"]), kind);
    refuse(kind.program, left.length === 0 ? undefined : `the chain ${left.join(", ")} lets jobs through`);
  }
}

function refuse(program: string, missing: string | undefined): void {
  if (missing === undefined) return;
  throw new UpdraftError("failed", `${program} did as if, but ${missing}`, "Run it by hand on an instance.");
}
