import { UpdraftError } from "./errors.ts";
import { DEFAULT_MAX_LEASE_SECONDS } from "./lease.ts";
import type { LaunchTemplate } from "./order.ts";
import type { Stack } from "./ports.ts";

/** One for every account and region. */
export const ACCOUNT_STACK = "updraft";
/** The lease enforcer's function, its schedule and its log group. */
export const ENFORCER_NAME = `${ACCOUNT_STACK}-enforcer`;
/** Every annex's stack starts so. */
export const ANNEX_STACK_PREFIX = "updraft-";
export const annexStack = (annex: string): string => `${ANNEX_STACK_PREFIX}${annex}`;
/** Default of the templates' parameter: no boundary. */
export const NO_BOUNDARY = "no-permissions-boundary";

export type AccountSetup = {
  readonly bucket: string;
  readonly maxLeaseSeconds: number;
  /** ARN of the policy that the hook's credentials need. */
  readonly hookPolicy?: string;
};

export type AnnexSetup = {
  readonly pool: string;
  readonly roleId: string;
  readonly template: LaunchTemplate;
  readonly burstableTemplate: LaunchTemplate;
  /** CIDR blocks that its security group lets in, with commas between them; empty: nobody. */
  readonly directFrom: string;
  /** Undefined when an older version of Updraft made the stack. */
  readonly userPolicy?: UserPolicy;
};

/** The policy for ordinary users of an annex, and what it was made for. */
export type UserPolicy = {
  readonly arn: string;
  readonly imageId: string;
  readonly instanceTypes: readonly string[];
};

/** What the account's stack made; refuses a stack that is missing or broken. */
export function accountSetup(stack: Stack | undefined, region: string): AccountSetup {
  const bucket = usable(stack)?.outputs["Bucket"];
  if (stack === undefined || bucket === undefined) {
    throw new UpdraftError(
      "config",
      stack === undefined
        ? `${region} of this account is not set up: there is no stack ${ACCOUNT_STACK}`
        : `the set-up of ${region} is not complete: stack ${ACCOUNT_STACK} is ${stack.status}`,
      `Run: updraft setup --region ${region}`,
    );
  }
  const hookPolicy = stack.outputs["HookPolicy"];
  return {
    bucket,
    ...(hookPolicy !== undefined && { hookPolicy }),
    maxLeaseSeconds: Number(stack.parameters["MaxLeaseSeconds"] ?? DEFAULT_MAX_LEASE_SECONDS),
  };
}

/** What the annex's stack made; refuses a stack that is missing, broken or another pool's. */
export function annexSetup(stack: Stack | undefined, annex: string, pool: string): AnnexSetup {
  const name = annexStack(annex);
  if (stack !== undefined) checkPool(stack, annex, pool);
  const output = (key: string): string => usable(stack)?.outputs[key] ?? "";
  const userPolicy = userPolicyOf(usable(stack));
  const setup: AnnexSetup = {
    pool,
    roleId: output("RoleId"),
    template: { id: output("LaunchTemplate"), version: output("LaunchTemplateVersion") },
    burstableTemplate: {
      id: output("BurstableLaunchTemplate"),
      version: output("BurstableLaunchTemplateVersion"),
    },
    directFrom: output("DirectFrom"),
    ...(userPolicy && { userPolicy }),
  };
  if (setup.roleId === "" || setup.template.id === "" || setup.burstableTemplate.id === "") {
    throw new UpdraftError(
      "config",
      stack === undefined
        ? `annex ${annex} is not set up: there is no stack ${name}`
        : `the set-up of annex ${annex} is not complete: stack ${name} is ${stack.status}`,
      `Run: updraft setup --annex ${annex}`,
    );
  }
  return setup;
}

function userPolicyOf(stack: Stack | undefined): UserPolicy | undefined {
  const arn = stack?.outputs["UserPolicy"];
  if (stack === undefined || arn === undefined) return undefined;
  return {
    arn,
    imageId: stack.parameters["ImageId"] ?? "",
    instanceTypes: (stack.parameters["InstanceTypes"] ?? "").split(","),
  };
}

/** Throws when the stack was made for another pool. */
export function checkPool(stack: Stack, annex: string, pool: string): void {
  const owner = stack.parameters["Pool"];
  if (owner === undefined || owner === pool) return;
  throw new UpdraftError(
    "denied",
    `the stack ${annexStack(annex)} was set up for pool ${owner}, not for pool ${pool}`,
    "Choose another name for this annex, or tear the other one down from its own pool.",
  );
}

/** One in such a status holds nothing that works: it can only be deleted and made anew. */
export function isUseless(stack: Stack): boolean {
  return ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"].includes(stack.status);
}

function usable(stack: Stack | undefined): Stack | undefined {
  return stack !== undefined && /^(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE/.test(stack.status)
    ? stack
    : undefined;
}

const MAX_TEMPLATE_BYTES = 50_000;

/** A template as it is sent; CloudFormation takes no longer one without a bucket. */
export function templateBody(template: object): string {
  const body = JSON.stringify(template);
  // UTF-8 takes up to three bytes for a UTF-16 unit; only what is not ASCII needs more than one.
  let bytes = body.length;
  for (const character of body) {
    const point = character.codePointAt(0) ?? 0;
    if (point > 0x7f) bytes += (point > 0x7ff ? (point > 0xffff ? 4 : 3) : 2) - character.length;
  }
  if (bytes > MAX_TEMPLATE_BYTES) {
    throw new UpdraftError(
      "failed",
      `a stack's template has ${bytes} bytes, more than ${MAX_TEMPLATE_BYTES}`,
      "This is a fault of this build of Updraft: report it.",
    );
  }
  return body;
}
