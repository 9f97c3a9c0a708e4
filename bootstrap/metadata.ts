import type { Command } from "../adapters/node-commands.ts";
import { UpdraftError } from "../core/errors.ts";
import { LIST_METADATA_RULES, METADATA_RULES, missingMetadataRule } from "../core/node-metadata.ts";

/** Closes the metadata service to everyone but root and looks whether it is: a job must never hold the role's credentials. */
export async function closeMetadata(command: Command): Promise<void> {
  await command("nft", ["-f", "-"], METADATA_RULES);
  const missing = missingMetadataRule(await command("nft", [...LIST_METADATA_RULES]));
  if (missing === undefined) return;
  throw new UpdraftError(
    "failed",
    `the instance metadata service is not closed to jobs: ${missing}`,
    "The image needs nftables and a kernel with it; bootstrap/image/install.sh installs it.",
  );
}
