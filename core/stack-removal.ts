import { UpdraftError } from "./errors.ts";
import type { Clock, CloudFormation, Iam, Report, StackResource } from "./ports.ts";

export type RemovalPorts = {
  readonly clock: Clock;
  readonly cloudFormation: Pick<CloudFormation, "remove">;
  readonly iam: Pick<Iam, "clearRole">;
  readonly report: Report;
};

const ATTEMPTS = 5;
const RETRY_SECONDS = 5;

/**
 * Deletes a stack and sees it gone. A deletion that fails is repaired where that is safe, said, and tried again: what
 * other things still use may be free a moment later. Returns what the stack had.
 */
export async function removeStack(
  ports: RemovalPorts,
  name: string,
  /** Without it a bucket that is not empty stays, and so does the stack. */
  emptyBucket?: (bucket: string) => Promise<void>,
): Promise<readonly StackResource[]> {
  let missing: string[] = [];
  for (let attempt = 1; ; attempt++) {
    const { gone, resources } = await ports.cloudFormation.remove(name, missing);
    if (gone) return resources;
    const failed = resources.filter(({ status }) => status === "DELETE_FAILED");
    for (const one of failed) {
      ports.report(`${one.type} ${one.id} could not be deleted: ${one.reason}`);
    }
    if (attempt >= ATTEMPTS || failed.some(isDenied)) throw failure(name, failed);
    for (const one of failed) await repair(ports, one, emptyBucket);
    missing = failed.filter(isMissing).map(({ logicalId }) => logicalId);
    for (const one of failed.filter(isMissing)) {
      ports.report(`${one.type} ${one.id} is gone already: the stack is deleted without it`);
    }
    ports.report(`deleting the stack ${name} again`);
    await ports.clock.sleep(RETRY_SECONDS);
  }
}

async function repair(
  ports: RemovalPorts,
  { type, id, reason }: StackResource,
  emptyBucket?: (bucket: string) => Promise<void>,
): Promise<void> {
  if (type === "AWS::S3::Bucket" && /not empty/i.test(reason)) await emptyBucket?.(id);
  if (type === "AWS::IAM::Role" && /must (detach|delete)\b.*policies/i.test(reason)) {
    const removed = await ports.iam.clearRole(id);
    ports.report(`taken from the role ${id}, where somebody had put them: ${removed.join(", ")}`);
  }
}

const isMissing = ({ reason }: StackResource): boolean =>
  /\b(NoSuch\w+|NotFound|not found|cannot be found|does not exist)\b/i.test(reason);

const isDenied = ({ reason }: StackResource): boolean =>
  /AccessDenied|not authorized|UnauthorizedOperation/i.test(reason);

function failure(name: string, failed: readonly StackResource[]): UpdraftError {
  const denied = failed.some(isDenied);
  const reasons = failed.map(({ type, id, reason }) => `${type} ${id}: ${reason}`);
  return new UpdraftError(
    denied ? "denied" : "failed",
    `the stack ${name} could not be deleted: ${reasons.join("; ")}`,
    denied
      ? "Use credentials that have Updraft's set-up policies (`updraft setup --print-policy account` and `annex`), then run the same command again."
      : "Remove the cause, then run the same command again.",
  );
}
