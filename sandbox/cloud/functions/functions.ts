import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import { messageOf } from "../../../core/errors.ts";
import { matches } from "../iam/wildcard.ts";
import type { Credentials } from "../ports.ts";
import type { Principals } from "../principals.ts";
import { ACCOUNT, REGION, type Handlers } from "../service.ts";
import { roleSession } from "../sts.ts";
import { jsonAnswer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { functionName } from "../wire/lambda-operation.ts";
import { record, text, type Parameters } from "../wire/parameters.ts";
import { killRunning, run, type Outcome } from "./run.ts";
import { unzip } from "./zip.ts";

type LambdaFunction = {
  name: string;
  configuration: Parameters;
  code: { directory: string; sha256: string; size: number };
  modified: number;
  permissions: Map<string, { principal: string; sourceArn: string | undefined; action: string }>;
  /** EventInvokeConfig of $LATEST. */
  asynchronous: Parameters | undefined;
};

export type Functions = ReturnType<typeof functions>;

const PROJECT_MODULES = fileURLToPath(new URL("../../../node_modules", import.meta.url));
const SESSION_SECONDS = 3600;
/** Waits of Lambda before the first and the second repetition of an asynchronous invocation. */
const RETRY_SECONDS = [60, 120];

/** Functions run as the real code, in processes of their own, with their role's credentials. */
export function functions(world: {
  directory: string;
  endpoint: () => string;
  principals: Principals;
  iam: IAMClient;
  now: () => number;
  log: (line: string) => void;
  /** Takes what a run printed to its log group, with the function's own credentials. */
  deliver: (group: string, stream: string, lines: readonly string[], as: Credentials) => Promise<void>;
}) {
  const all = new Map<string, LambdaFunction>();
  const retries = new Set<NodeJS.Timeout>();

  function find(parameters: Parameters): LambdaFunction {
    const name = functionName(text(parameters["FunctionName"]) ?? "");
    const found = all.get(name);
    if (found === undefined)
      throw new AwsError("ResourceNotFoundException", `Function not found: ${arnOf(name)}`, 404);
    return found;
  }

  function unpack(name: string, zipFile: string | undefined): LambdaFunction["code"] {
    if (zipFile === undefined)
      throw new AwsError("InvalidParameterValueException", "The sandbox takes code as ZipFile only");
    const archive = Buffer.from(zipFile, "base64");
    const directory = join(world.directory, "functions", `${name}-${randomUUID()}`);
    mkdirSync(directory, { recursive: true });
    try {
      unzip(archive, directory);
    } catch (error) {
      rmSync(directory, { recursive: true });
      throw new AwsError(
        "InvalidParameterValueException",
        `Could not unzip uploaded file: ${messageOf(error)}`,
      );
    }
    symlinkSync(PROJECT_MODULES, join(directory, "node_modules"));
    return { directory, sha256: createHash("sha256").update(archive).digest("base64"), size: archive.length };
  }

  async function session(fn: LambdaFunction): Promise<Required<Credentials>> {
    const arn = text(fn.configuration["Role"]) ?? "";
    const { Role } = await world.iam.send(
      new GetRoleCommand({ RoleName: arn.slice(arn.lastIndexOf("/") + 1) }),
    );
    return world.principals.issue(
      roleSession(Role?.RoleName ?? "", Role?.Arn ?? arn, Role?.RoleId ?? "", fn.name),
      world.now() + SESSION_SECONDS,
    );
  }

  async function invoke(fn: LambdaFunction, event: string): Promise<Outcome> {
    const credentials = await session(fn);
    const logging = record(fn.configuration["LoggingConfig"]);
    const group = text(logging["LogGroup"]) ?? `/aws/lambda/${fn.name}`;
    const outcome = await run({
      functionName: fn.name,
      directory: fn.code.directory,
      handler: text(fn.configuration["Handler"]) ?? "index.handler",
      timeoutSeconds: Number(text(fn.configuration["Timeout"]) ?? "3"),
      memory: Number(text(fn.configuration["MemorySize"]) ?? "128"),
      environment: {
        ...(record(record(fn.configuration["Environment"])["Variables"]) as Record<string, string>),
        AWS_REGION: REGION,
        AWS_DEFAULT_REGION: REGION,
        AWS_ENDPOINT_URL: world.endpoint(),
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_SESSION_TOKEN: credentials.sessionToken,
      },
      event,
    });
    const failure = outcome.error === undefined ? [] : [`${outcome.requestId}\tERROR\t${outcome.payload}`];
    const lines = [
      `START RequestId: ${outcome.requestId} Version: $LATEST`,
      ...outcome.lines,
      ...failure,
      `END RequestId: ${outcome.requestId}`,
      `REPORT RequestId: ${outcome.requestId}\tDuration: ${(outcome.seconds * 1000).toFixed(2)} ms`,
    ];
    const day = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
    await world
      .deliver(group, `${day}/[$LATEST]${outcome.requestId.replaceAll("-", "")}`, lines, credentials)
      .catch((error: unknown) => world.log(`log of ${fn.name} was not delivered: ${messageOf(error)}`));
    return outcome;
  }

  /** As Lambda's queue does it: a failed run is repeated as often as the function's configuration says. */
  async function invokeAsynchronously(fn: LambdaFunction, event: string, attempt: number): Promise<void> {
    const outcome = await invoke(fn, event);
    if (outcome.error === undefined) return;
    world.log(`function ${fn.name} failed: ${outcome.payload}`);
    const most = Number(text(fn.asynchronous?.["MaximumRetryAttempts"]) ?? "2");
    const wait = RETRY_SECONDS[attempt];
    if (attempt >= most || wait === undefined) return;
    const timer = setTimeout(() => {
      retries.delete(timer);
      if (all.get(fn.name) === fn) invokeLater(fn, event, attempt + 1);
    }, wait * 1000);
    retries.add(timer);
  }

  function invokeLater(fn: LambdaFunction, event: string, attempt = 0): void {
    invokeAsynchronously(fn, event, attempt).catch((error: unknown) =>
      world.log(`function ${fn.name} could not run: ${messageOf(error)}`),
    );
  }

  const handlers: Handlers = {
    async CreateFunction({ request }) {
      const { Code, ...configuration } = request.parameters;
      const name = functionName(text(configuration["FunctionName"]) ?? "");
      if (!/^[a-zA-Z0-9-_]{1,64}$/.test(name))
        throw new AwsError("ValidationException", `'${name}' is not a function name`);
      if (all.has(name))
        throw new AwsError("ResourceConflictException", `Function already exist: ${name}`, 409);
      const role = text(configuration["Role"]) ?? "";
      await world.iam
        .send(new GetRoleCommand({ RoleName: role.slice(role.lastIndexOf("/") + 1) }))
        .catch(() => {
          throw new AwsError(
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
          );
        });
      const made: LambdaFunction = {
        name,
        configuration,
        code: unpack(name, text(record(Code)["ZipFile"])),
        modified: world.now(),
        permissions: new Map(),
        asynchronous: undefined,
      };
      all.set(name, made);
      return jsonAnswer(configurationOf(made), 201);
    },
    async GetFunction({ request }) {
      const found = find(request.parameters);
      return jsonAnswer({
        Configuration: configurationOf(found),
        Code: { RepositoryType: "S3" },
        Tags: record(found.configuration["Tags"]),
      });
    },
    async GetFunctionConfiguration({ request }) {
      return jsonAnswer(configurationOf(find(request.parameters)));
    },
    async ListFunctions() {
      return jsonAnswer({ Functions: [...all.values()].map(configurationOf) });
    },
    async ListTags({ request }) {
      const name = functionName(decodeURIComponent(request.url.pathname));
      return jsonAnswer({ Tags: record(find({ FunctionName: name }).configuration["Tags"]) });
    },
    async UpdateFunctionCode({ request }) {
      const found = find(request.parameters);
      const old = found.code.directory;
      found.code = unpack(found.name, text(request.parameters["ZipFile"]));
      found.modified = world.now();
      rmSync(old, { recursive: true, force: true });
      return jsonAnswer(configurationOf(found));
    },
    async UpdateFunctionConfiguration({ request }) {
      const found = find(request.parameters);
      found.configuration = { ...found.configuration, ...request.parameters, FunctionName: found.name };
      found.modified = world.now();
      return jsonAnswer(configurationOf(found));
    },
    async DeleteFunction({ request }) {
      const found = find(request.parameters);
      all.delete(found.name);
      rmSync(found.code.directory, { recursive: true, force: true });
      return jsonAnswer(undefined, 204);
    },
    async AddPermission({ request }) {
      const { parameters } = request;
      const found = find(parameters);
      const id = text(parameters["StatementId"]) ?? "";
      if (found.permissions.has(id))
        throw new AwsError(
          "ResourceConflictException",
          `The statement id (${id}) provided already exists.`,
          409,
        );
      found.permissions.set(id, {
        principal: text(parameters["Principal"]) ?? "",
        sourceArn: text(parameters["SourceArn"]),
        action: text(parameters["Action"]) ?? "",
      });
      return jsonAnswer({ Statement: JSON.stringify(statements(found).at(-1)) }, 201);
    },
    async RemovePermission({ request }) {
      const found = find(request.parameters);
      if (!found.permissions.delete(text(request.parameters["StatementId"]) ?? ""))
        throw new AwsError(
          "ResourceNotFoundException",
          "No policy is associated with the given resource.",
          404,
        );
      return jsonAnswer(undefined, 204);
    },
    async GetPolicy({ request }) {
      const found = find(request.parameters);
      if (found.permissions.size === 0)
        throw new AwsError("ResourceNotFoundException", "The resource you requested does not exist.", 404);
      return jsonAnswer({
        Policy: JSON.stringify({ Version: "2012-10-17", Id: "default", Statement: statements(found) }),
      });
    },
    async PutFunctionEventInvokeConfig({ request }) {
      const found = find(request.parameters);
      const { FunctionName: _, ...asynchronous } = request.parameters;
      found.asynchronous = asynchronous;
      return jsonAnswer({ ...asynchronous, FunctionArn: `${arnOf(found.name)}:$LATEST` });
    },
    async GetFunctionEventInvokeConfig({ request }) {
      const found = find(request.parameters);
      if (found.asynchronous === undefined)
        throw new AwsError("ResourceNotFoundException", "The function has no EventInvokeConfig", 404);
      return jsonAnswer({ ...found.asynchronous, FunctionArn: `${arnOf(found.name)}:$LATEST` });
    },
    async DeleteFunctionEventInvokeConfig({ request }) {
      find(request.parameters).asynchronous = undefined;
      return jsonAnswer(undefined, 204);
    },
    async Invoke({ request }) {
      const found = find(request.parameters);
      const event = request.body.length === 0 ? "{}" : request.body.toString("utf8");
      try {
        JSON.parse(event);
      } catch {
        throw new AwsError("InvalidRequestContentException", "Could not parse request body into json");
      }
      const type = request.headers["x-amz-invocation-type"] ?? "RequestResponse";
      if (type === "DryRun") return jsonAnswer(undefined, 204);
      if (type === "Event") {
        invokeLater(found, event);
        return jsonAnswer(undefined, 202);
      }
      const outcome = await invoke(found, event);
      return {
        status: 200,
        headers: {
          "content-type": "application/json",
          "x-amz-executed-version": "$LATEST",
          ...(outcome.error === undefined ? {} : { "x-amz-function-error": outcome.error }),
          ...(request.headers["x-amz-log-type"] === "Tail"
            ? { "x-amz-log-result": tail(outcome.lines) }
            : {}),
        },
        body: outcome.payload,
      };
    },
  };

  return {
    handlers,
    /** As the schedule calls: only when the function lets this rule call it; otherwise nothing happens, silently. */
    trigger(functionArn: string, ruleArn: string, event: unknown): boolean {
      const found = all.get(functionName(functionArn));
      if (found === undefined) return false;
      const allowed = [...found.permissions.values()].some(
        (p) =>
          p.principal === "events.amazonaws.com" &&
          (p.sourceArn === undefined || matches(p.sourceArn, ruleArn)),
      );
      if (allowed) invokeLater(found, JSON.stringify(event));
      return allowed;
    },
    invoke: async (name: string, event: unknown): Promise<Outcome> =>
      invoke(find({ FunctionName: name }), JSON.stringify(event)),
    stop(): void {
      for (const timer of retries) clearTimeout(timer);
      killRunning();
    },
  };
}

/** The last 4 KB of what a run printed, as Lambda gives them to a caller. */
function tail(lines: readonly string[]): string {
  return Buffer.from(`${lines.join("\n")}\n`)
    .subarray(-4096)
    .toString("base64");
}

function arnOf(name: string): string {
  return `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;
}

function configurationOf(fn: LambdaFunction): Record<string, unknown> {
  const { Tags: _, Publish: _publish, ...configuration } = fn.configuration;
  return {
    MemorySize: 128,
    Timeout: 3,
    Architectures: ["x86_64"],
    ...configuration,
    FunctionArn: arnOf(fn.name),
    FunctionName: fn.name,
    CodeSha256: fn.code.sha256,
    CodeSize: fn.code.size,
    LastModified: new Date(fn.modified * 1000).toISOString().replace("Z", "+0000"),
    Version: "$LATEST",
    State: "Active",
    LastUpdateStatus: "Successful",
    PackageType: "Zip",
  };
}

function statements(fn: LambdaFunction): unknown[] {
  return [...fn.permissions].map(([Sid, p]) => ({
    Sid,
    Effect: "Allow",
    Principal: p.principal.includes(".") ? { Service: p.principal } : { AWS: p.principal },
    Action: p.action,
    Resource: arnOf(fn.name),
    ...(p.sourceArn === undefined ? {} : { Condition: { ArnLike: { "AWS:SourceArn": p.sourceArn } } }),
  }));
}
