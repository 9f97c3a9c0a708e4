import { UpdraftError } from "./errors.ts";
import { isLive, isOurs, type Instance, type Owner } from "./instance.ts";
import type { Journal } from "./journal.ts";
import { checkOwner } from "./owner.ts";
import { settleJournal } from "./place-orders.ts";
import type { Clock, CloudFormation, Ec2, Report, Storage } from "./ports.ts";
import { getReadable } from "./publish.ts";
import type { Person } from "./site.ts";
import { ACCOUNT_STACK, accountSetup } from "./stacks.ts";
import { annexPrefix, manifestKey, ownerKey, reportsPrefix } from "./storage.ts";

export type DeletePorts = {
  readonly clock: Clock;
  readonly ec2: Pick<Ec2, "instances" | "terminate">;
  readonly cloudFormation: Pick<CloudFormation, "stack">;
  storage(bucket: string, account: string): Storage;
  account(): Promise<string>;
  readonly journal: Journal;
  readonly report: Report;
};

export type DeletePlan = {
  readonly owner: Owner;
  readonly region: string;
  readonly instances: readonly Instance[];
  /** Objects of the annex, the owner's claim last. */
  readonly keys: readonly string[];
  readonly storage: Storage | undefined;
};

/**
 * What there is to delete. Refuses an annex that belongs to another pool or schedd. An ordinary user ends the instances
 * alone, and leaves what root published.
 */
export async function planDelete(
  ports: DeletePorts,
  owner: Owner,
  region: string,
  person?: Person,
): Promise<DeletePlan> {
  const account = await ports.account();
  const stack = await ports.cloudFormation.stack(ACCOUNT_STACK);
  const storage =
    stack === undefined ? undefined : ports.storage(accountSetup(stack, region).bucket, account);
  const claim = storage && (await getReadable(storage, ownerKey(owner.annex)));
  if (claim !== undefined) checkOwner(new TextDecoder().decode(claim), { ...owner, account, region });
  if (person !== undefined) {
    return { owner, region, instances: await live(ports, owner), keys: [], storage: undefined };
  }
  const objects = (await storage?.list(annexPrefix(owner.annex))) ?? [];
  const reports = (await storage?.list(reportsPrefix(owner.annex))) ?? [];
  const rest = [...objects, ...reports].map((object) => object.key);
  return {
    owner,
    region,
    instances: await live(ports, owner),
    keys: inOrder(rest, owner.annex),
    storage,
  };
}

/** The manifest first, so that no further node can join; the claim last, so that a repetition still knows whose it is. */
function inOrder(keys: readonly string[], annex: string): string[] {
  const rank = (key: string): number => (key === manifestKey(annex) ? 0 : key === ownerKey(annex) ? 2 : 1);
  return [...keys].sort((a, b) => rank(a) - rank(b));
}

async function live(ports: Pick<DeletePorts, "ec2">, owner: Owner): Promise<Instance[]> {
  return (await ports.ec2.instances(owner)).filter((one) => isOurs(one, owner) && isLive(one));
}

const POLL_SECONDS = 3;

/** Ends the annex's instances, waits until EC2 says that they are gone, then removes what the bucket holds of it. */
export async function carryOutDelete(
  ports: DeletePorts,
  plan: DeletePlan,
  timeoutSeconds: number,
): Promise<{ terminated: string[] }> {
  const { owner, storage } = plan;
  const ended = new Set<string>();
  const manifest = manifestKey(owner.annex);
  if (plan.keys.includes(manifest)) await storage?.remove([manifest]);
  const until = ports.clock.now() + timeoutSeconds;
  let shown = "";
  // Listed again each time: an order that was under way may still bring an instance to light.
  for (let left = await live(ports, owner); left.length > 0; left = await live(ports, owner)) {
    const running = left.filter((one) => one.state !== "shutting-down").map((one) => one.id);
    if (running.length > 0) await ports.ec2.terminate(running);
    for (const one of left) ended.add(one.id);
    const line = `${left.length} of ${ended.size} still ending`;
    if (line !== shown) ports.report(line);
    shown = line;
    if (ports.clock.now() > until) {
      throw new UpdraftError(
        "failed",
        `${left.length} instances are not gone after ${timeoutSeconds} s: ${left.map((one) => one.id).join(", ")}`,
        `They are being terminated; run \`updraft delete ${owner.annex}\` again to see the end.`,
      );
    }
    await ports.clock.sleep(POLL_SECONDS);
  }
  await tellUnseen(ports, plan);
  if (storage !== undefined) {
    const objects = [
      ...(await storage.list(annexPrefix(owner.annex))),
      ...(await storage.list(reportsPrefix(owner.annex))),
    ].map((object) => object.key);
    const keys = inOrder(objects, owner.annex);
    await storage.remove(keys.filter((key) => key !== ownerKey(owner.annex)));
    await storage.remove(keys.filter((key) => key === ownerKey(owner.annex)));
  }
  return { terminated: [...ended] };
}

/** An order whose outcome nobody knows may yet bring instances to light; without the manifest they end themselves. */
async function tellUnseen(ports: DeletePorts, { owner, region }: DeletePlan): Promise<void> {
  try {
    const { unseen } = await settleJournal(ports, owner, region);
    if (unseen === 0) return;
    ports.report(
      `${unseen} instances of orders whose outcome is not known may still appear: run \`updraft delete ${owner.annex}\` again in ten minutes`,
    );
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    ports.report(error.message);
  }
}
