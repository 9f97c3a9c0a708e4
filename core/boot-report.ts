import { UpdraftError } from "./errors.ts";
import type { BootReport } from "./node-boot.ts";
import type { CloudFormation, Report, Storage } from "./ports.ts";
import { getReadable } from "./publish.ts";
import { ACCOUNT_STACK, accountSetup } from "./stacks.ts";
import { reportKey, reportsPrefix } from "./storage.ts";

export type ReportPorts = {
  readonly cloudFormation: Pick<CloudFormation, "stack">;
  storage(bucket: string, account: string): Storage;
  account(): Promise<string>;
  readonly report: Report;
};

/** What instances that could not boot wrote about it, by id. What cannot be read is told, and hides nothing else. */
export async function bootReports(
  ports: ReportPorts,
  annex: string,
  region: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  if (ids.length === 0) return found;
  try {
    const stack = await ports.cloudFormation.stack(ACCOUNT_STACK);
    const storage = ports.storage(accountSetup(stack, region).bucket, await ports.account());
    const keys = (await storage.list(reportsPrefix(annex))).map((object) => object.key);
    for (const id of ids) {
      const key = keys.find((one) => one.endsWith(`:${id}`));
      const bytes = key === undefined ? undefined : await storage.get(key);
      if (bytes !== undefined) found.set(id, reportLine(new TextDecoder().decode(bytes).trim()));
    }
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    ports.report(`what instances reported about their boot cannot be read: ${error.message}`);
  }
  return found;
}

/** Longest that a node's words may be in an ad or a sentence. */
const SHORT_REPORT = 300;

/** What the first of these instances that could say why it did not boot has said; the hook may read reports, but not list them. */
export async function firstBootReport(
  storage: Storage,
  annex: string,
  roleId: string,
  ids: readonly string[],
): Promise<string | undefined> {
  for (const id of ids) {
    const bytes = await getReadable(storage, reportKey(annex, `${roleId}:${id}`));
    if (bytes !== undefined) return reportLine(new TextDecoder().decode(bytes).trim()).slice(0, SHORT_REPORT);
  }
  return undefined;
}

/** A report on one line; what is none as it is, but for what a terminal would obey. */
export function reportLine(text: string): string {
  let line = text;
  try {
    const { step, reason, remedy } = JSON.parse(text) as Partial<BootReport>;
    if (step !== undefined && reason !== undefined) line = `${step}: ${reason}. ${remedy ?? ""}`.trim();
  } catch {
    // The node wrote it, and may have been cut off.
  }
  return line.replace(/\p{Cc}+/gu, " ");
}
