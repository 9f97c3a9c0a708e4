import {
  AddPermissionCommand,
  CreateFunctionCommand,
  DeleteFunctionCommand,
  DeleteFunctionEventInvokeConfigCommand,
  PutFunctionEventInvokeConfigCommand,
  RemovePermissionCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  type Architecture,
  type LambdaClient,
  type LoggingConfig,
  type Runtime,
} from "@aws-sdk/client-lambda";
import { zipOf } from "../../functions/zip.ts";
import { ACCOUNT, REGION } from "../../service.ts";
import {
  generatedName,
  number,
  record,
  string,
  strings,
  tagList,
  unlessGone,
  type Made,
  type Properties,
  type Provider,
} from "../provider.ts";

function settings(properties: Properties) {
  const variables = record(record(properties["Environment"])["Variables"]);
  return {
    Runtime: string(properties["Runtime"]) as Runtime,
    Handler: string(properties["Handler"]),
    Role: string(properties["Role"]) ?? "",
    Description: string(properties["Description"]),
    MemorySize: number(properties["MemorySize"]),
    Timeout: number(properties["Timeout"]),
    LoggingConfig: record(properties["LoggingConfig"]) as LoggingConfig,
    Environment: {
      Variables: Object.fromEntries(
        Object.entries(variables).map(([name, value]) => [name, string(value) ?? ""]),
      ),
    },
  };
}

/** Inline code becomes index.js, as CloudFormation says. */
function archive(properties: Properties): Buffer {
  return zipOf("index.js", Buffer.from(string(record(properties["Code"])["ZipFile"]) ?? ""));
}

function functionMade(name: string): Made {
  return { physicalId: name, attributes: { Arn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}` } };
}

const lambdaFunction: Provider = {
  properties: [
    "FunctionName",
    "Runtime",
    "Handler",
    "Role",
    "Description",
    "Architectures",
    "MemorySize",
    "Timeout",
    "LoggingConfig",
    "Environment",
    "Code",
    "Tags",
  ],
  async create(properties, making) {
    const FunctionName = string(properties["FunctionName"]) ?? generatedName(making, 64);
    await making.clients.lambda.send(
      new CreateFunctionCommand({
        FunctionName,
        ...settings(properties),
        Architectures: strings(properties["Architectures"]) as Architecture[],
        Code: { ZipFile: archive(properties) },
        Tags: Object.fromEntries(tagList(properties["Tags"]).map((tag) => [tag.Key, tag.Value])),
      }),
    );
    return functionMade(FunctionName);
  },
  async update(FunctionName, properties, { clients: { lambda } }) {
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, ...settings(properties) }));
    await lambda.send(new UpdateFunctionCodeCommand({ FunctionName, ZipFile: archive(properties) }));
    return functionMade(FunctionName);
  },
  async delete(FunctionName, _, { clients: { lambda } }) {
    await unlessGone(lambda.send(new DeleteFunctionCommand({ FunctionName })));
  },
};

const permission: Provider = {
  properties: ["FunctionName", "Action", "Principal", "SourceArn", "SourceAccount"],
  async create(properties, making) {
    const StatementId = generatedName(making, 100);
    await making.clients.lambda.send(
      new AddPermissionCommand({
        FunctionName: string(properties["FunctionName"]),
        StatementId,
        Action: string(properties["Action"]),
        Principal: string(properties["Principal"]),
        SourceArn: string(properties["SourceArn"]),
        SourceAccount: string(properties["SourceAccount"]),
      }),
    );
    return { physicalId: StatementId };
  },
  async delete(StatementId, properties, { clients: { lambda } }) {
    const FunctionName = string(properties["FunctionName"]);
    await unlessGone(lambda.send(new RemovePermissionCommand({ FunctionName, StatementId })));
  },
};

async function putInvokeConfig(lambda: LambdaClient, properties: Properties): Promise<Made> {
  const FunctionName = string(properties["FunctionName"]) ?? "";
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName,
      Qualifier: string(properties["Qualifier"]),
      MaximumRetryAttempts: number(properties["MaximumRetryAttempts"]),
      MaximumEventAgeInSeconds: number(properties["MaximumEventAgeInSeconds"]),
    }),
  );
  return { physicalId: `${FunctionName}|${string(properties["Qualifier"]) ?? ""}` };
}

const eventInvokeConfig: Provider = {
  properties: ["FunctionName", "Qualifier", "MaximumRetryAttempts", "MaximumEventAgeInSeconds"],
  create: (properties, { clients }) => putInvokeConfig(clients.lambda, properties),
  update: (_, properties, { clients }) => putInvokeConfig(clients.lambda, properties),
  async delete(_, properties, { clients: { lambda } }) {
    const FunctionName = string(properties["FunctionName"]);
    const Qualifier = string(properties["Qualifier"]);
    await unlessGone(lambda.send(new DeleteFunctionEventInvokeConfigCommand({ FunctionName, Qualifier })));
  },
};

export const LAMBDA_PROVIDERS: Record<string, Provider> = {
  "AWS::Lambda::Function": lambdaFunction,
  "AWS::Lambda::Permission": permission,
  "AWS::Lambda::EventInvokeConfig": eventInvokeConfig,
};
