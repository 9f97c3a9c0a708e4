import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ListStackResourcesCommand,
  ListStacksCommand,
  UpdateStackCommand,
  type Stack as AwsStack,
  type StackEvent,
  type StackStatus,
} from "@aws-sdk/client-cloudformation";
import { UpdraftError, messageOf } from "../core/errors.ts";
import type { Clock, CloudFormation, Report, Stack, StackResource } from "../core/ports.ts";
import { lazyAwsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsCode, awsError } from "./aws-errors.ts";

const POLL_SECONDS = 2;
const WAIT_SECONDS = 1200;

const EXISTING: StackStatus[] = [
  "CREATE_COMPLETE",
  "CREATE_FAILED",
  "CREATE_IN_PROGRESS",
  "DELETE_FAILED",
  "DELETE_IN_PROGRESS",
  "ROLLBACK_COMPLETE",
  "ROLLBACK_FAILED",
  "ROLLBACK_IN_PROGRESS",
  "UPDATE_COMPLETE",
  "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
  "UPDATE_FAILED",
  "UPDATE_IN_PROGRESS",
  "UPDATE_ROLLBACK_COMPLETE",
  "UPDATE_ROLLBACK_FAILED",
  "UPDATE_ROLLBACK_IN_PROGRESS",
];

/** What the 2016 prototype fell over: an account may have so many stacks in a region and no more. */
function stackLimit(name: string, error: unknown): UpdraftError {
  return new UpdraftError(
    "capacity",
    `could not create the stack ${name}: ${messageOf(error)}`,
    "The account's limit of CloudFormation stacks in this region is reached: delete stacks that nobody needs, or have the limit raised (Service Quotas, CloudFormation, Stack count), then run the same command again.",
    error,
  );
}

