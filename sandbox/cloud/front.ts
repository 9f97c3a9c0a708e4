import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../../core/errors.ts";
import type { Faults } from "./faults.ts";
import type { Decision } from "./iam/evaluate.ts";
import { refusal } from "./iam/refusal.ts";
import { elsewhere } from "./other-regions.ts";
import type { RequestLogEntry } from "./ports.ts";
import type { Principal, Principals } from "./principals.ts";
import type { Call, Handlers, Question } from "./service.ts";
import type { Answer } from "./wire/answer.ts";
import { AwsError, Dropped, errorAnswer } from "./wire/error.ts";
import { understand, type AwsRequest } from "./wire/request.ts";
import { verifies } from "./wire/signature.ts";
import { flag } from "./wire/parameters.ts";

/** Beyond this many the oldest requests are forgotten. */
const LOG_LENGTH = 50_000;

export type Front = { port: number; requests(): RequestLogEntry[]; stop(): Promise<void> };

export type FrontWorld = {
  address: string;
  port: number;
  principals: Principals;
  faults: Faults;
  /** Whether too many requests of the kind came before. */
  limited: (service: string, action: string) => boolean;
  /** By service; an action that is not here is forwarded. */
  handlers: Record<string, Handlers>;
  questions: (request: AwsRequest) => Promise<Question[]>;
  decide: (principal: Principal, question: Question, request: AwsRequest) => Promise<Decision>;
  forward: (call: Call) => Promise<Answer>;
  now: () => number;
  log: (line: string) => void;
};

/** The AWS endpoint: who calls what, whether it may, what goes wrong on purpose, who answers. */
export async function startFront(world: FrontWorld): Promise<Front> {
  const entries: RequestLogEntry[] = [];
  const server: Server = createServer({ maxHeaderSize: 65536 }, (incoming, outgoing) => {
    serve(incoming, outgoing).catch((error: unknown) => {
      if (!(error instanceof Dropped)) world.log(`${incoming.url ?? ""}: ${messageOf(error)}`);
      incoming.socket.destroy();
    });
  });
  server.requestTimeout = 0;

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const request = understand(await read(incoming));
    const entry: RequestLogEntry = {
      time: world.now(),
      principal: "anonymous",
      service: request.service,
      action: request.action,
      resource: "",
      decision: "none",
      status: 0,
    };
    entries.push(entry);
    if (entries.length > LOG_LENGTH) entries.shift();
    const answer = await answerOf(request, entry);
    entry.status = answer.status;
    await write(outgoing, request, answer);
  }

  async function answerOf(request: AwsRequest, entry: RequestLogEntry): Promise<Answer> {
    try {
      return await act(request, entry);
    } catch (error) {
      if (error instanceof Dropped) throw error;
      const known = error instanceof AwsError ? error : unforeseen(error);
      if (!(error instanceof AwsError)) world.log(`${request.service}:${request.action}: ${stackOf(error)}`);
      entry.error = known.code;
      return errorAnswer(request.protocol, known, request.url.pathname);
    }
  }

  async function act(request: AwsRequest, entry: RequestLogEntry): Promise<Answer> {
    const principal = authenticate(request, world.principals);
    entry.principal = principal.callerArn;
    if (principal.via !== undefined) entry.via = principal.via;
    const target = {
      service: request.service,
      action: request.action,
      principal: principal.via ?? principal.callerArn,
    };
    const before = world.faults.strike(["error", "throttle", "timeout"], target);
    if (before !== undefined) {
      entry.fault = before.id ?? "";
      if (before.kind === "timeout") {
        await sleep(before.seconds * 1000, undefined, { ref: false });
        throw new Dropped("the request timed out");
      }
      if (before.kind === "throttle") throw throttled(request.service);
      throw new AwsError(before.code, before.message ?? "An injected fault", before.status ?? 500);
    }
    if (world.limited(request.service, request.action)) throw throttled(request.service);
    const call: Call = {
      request,
      principal,
      decide: (question) => world.decide(principal, question, request),
      async authorize(questions) {
        for (const question of questions) {
          const decision = await world.decide(principal, question, request);
          note(entry, question, decision);
          if (decision.outcome !== "allow") throw refusal(request.service, principal, question, decision);
        }
      },
    };
    const other = elsewhere(request);
    if (other !== undefined) return other;
    const questions = await world.questions(request);
    entry.resource = questions[0]?.resource ?? "*";
    if (questions.length === 0) entry.decision = "allow";
    await call.authorize(questions);
    if (request.protocol === "ec2" && questions.length > 0 && flag(request.parameters["DryRun"]))
      throw new AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412);
    const own = world.handlers[request.service]?.[request.action];
    const answer = await (own === undefined ? world.forward(call) : own(call));
    const lost = world.faults.strike(["lost-answer"], target);
    if (lost === undefined) return answer;
    entry.fault = lost.id ?? "";
    await sleep((lost.seconds ?? 0) * 1000, undefined, { ref: false });
    throw new Dropped("the answer was lost");
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(world.port, world.address, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : world.port,
    requests: () => entries.map((entry) => ({ ...entry })),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function note(entry: RequestLogEntry, question: Question, decision: Decision): void {
  entry.resource = question.resource;
  entry.decision =
    decision.outcome === "allow" ? "allow" : decision.outcome === "explicit-deny" ? "explicit-deny" : "deny";
  if (decision.sid === undefined) delete entry.sid;
  else entry.sid = decision.sid;
}

/** Each service refuses an unknown, a stale or a wrongly used key in its own words. */
function authenticate(request: AwsRequest, principals: Principals): Principal {
  const { service, signature, protocol } = request;
  if (signature === undefined)
    throw protocol === "s3"
      ? new AwsError("AccessDenied", "Access Denied", 403)
      : new AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403);
  const found = principals.find(signature.accessKeyId, signature.sessionToken);
  if (found.kind === "found") {
    checkPayload(request);
    if (verifies({ ...request, rawPath: rawPath(request) }, signature, found.secretAccessKey))
      return found.principal;
    throw new AwsError(
      service === "ec2"
        ? "AuthFailure"
        : protocol === "json"
          ? "InvalidSignatureException"
          : "SignatureDoesNotMatch",
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
      403,
    );
  }
  if (found.kind === "expired") {
    const message = "The security token included in the request is expired";
    if (protocol === "ec2") throw new AwsError("RequestExpired", "Request has expired.", 400);
    if (protocol === "s3") throw new AwsError("ExpiredToken", "The provided token has expired.", 400);
    throw protocol === "query"
      ? new AwsError("ExpiredToken", message, 403)
      : new AwsError("ExpiredTokenException", message, protocol === "json" ? 400 : 403);
  }
  const invalid = "The security token included in the request is invalid.";
  if (protocol === "ec2")
    throw new AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401);
  if (protocol === "s3")
    throw found.kind === "unknown"
      ? new AwsError(
          "InvalidAccessKeyId",
          "The AWS Access Key Id you provided does not exist in our records.",
          403,
        )
      : new AwsError("InvalidToken", "The provided token is malformed or otherwise invalid.", 400);
  throw protocol === "query"
    ? new AwsError("InvalidClientTokenId", invalid, 403)
    : new AwsError("UnrecognizedClientException", invalid, protocol === "json" ? 400 : 403);
}

