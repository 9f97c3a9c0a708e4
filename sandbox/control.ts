import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { type ErrorKind, EXIT_STATUS, messageOf, UpdraftError } from "../core/errors.ts";
import type {
  AuthorizationAnswer,
  AuthorizationEntry,
  CloudSettings,
  Credentials,
  Fault,
  InstanceView,
  Inventory,
  RequestLogEntry,
  SimulatedCall,
  TerminationEntry,
} from "./cloud/ports.ts";
import type { ExecOptions, ExecResult } from "./machine/exec.ts";

export type MachineView = {
  /** Instance id, or host name of an access point. */
  readonly name: string;
  readonly hostName: string;
  readonly address: string;
  /** Its init, as the sandbox numbers it. */
  readonly pid: number;
};

export type Status = {
  readonly endpoint: string;
  readonly region: string;
  readonly accountId: string;
  /** Access points first. */
  readonly machines: readonly MachineView[];
  readonly instances: readonly InstanceView[];
};

export type AccessPointRequest = { readonly domain: string; readonly localSlots?: number };

/** What a sandbox can be asked from outside, as one JSON object per call. */
export type Control = {
  status(): Status;
  exec(
    call: {
      machine: string;
      command: readonly string[];
      options: Omit<ExecOptions, "stdin">;
      stdinBase64: string;
    },
    signal?: AbortSignal,
  ): Promise<ExecResult>;
  powerCut(call: { machine: string }): Promise<void>;
  link(call: { machine: string; state: "up" | "down" }): Promise<void>;
  consoleOutput(call: { instanceId: string }): Promise<string>;
  addAccessPoint(call: AccessPointRequest): Promise<MachineView>;
  administrator(): Credentials;
  subnets(): Promise<{ subnetId: string; zone: string; vpcId: string }[]>;
  createUser(call: {
    name: string;
    policyArns: string[];
    documents?: Record<string, string>;
  }): Promise<Credentials>;
  removeUser(call: { name: string }): Promise<void>;
  interruptSpot(call: { instanceId: string; seconds: number }): void;
  recommendRebalance(call: { instanceId: string }): void;
  addFault(fault: Fault): string;
  removeFault(call: { id: string }): void;
  faults(): Fault[];
  requests(): RequestLogEntry[];
  authorizations(): AuthorizationEntry[];
  simulate(call: { user: string; question: SimulatedCall }): Promise<AuthorizationAnswer>;
  inventory(): Promise<Inventory>;
  terminationLog(): TerminationEntry[];
  settings(change: Partial<CloudSettings>): void;
  invoke(call: { functionName: string; event: unknown }): Promise<{ payload: string; error?: string }>;
};

export type Method = keyof Control;
type Argument<M extends Method> = Parameters<Control[M]>[0];
type Answer<M extends Method> = Awaited<ReturnType<Control[M]>>;
type Wire = { result?: unknown; error?: { kind: ErrorKind; message: string; remedy: string } };

/** Answers calls on a unix socket that only root can reach. */
export async function serveControl(socketPath: string, control: Control): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const gone = new AbortController();
    outgoing.on("close", () => gone.abort());
    void reply(control, incoming, outgoing, gone.signal);
  });
  // A command may run for as long as its caller waits.
  server.requestTimeout = 0;
  server.listen(socketPath);
  await once(server, "listening");
  return server;
}

async function reply(
  control: Control,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const wire = await answer(control, incoming, signal);
  outgoing.setHeader("content-type", "application/json");
  outgoing.end(JSON.stringify(wire));
}

async function answer(control: Control, incoming: AsyncIterable<Buffer>, signal: AbortSignal): Promise<Wire> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { method, argument } = JSON.parse(Buffer.concat(chunks).toString()) as {
      method: string;
      argument: never;
    };
    if (!Object.hasOwn(control, method))
      throw new UpdraftError(
        "usage",
        `the sandbox has no ${method}`,
        "It may be older than your working copy.",
      );
    const result: unknown = await control[method as Method](argument, signal);
    return { result };
  } catch (error) {
    if (error instanceof UpdraftError)
      return { error: { kind: error.kind, message: error.message, remedy: error.remedy } };
    return {
      error: {
        kind: "failed",
        message: `the sandbox failed: ${error instanceof Error ? (error.stack ?? messageOf(error)) : messageOf(error)}`,
        remedy: "Look at its daemon.log.",
      },
    };
  }
}

/** Calls a sandbox. One that does not answer, or has no socket, is an error of kind `failed`. */
export async function callControl<M extends Method>(
  socketPath: string,
  method: M,
  argument?: Argument<M>,
  limits: { readonly timeoutSeconds?: number; readonly signal?: AbortSignal } = {},
): Promise<Answer<M>> {
  const { timeoutSeconds, signal } = limits;
  const text = await new Promise<string>((resolve, reject) => {
    const outgoing = request(
      {
        socketPath,
        method: "POST",
        path: "/",
        // The shared agent gives up after five seconds.
        agent: false,
        ...(timeoutSeconds !== undefined && { timeout: timeoutSeconds * 1000 }),
        ...(signal !== undefined && { signal }),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () => resolve(Buffer.concat(chunks).toString()));
        incoming.on("error", reject);
      },
    );
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${timeoutSeconds} s`)));
    outgoing.on("error", reject);
    outgoing.end(JSON.stringify({ method, argument }));
  }).catch((error: unknown) => {
    throw new UpdraftError(
      "failed",
      `the sandbox does not answer: ${messageOf(error)}`,
      "Look whether it is up: npm run sandbox -- status",
      error,
    );
  });
  const wire = JSON.parse(text) as Wire;
  if (wire.error === undefined) return wire.result as Answer<M>;
  const { kind, message, remedy } = wire.error;
  throw new UpdraftError(kind in EXIT_STATUS ? kind : "failed", message, remedy);
}