export function cloudFormation(
  region: string,
  clock: Clock,
  report: Report,
  options: AwsClientOptions = {},
): CloudFormation {
  const client = lazyAwsClient(CloudFormationClient, region, options);

  async function describe(nameOrId: string): Promise<AwsStack | undefined> {
    try {
      const found = (await client().send(new DescribeStacksCommand({ StackName: nameOrId }))).Stacks?.[0];
      return found?.StackStatus === "DELETE_COMPLETE" ? undefined : found;
    } catch (error) {
      // CloudFormation has no code of its own for a stack that does not exist.
      if (awsCode(error) === "ValidationError" && /does not exist/.test(messageOf(error))) return undefined;
      throw awsError(error, `look at the stack ${nameOrId}`);
    }
  }

  async function stack(nameOrId: string): Promise<Stack | undefined> {
    const found = await describe(nameOrId);
    return (
      found && {
        status: found.StackStatus ?? "",
        parameters: Object.fromEntries(
          (found.Parameters ?? []).map((p) => [p.ParameterKey ?? "", p.ParameterValue ?? ""]),
        ),
        outputs: Object.fromEntries(
          (found.Outputs ?? []).map((o) => [o.OutputKey ?? "", o.OutputValue ?? ""]),
        ),
      }
    );
  }

  async function resources(nameOrId: string): Promise<StackResource[]> {
    const found: StackResource[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client()
        .send(new ListStackResourcesCommand({ StackName: nameOrId, ...(NextToken && { NextToken }) }))
        .catch((error: unknown) => {
          throw awsError(error, `list what the stack ${nameOrId} has`);
        });
      for (const one of page.StackResourceSummaries ?? []) {
        found.push({
          logicalId: one.LogicalResourceId ?? "",
          type: one.ResourceType ?? "",
          id: one.PhysicalResourceId ?? "",
          status: one.ResourceStatus ?? "",
          reason: one.ResourceStatusReason ?? "",
        });
      }
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return found;
  }

  /** The stack once nothing is under way in it. */
  async function settled(name: string, nameOrId = name): Promise<Stack | undefined> {
    const until = clock.now() + WAIT_SECONDS;
    let shown = "";
    for (;;) {
      const found = await stack(nameOrId);
      if (found === undefined || !found.status.endsWith("_IN_PROGRESS")) return found;
      if (found.status !== shown) report(`stack ${name}: ${found.status}`);
      shown = found.status;
      if (clock.now() > until) {
        throw new UpdraftError(
          "failed",
          `the stack ${name} is still ${found.status} after ${WAIT_SECONDS / 60} minutes`,
          "Wait until CloudFormation has finished with it, then run the same command again.",
        );
      }
      await clock.sleep(POLL_SECONDS);
    }
  }

  async function remove(name: string, retain: readonly string[]) {
    await settled(name);
    // By its id a stack can be looked at even when it is deleted.
    const id = (await describe(name))?.StackId;
    if (id === undefined) return { gone: true, resources: [] };
    try {
      const RetainResources = retain.length > 0 ? [...retain] : undefined;
      await client().send(
        new DeleteStackCommand({ StackName: id, ...(RetainResources && { RetainResources }) }),
      );
    } catch (error) {
      throw awsError(error, `delete the stack ${name}`);
    }
    const gone = (await settled(name, id)) === undefined;
    return { gone, resources: await resources(id) };
  }

  async function failure(name: string, what: string, since: number): Promise<UpdraftError> {
    const reasons = await failures(name, since);
    const denied = reasons.some((reason) =>
      /AccessDenied|not authorized|UnauthorizedOperation/i.test(reason),
    );
    return new UpdraftError(
      denied ? "denied" : "failed",
      `the stack ${name} ${what}${reasons.length === 0 ? "" : `: ${reasons.join("; ")}`}`,
      denied
        ? "Use credentials that have Updraft's set-up policies (`updraft setup --print-policy account` and `annex`), then run the same command again."
        : "Remove the cause, then run the same command again.",
    );
  }

  async function failures(name: string, since: number): Promise<string[]> {
    let events: StackEvent[];
    try {
      events = (await client().send(new DescribeStackEventsCommand({ StackName: name }))).StackEvents ?? [];
    } catch {
      // The reason is a courtesy; that the stack failed is known without it.
      return [];
    }
    return events
      .filter((event) => (event.Timestamp?.getTime() ?? 0) / 1000 >= since - 60)
      .filter(
        (event) => event.ResourceStatus?.endsWith("_FAILED") && event.ResourceStatusReason !== undefined,
      )
      .filter((event) => !/cancelled/i.test(event.ResourceStatusReason ?? ""))
      .map((event) => `${event.LogicalResourceId}: ${event.ResourceStatusReason}`)
      .reverse()
      .slice(0, 3);
  }

  return {
    stack,
    settled: (name) => settled(name),
    resources,
    remove,
    async deploy(name, template, parameters) {
      const found = await settled(name);
      const request = {
        StackName: name,
        TemplateBody: template,
        Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
          ParameterKey,
          ParameterValue,
        })),
        Capabilities: ["CAPABILITY_IAM" as const],
      };
      const started = clock.now();
      try {
        await client().send(
          found === undefined ? new CreateStackCommand(request) : new UpdateStackCommand(request),
        );
      } catch (error) {
        if (/No updates are to be performed/.test(messageOf(error))) return false;
        if (awsCode(error) === "LimitExceededException") throw stackLimit(name, error);
        throw awsError(error, `${found === undefined ? "create" : "update"} the stack ${name}`);
      }
      const done = await settled(name);
      if (done?.status !== (found === undefined ? "CREATE_COMPLETE" : "UPDATE_COMPLETE")) {
        throw await failure(name, `could not be made (${done?.status ?? "it is gone"})`, started);
      }
      return true;
    },
    async names(prefix) {
      const found: string[] = [];
      let NextToken: string | undefined;
      do {
        const page = await client()
          .send(new ListStacksCommand({ StackStatusFilter: EXISTING, ...(NextToken && { NextToken }) }))
          .catch((error: unknown) => {
            throw awsError(error, "list the stacks");
          });
        for (const one of page.StackSummaries ?? []) {
          if (one.StackName?.startsWith(prefix)) found.push(one.StackName);
        }
        NextToken = page.NextToken;
      } while (NextToken !== undefined);
      return found.sort();
    },
  };
}
