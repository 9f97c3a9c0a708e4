import { randomUUID } from "node:crypto";
import { UpdraftError } from "../../../core/errors.ts";
import type { Clients } from "../clients.ts";
import type { Principal } from "../principals.ts";
import { ACCOUNT, REGION, type Handlers } from "../service.ts";
import { queryAnswer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { flag, list, record, tagsOf, text, texts, type Parameters } from "../wire/parameters.ts";
import { members, type Xml } from "../wire/xml.ts";
import { EC2_PROVIDERS } from "./providers/ec2.ts";
import { IAM_PROVIDERS } from "./providers/iam.ts";
import { LAMBDA_PROVIDERS } from "./providers/lambda.ts";
import { MONITORING_PROVIDERS } from "./providers/monitoring.ts";
import { S3_PROVIDERS } from "./providers/s3.ts";
import { stackWorker, type Stack } from "./stack.ts";
import { parameterValues, readTemplate, requiredCapability, type Template } from "./template.ts";

const PROVIDERS = {
  ...EC2_PROVIDERS,
  ...IAM_PROVIDERS,
  ...LAMBDA_PROVIDERS,
  ...MONITORING_PROVIDERS,
  ...S3_PROVIDERS,
};

/** Stacks as CloudFormation makes them, asynchronously; the emulator would skip what it does not know, silently. */
export function cloudFormation(world: { clients: (caller: Principal) => Clients; now: () => number }): {
  handlers: Handlers;
  names(): string[];
} {
  const { now } = world;
  const stacks = new Map<string, Stack>();
  const worker = stackWorker({ providers: PROVIDERS, clients: world.clients, now });

  function find(nameOrId: string | undefined): Stack {
    const byId = stacks.get(nameOrId ?? "");
    const found = byId ?? [...stacks.values()].find((s) => s.name === nameOrId && s.deleted === undefined);
    if (found === undefined) throw invalid(`Stack with id ${nameOrId ?? ""} does not exist`);
    return found;
  }

  function capable(template: Template, parameters: Parameters): void {
    const needed = requiredCapability(template);
    const given = texts(parameters["Capabilities"]);
    if (needed !== undefined && !given.includes(needed) && !given.includes("CAPABILITY_NAMED_IAM"))
      throw new AwsError("InsufficientCapabilitiesException", `Requires capabilities : [${needed}]`);
  }

  function given(parameters: Parameters, previous: Record<string, string>): Record<string, string> {
    return Object.fromEntries(
      list(parameters["Parameters"])
        .map(record)
        .map((p) => {
          const key = text(p["ParameterKey"]) ?? "";
          const value = flag(p["UsePreviousValue"]) ? previous[key] : text(p["ParameterValue"]);
          return [key, value ?? ""];
        }),
    );
  }

  function read(parameters: Parameters): { body: string; template: Template } {
    const body = text(parameters["TemplateBody"]);
    if (body === undefined) throw invalid("The sandbox takes templates as TemplateBody only");
    return { body, template: checked(() => readTemplate(body)) };
  }

  const handlers: Handlers = {
    async CreateStack({ request, principal }) {
      const { parameters } = request;
      const name = text(parameters["StackName"]) ?? "";
      if (!/^[a-zA-Z][-a-zA-Z0-9]{0,127}$/.test(name)) throw invalid(`'${name}' is not a stack name`);
      if ([...stacks.values()].some((s) => s.name === name && s.deleted === undefined))
        throw new AwsError("AlreadyExistsException", `Stack [${name}] already exists`);
      const { body, template } = read(parameters);
      const values = given(parameters, {});
      checked(() => parameterValues(template, values));
      capable(template, parameters);
      const stackId = `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${name}/${randomUUID()}`;
      const stack: Stack = {
        stackId,
        name,
        caller: principal,
        status: "",
        reason: undefined,
        created: now(),
        updated: undefined,
        deleted: undefined,
        body,
        template,
        given: values,
        tags: tagsOf(parameters["Tags"]),
        capabilities: texts(parameters["Capabilities"]),
        outputs: [],
        resources: [],
        former: [],
        events: [],
      };
      stacks.set(stackId, stack);
      worker.enter(stack, "CREATE_IN_PROGRESS", "User Initiated");
      const onFailure = flag(parameters["DisableRollback"])
        ? "DO_NOTHING"
        : (text(parameters["OnFailure"]) ?? "ROLLBACK");
      void worker.create(stack, onFailure as "ROLLBACK");
      return queryAnswer("cloudformation", request.action, { StackId: stackId });
    },
    async UpdateStack({ request, principal }) {
      const { parameters } = request;
      const stack = find(text(parameters["StackName"]));
      if (!/^(CREATE|UPDATE|UPDATE_ROLLBACK|IMPORT)_COMPLETE$/.test(stack.status))
        throw invalid(`Stack:${stack.stackId} is in ${stack.status} state and can not be updated.`);
      const next = flag(parameters["UsePreviousTemplate"])
        ? { body: stack.body, template: stack.template }
        : read(parameters);
      const values = given(parameters, stack.given);
      const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
      const before = checked(() => parameterValues(stack.template, stack.given));
      if (
        same(next.template, stack.template) &&
        same(
          checked(() => parameterValues(next.template, values)),
          before,
        )
      )
        throw invalid("No updates are to be performed.");
      checked(() => parameterValues(next.template, values));
      capable(next.template, parameters);
      if (list(parameters["Tags"]).length > 0) stack.tags = tagsOf(parameters["Tags"]);
      stack.caller = principal;
      worker.enter(stack, "UPDATE_IN_PROGRESS", "User Initiated");
      void worker.update(stack, { ...next, given: values });
      return queryAnswer("cloudformation", request.action, { StackId: stack.stackId });
    },
    /** A stack that is not there is deleted already. */
    async DeleteStack({ request, principal }) {
      const name = text(request.parameters["StackName"]);
      const stack = [...stacks.values()].find(
        (s) => (s.name === name || s.stackId === name) && s.deleted === undefined,
      );
      if (stack !== undefined && stack.status !== "DELETE_IN_PROGRESS") {
        if (stack.status.endsWith("_IN_PROGRESS"))
          throw invalid(`Stack [${stack.name}] cannot be deleted while in status ${stack.status}`);
        const left = texts(request.parameters["RetainResources"]);
        if (left.length > 0 && stack.status !== "DELETE_FAILED")
          throw invalid(`RetainResources is for stacks in DELETE_FAILED alone, not in ${stack.status}`);
        stack.caller = principal;
        worker.enter(stack, "DELETE_IN_PROGRESS", "User Initiated");
        void worker.remove(stack, left);
      }
      return queryAnswer("cloudformation", request.action, {});
    },
    async DescribeStacks({ request }) {
      const name = text(request.parameters["StackName"]);
      const found =
        name === undefined ? [...stacks.values()].filter((s) => s.deleted === undefined) : [find(name)];
      return queryAnswer("cloudformation", request.action, { Stacks: members(found.map(stackXml)) });
    },
    async ListStacks({ request }) {
      const wanted = texts(request.parameters["StackStatusFilter"]);
      const found = [...stacks.values()].filter((s) => wanted.length === 0 || wanted.includes(s.status));
      return queryAnswer("cloudformation", request.action, {
        StackSummaries: members(found.map(summaryXml)),
      });
    },
    async DescribeStackEvents({ request }) {
      const stack = find(text(request.parameters["StackName"]));
      return queryAnswer("cloudformation", request.action, {
        StackEvents: members(
          [...stack.events].reverse().map((e) => ({
            StackId: stack.stackId,
            EventId: e.eventId,
            StackName: stack.name,
            LogicalResourceId: e.logicalId,
            PhysicalResourceId: e.physicalId,
            ResourceType: e.type,
            Timestamp: iso(e.time),
            ResourceStatus: e.status,
            ResourceStatusReason: e.reason,
          })),
        ),
      });
    },
    async ListStackResources({ request }) {
      const stack = find(text(request.parameters["StackName"]));
      return queryAnswer("cloudformation", request.action, {
        StackResourceSummaries: members(
          [...stack.resources, ...stack.former].map((r) => ({
            LogicalResourceId: r.logicalId,
            PhysicalResourceId: r.physicalId,
            ResourceType: r.type,
            LastUpdatedTimestamp: iso(r.updated),
            ResourceStatus: r.status,
            ResourceStatusReason: r.reason,
          })),
        ),
      });
    },
    async DescribeStackResources({ request }) {
      const stack = find(text(request.parameters["StackName"]));
      return queryAnswer("cloudformation", request.action, {
        StackResources: members(
          stack.resources.map((r) => ({
            StackName: stack.name,
            StackId: stack.stackId,
            LogicalResourceId: r.logicalId,
            PhysicalResourceId: r.physicalId,
            ResourceType: r.type,
            Timestamp: iso(r.updated),
            ResourceStatus: r.status,
            ResourceStatusReason: r.reason,
          })),
        ),
      });
    },
    async GetTemplate({ request }) {
      const stack = find(text(request.parameters["StackName"]));
      return queryAnswer("cloudformation", request.action, {
        TemplateBody: stack.body,
        StagesAvailable: members(["Original", "Processed"]),
      });
    },
    async ValidateTemplate({ request }) {
      const { template } = read(request.parameters);
      const needed = requiredCapability(template);
      return queryAnswer("cloudformation", request.action, {
        Parameters: members(
          Object.entries(template.Parameters ?? {}).map(([name, p]) => ({
            ParameterKey: name,
            DefaultValue: p.Default === undefined ? undefined : String(p.Default),
            NoEcho: p.NoEcho === true || p.NoEcho === "true",
            Description: p.Description,
          })),
        ),
        Description: template.Description,
        Capabilities: needed === undefined ? undefined : members([needed]),
      });
    },
  };

  return {
    handlers,
    /** Of stacks that exist. */
    names: () => [...stacks.values()].filter((s) => s.deleted === undefined).map((s) => s.name),
  };
}

function invalid(message: string): AwsError {
  return new AwsError("ValidationError", message);
}

function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UpdraftError ? invalid(error.message) : error;
  }
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function stackXml(stack: Stack): Xml {
  const hidden = (name: string): boolean => {
    const echo = stack.template.Parameters?.[name]?.NoEcho;
    return echo === true || echo === "true";
  };
  return {
    StackId: stack.stackId,
    StackName: stack.name,
    Description: stack.template.Description,
    Parameters: members(
      Object.entries(parameterValues(stack.template, stack.given)).map(([name, value]) => ({
        ParameterKey: name,
        ParameterValue: hidden(name) ? "****" : String(value),
      })),
    ),
    CreationTime: iso(stack.created),
    LastUpdatedTime: stack.updated === undefined ? undefined : iso(stack.updated),
    DeletionTime: stack.deleted === undefined ? undefined : iso(stack.deleted),
    StackStatus: stack.status,
    StackStatusReason: stack.reason,
    DisableRollback: false,
    Capabilities: members(stack.capabilities),
    Outputs: members(
      stack.outputs.map((o) => ({ OutputKey: o.key, OutputValue: o.value, Description: o.description })),
    ),
    Tags: members(Object.entries(stack.tags).map(([Key, Value]) => ({ Key, Value }))),
  };
}

function summaryXml(stack: Stack): Xml {
  return {
    StackId: stack.stackId,
    StackName: stack.name,
    TemplateDescription: stack.template.Description,
    CreationTime: iso(stack.created),
    DeletionTime: stack.deleted === undefined ? undefined : iso(stack.deleted),
    StackStatus: stack.status,
    StackStatusReason: stack.reason,
  };
}
