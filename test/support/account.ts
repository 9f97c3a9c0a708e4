import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export type FakeInstance = {
  readonly id: string;
  readonly profile?: string;
  readonly launched: number;
  readonly tags: Readonly<Record<string, string>>;
};

/** A tiny AWS account on loopback, as much of it as the lease enforcer asks; it speaks the real protocols. */
export type Account = {
  readonly endpoint: string;
  readonly calls: string[];
  readonly terminated: string[];
  readonly stored: Record<string, string>;
  readonly published: { subject: string; message: string }[];
  instances: FakeInstance[];
  /** Terminating any of these fails the whole call. */
  protectedIds: string[];
  /** Actions that fail. */
  broken: string[];
  close(): Promise<void>;
};

const PAGE = 2;
const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escape = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character] ?? "");

export async function account(): Promise<Account> {
  const server = createServer(async (request, response) => {
    const body = await read(request);
    const url = new URL(request.url ?? "/", "http://aws");
    if (request.method === "GET") {
      self.calls.push(`GetObject ${url.pathname}`);
      const stored = self.broken.includes("GetObject") ? undefined : self.stored[url.pathname];
      return void response.writeHead(stored === undefined ? 403 : 200).end(stored);
    }
    if (request.method === "PUT") {
      self.calls.push(`PutObject ${url.pathname}`);
      if (self.broken.includes("PutObject")) return void response.writeHead(403).end();
      self.stored[url.pathname] = body;
      return void response.writeHead(200).end();
    }
    const parameters = new URLSearchParams(body);
    const action = parameters.get("Action") ?? "";
    self.calls.push(action);
    const [status, text] = self.broken.includes(action)
      ? [400, failure("UnauthorizedOperation")]
      : answer(action, parameters);
    response.writeHead(status, { "content-type": "text/xml" }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const self: Account = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    terminated: [],
    stored: {},
    published: [],
    instances: [],
    protectedIds: [],
    broken: [],
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
  return self;

  function answer(action: string, parameters: URLSearchParams): [number, string] {
    const ids = [...parameters].filter(([key]) => key.startsWith("InstanceId.")).map(([, value]) => value);
    switch (action) {
      case "DescribeInstances": {
        const wanted = [...parameters]
          .filter(([key]) => key.startsWith("Filter.2.Value."))
          .map(([, value]) => value);
        const found = self.instances.filter(({ id }) => wanted.length === 0 || wanted.includes(id));
        const start = Number(parameters.get("NextToken") ?? 0);
        const next = start + PAGE < found.length ? `<nextToken>${start + PAGE}</nextToken>` : "";
        const items = found.slice(start, start + PAGE).map(item);
        return [
          200,
          `<DescribeInstancesResponse><reservationSet>${items.join("")}</reservationSet>${next}</DescribeInstancesResponse>`,
        ];
      }
      case "TerminateInstances":
        if (ids.some((id) => self.protectedIds.includes(id))) return [400, failure("OperationNotPermitted")];
        self.terminated.push(...ids);
        self.instances = self.instances.filter(({ id }) => !ids.includes(id));
        return [200, "<TerminateInstancesResponse><instancesSet/></TerminateInstancesResponse>"];
      case "Publish":
        self.published.push({
          subject: parameters.get("Subject") ?? "",
          message: parameters.get("Message") ?? "",
        });
        return [
          200,
          "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>",
        ];
      default:
        return [400, failure("InvalidAction")];
    }
  }
}

function item({ id, profile, launched, tags }: FakeInstance): string {
  const tagItems = Object.entries(tags).map(
    ([key, value]) => `<item><key>${escape(key)}</key><value>${escape(value)}</value></item>`,
  );
  const arn = profile === undefined ? "" : `<iamInstanceProfile><arn>${profile}</arn></iamInstanceProfile>`;
  return `<item><instancesSet><item><instanceId>${id}</instanceId>${arn}<launchTime>${new Date(launched * 1000).toISOString()}</launchTime><tagSet>${tagItems.join("")}</tagSet></item></instancesSet></item>`;
}

function failure(code: string): string {
  return `<Response><Errors><Error><Code>${code}</Code><Message>no</Message></Error></Errors><Error><Code>${code}</Code></Error></Response>`;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
