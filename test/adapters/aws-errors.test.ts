import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { EC2Client, DescribeInstancesCommand } from "@aws-sdk/client-ec2";
import { awsError, isAbsent, isAmbiguous, isMissingCredentials, kindOf } from "../../adapters/aws-errors.ts";
import { awsClient } from "../../adapters/aws-client.ts";
import { UpdraftError } from "../../core/errors.ts";

const sdkError = (name: string, status: number | undefined, message = "m"): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });

test("codes are told apart by what a person must do", () => {
  assert.equal(kindOf("UnauthorizedOperation"), "denied");
  assert.equal(kindOf("ExpiredToken"), "denied");
  assert.equal(kindOf("InsufficientInstanceCapacity"), "capacity");
  assert.equal(kindOf("InvalidSubnetID.NotFound"), "config");
  assert.equal(kindOf("RequestLimitExceeded"), "failed");
  assert.equal(kindOf("SomethingNew"), "failed");
});

test("an error says what could not be done, the code, and what to do next", () => {
  for (const [error, kind, remedy] of [
    [sdkError("AccessDenied", 403), "denied", /get-caller-identity/],
    [sdkError("VcpuLimitExceeded", 400), "capacity", /other zones/],
    [sdkError("InvalidAMIID.NotFound", 400), "config", /knob/],
    [sdkError("RequestLimitExceeded", 503), "failed", /limits the rate/],
    [sdkError("InternalError", 500), "failed", /same command again/],
  ] as const) {
    const made = awsError(error, "do it");
    assert.equal(made.kind, kind);
    assert.equal(made.message, `could not do it: ${error.name}: m`);
    assert.match(made.remedy, remedy);
  }
  const own = new UpdraftError("config", "m", "r");
  assert.equal(awsError(own, "do it"), own);
});

test("only an outcome that nobody knows is ambiguous", () => {
  for (const error of [
    sdkError("TimeoutError", undefined),
    sdkError("InternalError", 500),
    sdkError("ServiceUnavailable", 503),
    Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }),
  ]) {
    assert.ok(isAmbiguous(error), error.name);
  }
  for (const error of [
    sdkError("UnauthorizedOperation", 403),
    sdkError("RequestLimitExceeded", 503),
    Object.assign(new Error("refused"), { code: "ECONNREFUSED" }),
    Object.assign(new Error("dns"), { name: "X", cause: { code: "ENOTFOUND" } }),
    sdkError("CredentialsProviderError", undefined, "Could not load credentials from any providers"),
    new TypeError("bug"),
  ]) {
    assert.ok(!isAmbiguous(error), error.name);
  }
});

test("an object that is not there is no failure", () => {
  assert.ok(isAbsent(sdkError("NoSuchKey", 404)));
  assert.ok(isAbsent(sdkError("NotFound", 404)));
  assert.ok(!isAbsent(sdkError("AccessDenied", 403)));
  assert.ok(!isAbsent(undefined));
});

test("without credentials the SDK's own error is recognised", async () => {
  const client = new EC2Client({
    region: "us-east-1",
    credentials: async () => {
      throw Object.assign(new Error("Could not load credentials from any providers"), {
        name: "CredentialsProviderError",
      });
    },
  });
  const error = await client.send(new DescribeInstancesCommand({})).catch((error: unknown) => error);
  assert.ok(isMissingCredentials(error));
  assert.equal(awsError(error, "list").kind, "denied");
  assert.match(awsError(error, "list").message, /there are no AWS credentials/);
});

test("a connection that is cut is ambiguous, and one that is refused is not", async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const send = async (): Promise<unknown> => {
    process.env["AWS_ENDPOINT_URL_EC2"] = `http://127.0.0.1:${port}`;
    process.env["AWS_ACCESS_KEY_ID"] = "a";
    process.env["AWS_SECRET_ACCESS_KEY"] = "b";
    const client = awsClient(EC2Client, "us-east-1", { maxAttempts: 1 });
    return client.send(new DescribeInstancesCommand({})).catch((error: unknown) => error);
  };
  assert.ok(isAmbiguous(await send()));
  server.close();
  await once(server, "close");
  const refused = await send();
  assert.ok(!isAmbiguous(refused));
  assert.match(awsError(refused, "list").remedy, /network/);
});
