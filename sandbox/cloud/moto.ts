import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { createServer } from "node:net";
import { buffer } from "node:stream/consumers";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UpdraftError } from "../../core/errors.ts";
import type { Answer } from "./wire/answer.ts";
import { unchunked } from "./wire/aws-chunked.ts";
import { AwsError } from "./wire/error.ts";
import type { AwsRequest } from "./wire/request.ts";

export type Moto = {
  endpoint: string;
  forward(request: AwsRequest): Promise<Answer>;
  stop(): Promise<void>;
};

const START_SECONDS = 60;
/** It dies with this process, however that ends. */
const WITH_PARENT = ["--pdeathsig", "KILL", "--"];
const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "expect", "host", "authorization"];

/** Starts moto in its own root file system, on loopback. It holds all state in memory and is never restarted. */
export async function startMoto(root: string, directory: string): Promise<Moto> {
  const port = await freePort();
  const log = createWriteStream(join(directory, "moto.log"), { flags: "a" });
  const child = spawn(
    "setpriv",
    [...WITH_PARENT, "/usr/sbin/chroot", root, "/usr/bin/moto_server", "-H", "127.0.0.1", "-p", String(port)],
    {
      env: {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        HOME: "/root",
        LANG: "C.UTF-8",
        MOTO_IAM_LOAD_MANAGED_POLICIES: "true",
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  let gone: string | undefined;
  const ended = new Promise<void>((resolve) => {
    child.on("exit", (code, signal) => {
      gone = `ended with ${signal ?? `status ${code}`}`;
      resolve();
    });
    child.on("error", (error) => {
      gone = error.message;
      resolve();
    });
  });
  const endpoint = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    log.end();
  };
  const deadline = Date.now() + START_SECONDS * 1000;
  while (!(await answers(endpoint))) {
    if (gone !== undefined || Date.now() > deadline) {
      await stop();
      throw new UpdraftError(
        "failed",
        `moto did not start: ${gone ?? `no answer for ${START_SECONDS} s`}`,
        `read ${join(directory, "moto.log")}`,
      );
    }
    await sleep(100);
  }
  return { endpoint, forward: (request) => forward(port, request), stop };
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    const response = await fetch(`${endpoint}/moto-api/config`, {
      method: "POST",
      body: JSON.stringify({ lambda: { use_docker: false }, batch: { use_docker: false } }),
    });
    return response.ok;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Signed by nobody: who calls was settled before. Buckets go into the path, whatever the caller's style. */
function forward(port: number, request: AwsRequest): Promise<Answer> {
  const scope = request.signature?.service ?? request.service;
  const region = request.signature?.region ?? "us-east-1";
  const { headers: sent, body } = unchunked(request.headers, request.body);
  const headers: IncomingHttpHeaders = { ...sent };
  for (const name of HOP_BY_HOP) delete headers[name];
  delete headers["x-amz-security-token"];
  const options = {
    host: "127.0.0.1",
    port,
    method: request.method,
    path: request.service === "s3" ? pathStyle(request) : request.target,
    headers: {
      ...headers,
      host: "127.0.0.1",
      "content-length": String(body.length),
      authorization: `AWS4-HMAC-SHA256 Credential=sandbox/20200101/${region}/${scope}/aws4_request, SignedHeaders=host, Signature=0`,
    },
  };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(options, (incoming) => {
      const status = incoming.statusCode ?? 500;
      const answered: Answer["headers"] = {};
      for (const [name, value] of Object.entries(incoming.headers))
        if (value !== undefined && !HOP_BY_HOP.includes(name)) answered[name] = value;
      if (status < 400) resolve({ status, headers: answered, body: incoming });
      else
        buffer(incoming)
          .then((body) => resolve(refusal(request, { status, headers: answered, body })))
          .catch(reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** A page in HTML is the emulator's way of failing; AWS would not send one. */
function refusal(request: AwsRequest, answer: Answer & { body: Buffer }): Answer {
  if (!/^\s*<!doctype html/i.test(answer.body.toString("utf8", 0, 200))) return answer;
  throw new AwsError(
    "NotImplemented",
    `The sandbox cannot do ${request.service}:${request.action}: its emulator answered ${answer.status}.`,
    501,
  );
}

function pathStyle(request: AwsRequest): string {
  const query = request.target.includes("?") ? request.target.slice(request.target.indexOf("?")) : "";
  const path = request.target.slice(0, request.target.length - query.length);
  const host = String(request.headers.host ?? "");
  return request.bucket !== undefined && host.startsWith(`${request.bucket}.s3`)
    ? `/${request.bucket}${path}${query}`
    : request.target;
}
