import { spawn } from "node:child_process";
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { dirname } from "node:path";
import { text } from "node:stream/consumers";
import { signed } from "./signature.ts";
import type { InstanceResult, InstanceWorld } from "./on-instance.ts";

/*
 * Runs inside the machine that on-instance.ts makes: a metadata service and an S3 on loopback, then the commands,
 * one after the other; what came of it goes to standard output as JSON.
 */
const world = JSON.parse(await text(process.stdin)) as InstanceWorld;
const secret = {
  accessKeyId: "ASIATEST",
  secretAccessKey: "secret+access/key",
  sessionToken: "session//token==",
};
const result: InstanceResult = { commands: [], requests: [], stored: {}, files: {}, console: "" };
const objects = new Map(
  Object.entries(world.objects).map(([key, base64]) => [key, Buffer.from(base64, "base64")]),
);

const slow =
  (seconds: number | undefined, listener: RequestListener): RequestListener =>
  (request, response) => {
    if (seconds === undefined) listener(request, response);
    else setTimeout(() => listener(request, response), seconds * 1000).unref();
  };

const metadata: RequestListener = (request, response) => {
  const path = request.url ?? "";
  result.requests.push(`metadata ${request.method} ${path}`);
  const answer = (status: number, body: string): void => void response.writeHead(status).end(body);
  if (path === "/latest/api/token" && request.method === "PUT") {
    const seconds = request.headers["x-aws-ec2-metadata-token-ttl-seconds"];
    return answer(seconds === undefined ? 400 : 200, "the-token");
  }
  if (request.headers["x-aws-ec2-metadata-token"] !== "the-token") return answer(401, "");
  const role = "/latest/meta-data/iam/security-credentials/";
  if (path === role) return answer(200, "burst-role");
  if (path === `${role}burst-role`) {
    const Expiration = new Date(Date.now() + 3600_000).toISOString();
    const credentials = {
      Code: "Success",
      Type: "AWS-HMAC",
      AccessKeyId: secret.accessKeyId,
      SecretAccessKey: secret.secretAccessKey,
      Token: secret.sessionToken,
      Expiration,
    };
    return answer(200, JSON.stringify(credentials, undefined, 2));
  }
  const tag = /^\/latest\/meta-data\/tags\/instance\/?(.*)$/.exec(path);
  if (tag?.[1] === "") return answer(200, Object.keys(world.tags).join("\n"));
  const value = tag?.[1] === undefined ? world.metadata[path] : world.tags[decodeURIComponent(tag[1])];
  return value === undefined ? answer(404, "") : answer(200, value);
};

const s3: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const key = decodeURIComponent(new URL(request.url ?? "", "http://s3").pathname).replace(
      /^\/[^/]+\//,
      "",
    );
    const good = signed(request, secret);
    result.requests.push(`s3 ${request.method} ${key}${good ? "" : " BAD SIGNATURE"}`);
    const object = objects.get(key);
    if (good && request.method === "PUT") {
      result.stored[key] = Buffer.concat(chunks).toString("utf8");
      response.writeHead(200).end();
    } else if (good && object !== undefined) response.writeHead(200).end(object);
    else response.writeHead(403).end("<Error><Code>AccessDenied</Code></Error>");
  });
};

for (const [path, { content, mode }] of Object.entries(world.files)) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await chmod(path, Number.parseInt(mode, 8));
}
const { delaySeconds } = world;
const servers = [
  createServer(slow(delaySeconds?.metadata, metadata)).listen(80, "169.254.169.254"),
  createServer(slow(delaySeconds?.metadata, metadata)).listen(80, "fd00:ec2::254"),
  createServer(slow(delaySeconds?.s3, s3)).listen(9000, "127.0.0.1"),
];

for (const [program = "", ...args] of world.commands) {
  const started = Date.now();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const status = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? -1)));
  result.commands.push({ status, output, seconds: (Date.now() - started) / 1000 });
}
for (const path of world.show) {
  const content = await readFile(path, "utf8").catch(() => undefined);
  if (content === undefined) continue;
  const { mode, uid, ino } = await stat(path);
  result.files[path] = { content, mode: (mode & 0o7777).toString(8), uid, inode: ino };
}
result.console = await readFile("/dev/console", "utf8");
for (const server of servers) server.close().closeAllConnections();
process.stdout.write(JSON.stringify(result));
