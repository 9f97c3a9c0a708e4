import { execa } from "execa";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, type AddressInfo, type Server } from "node:net";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a service on loopback was asked. */
export type Asked = { readonly host: string; readonly path: string; readonly authorization: string };

export type Loopback = { readonly port: number; readonly asked: Asked[]; close(): void };

export const CALLER = "123456789012";

const ANSWER = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::${CALLER}:user/somebody</Arn><UserId>AIDA</UserId><Account>${CALLER}</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`;

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** As STS answers GetCallerIdentity. */
export const answers: Answer = (_, response) => response.writeHead(200).end(ANSWER);

export async function httpService(answer: Answer = answers): Promise<Loopback> {
  const asked: Asked[] = [];
  return { asked, ...(await listen(createHttpServer(recorder(asked, answer)))) };
}

export async function httpsService(
  { key, certificate }: { readonly key: string; readonly certificate: string },
  answer: Answer = answers,
): Promise<Loopback> {
  const asked: Asked[] = [];
  const server = createHttpsServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    recorder(asked, answer),
  );
  return { asked, ...(await listen(server)) };
}

function recorder(asked: Asked[], answer: Answer): Answer {
  return (request, response) => {
    asked.push({
      host: request.headers.host ?? "",
      path: request.url ?? "",
      authorization: request.headers.authorization ?? "",
    });
    answer(request, response);
  };
}

export type Proxy = {
  readonly url: string;
  /** `CONNECT host:port` and `GET http://…`, as they were asked. */
  readonly asked: string[];
  close(): void;
};

/** A proxy that leads every tunnel to one port of this machine, or answers with `refusal`. */
export async function proxy(
  to: number,
  refusal?: { readonly status: number; readonly text: string },
): Promise<Proxy> {
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (refusal !== undefined) response.writeHead(refusal.status).end();
    else answers(request, response);
  });
  server.on("connect", (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal.status} ${refusal.text}\r\n\r\n`);
      return;
    }
    const through = connect(to, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(through).pipe(socket);
    });
    socket.on("error", () => through.destroy());
    through.on("error", () => socket.destroy());
  });
  const { port, close } = await listen(server);
  return { url: `http://127.0.0.1:${port}`, asked, close };
}

async function listen(server: Server): Promise<{ port: number; close(): void }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, close: () => server.close() };
}

export type Authority = {
  readonly directory: string;
  /** The authority's own certificate. */
  readonly bundle: string;
  readonly key: string;
  readonly certificate: string;
  remove(): Promise<void>;
};

/** An authority that nobody knows, and a certificate of it for the names that AWS has. */
export async function authority(): Promise<Authority> {
  const directory = await mkdtemp(join(tmpdir(), "updraft-authority-"));
  const at = (name: string): string => join(directory, name);
  const openssl = (...args: string[]) => execa("openssl", args, { cwd: directory });
  await writeFile(
    at("names"),
    "subjectAltName=DNS:localhost,IP:127.0.0.1,DNS:*.amazonaws.com,DNS:*.us-east-1.amazonaws.com," +
      "DNS:*.sso.us-east-1.amazonaws.com,DNS:*.us-east-1.api.aws,DNS:*.us-gov-west-1.amazonaws.com,DNS:*.cn-north-1.amazonaws.com.cn\n",
  );
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    "req",
    "-x509",
    ...newKey,
    "-subj",
    "/CN=Nobody's authority",
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
  );
  await openssl("req", ...newKey, "-subj", "/CN=aws", "-keyout", "server.key", "-out", "server.csr");
  await openssl(
    "x509",
    "-req",
    "-in",
    "server.csr",
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    "-extfile",
    "names",
    "-out",
    "server.pem",
  );
  return {
    directory,
    bundle: at("ca.pem"),
    key: at("server.key"),
    certificate: at("server.pem"),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