function checkPayload(request: AwsRequest): void {
  const claimed = request.headers["x-amz-content-sha256"];
  if (typeof claimed !== "string" || !/^[0-9a-f]{64}$/.test(claimed)) return;
  if (createHash("sha256").update(request.body).digest("hex") !== claimed)
    throw new AwsError(
      "XAmzContentSHA256Mismatch",
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
}

function throttled(service: string): AwsError {
  if (service === "ec2") return new AwsError("RequestLimitExceeded", "Request limit exceeded.", 503);
  if (service === "s3") return new AwsError("SlowDown", "Please reduce your request rate.", 503);
  return new AwsError("ThrottlingException", "Rate exceeded", 400);
}

/** An error of the emulator's passes on under its own name; anything else is a bug of the sandbox. */
function unforeseen(error: unknown): AwsError {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  if (error instanceof Error && status !== undefined && status < 500)
    return new AwsError(error.name, error.message, status);
  return new AwsError("InternalError", `the sandbox failed: ${messageOf(error)}`, 500);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function rawPath(request: AwsRequest): string {
  return request.target.split("?")[0] ?? "/";
}

async function read(incoming: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const target = incoming.url ?? "/";
  return {
    method: incoming.method ?? "GET",
    target,
    url: new URL(target.startsWith("/") ? `http://endpoint${target}` : target),
    headers: incoming.headers,
    body: Buffer.concat(chunks),
  };
}

async function write(outgoing: ServerResponse, request: AwsRequest, answer: Answer): Promise<void> {
  const headers = { ...answer.headers };
  if (request.protocol === "s3") headers["x-amz-request-id"] ??= randomUUID();
  outgoing.writeHead(answer.status, headers);
  if (typeof answer.body === "string" || Buffer.isBuffer(answer.body)) {
    outgoing.end(request.method === "HEAD" ? undefined : answer.body);
    return;
  }
  const { body } = answer;
  await new Promise<void>((resolve, reject) => {
    body.on("error", reject);
    outgoing.on("close", resolve);
    body.pipe(outgoing);
  });
}
