import { parseManifest, type Manifest } from "./manifest.ts";
import type { CloudFormation, Storage } from "./ports.ts";
import { getReadable } from "./publish.ts";
import { ACCOUNT_STACK, accountSetup } from "./stacks.ts";
import { manifestKey } from "./storage.ts";

export type PublishedPorts = {
  readonly cloudFormation: Pick<CloudFormation, "stack">;
  storage(bucket: string, account: string): Storage;
  account(): Promise<string>;
};

/** What nodes of an annex authenticate by; undefined when nothing that can be read is published. */
export async function publishedCredential(
  ports: PublishedPorts,
  annex: string,
  region: string,
): Promise<Manifest["credential"] | undefined> {
  const { bucket } = accountSetup(await ports.cloudFormation.stack(ACCOUNT_STACK), region);
  const bytes = await getReadable(ports.storage(bucket, await ports.account()), manifestKey(annex));
  const manifest = bytes === undefined ? undefined : parseManifest(new TextDecoder().decode(bytes));
  return typeof manifest === "object" ? manifest.credential : undefined;
}
