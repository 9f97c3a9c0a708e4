import { UpdraftError } from "./errors.ts";
import type { Instance } from "./instance.ts";
import { checkOwner } from "./owner.ts";
import type { CloudFormation, Ec2, Report, Storage } from "./ports.ts";
import type { Site } from "./site.ts";
import { ACCOUNT_STACK, ANNEX_STACK_PREFIX, annexStack, checkPool } from "./stacks.ts";
import { annexPrefix, ownerKey } from "./storage.ts";

export type TeardownPorts = {
  readonly cloudFormation: CloudFormation;
  readonly ec2: Pick<Ec2, "liveInstances">;
  storage(bucket: string, account: string): Storage;
  account(): Promise<string>;
  readonly report: Report;
};

function refuseLive(live: readonly Instance[], what: string): void {
  if (live.length === 0) return;
  throw new UpdraftError(
    "denied",
    `${what} still has ${live.length} instances: ${live
      .slice(0, 5)
      .map((one) => one.id)
      .join(", ")}${live.length > 5 ? ", …" : ""}`,
    "Delete the annex with `updraft delete`, then run the same command again.",
  );
}

/** Undoes the set-up of an annex: its objects and its stack. */
export async function tearDownAnnex(
  ports: TeardownPorts,
  annex: string,
  region: string,
  site: Site,
): Promise<void> {
  const stack = await ports.cloudFormation.stack(annexStack(annex));
  if (stack !== undefined) checkPool(stack, annex, site.pool);
  const account = await ports.account();
  const bucket = (await ports.cloudFormation.stack(ACCOUNT_STACK))?.outputs["Bucket"];
  const storage = bucket === undefined ? undefined : ports.storage(bucket, account);
  const claim = await storage?.get(ownerKey(annex));
  if (claim !== undefined) {
    const own = { annex, pool: site.pool, schedd: site.schedd, account, region };
    checkOwner(new TextDecoder().decode(claim), own);
  }
  refuseLive(await ports.ec2.liveInstances(annex), `annex ${annex}`);
  if (storage !== undefined) {
    const objects = await storage.list(annexPrefix(annex));
    const reports = await storage.list(`reports/${annex}/`);
    const keys = [...objects, ...reports].map((object) => object.key);
    await storage.remove(keys.filter((key) => key !== ownerKey(annex)));
    await storage.remove(keys.filter((key) => key === ownerKey(annex)));
  }
  if (stack === undefined) {
    ports.report(`there is no stack ${annexStack(annex)}`);
    return;
  }
  ports.report(`deleting the stack ${annexStack(annex)}`);
  await ports.cloudFormation.remove(annexStack(annex));
}

const ATTEMPTS = 3;

/** Undoes the set-up of the account in a region: everything in the bucket, and the stack. */
export async function tearDownAccount(ports: TeardownPorts, region: string): Promise<void> {
  refuseLive(await ports.ec2.liveInstances(undefined), `${region} of this account`);
  const annexes = await ports.cloudFormation.names(ANNEX_STACK_PREFIX);
  if (annexes.length > 0) {
    throw new UpdraftError(
      "denied",
      `${region} of this account still has the stacks ${annexes.join(", ")}`,
      "Tear those annexes down first with `updraft teardown --annex NAME`.",
    );
  }
  const stack = await ports.cloudFormation.stack(ACCOUNT_STACK);
  if (stack === undefined) {
    ports.report(`there is no stack ${ACCOUNT_STACK}`);
    return;
  }
  const bucket = stack.outputs["Bucket"];
  const storage = bucket === undefined ? undefined : ports.storage(bucket, await ports.account());
  // The enforcer writes into the bucket every minute, so it may fill again before it is deleted.
  for (let attempt = 1; ; attempt++) {
    const keys = ((await storage?.list("")) ?? []).map((object) => object.key);
    if (keys.length > 0) ports.report(`emptying the bucket ${bucket ?? ""} (${keys.length} objects)`);
    await storage?.remove(keys);
    ports.report(`deleting the stack ${ACCOUNT_STACK}`);
    try {
      await ports.cloudFormation.remove(ACCOUNT_STACK);
      return;
    } catch (error) {
      if (attempt >= ATTEMPTS || !/not empty/i.test(error instanceof Error ? error.message : "")) throw error;
    }
  }
}
