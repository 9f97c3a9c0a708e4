import { GetRoleCommand, type IAMClient } from "@aws-sdk/client-iam";
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { messageOf } from "../../../core/errors.ts";
import { ec2Arn } from "../service.ts";
import type { Instance } from "../ec2/instance.ts";
import type { Instances } from "../ec2/instances.ts";
import type { Principals } from "../principals.ts";
import { roleSession } from "../sts.ts";
import { entries, listing, type RoleCredentials } from "./entries.ts";

const LONGEST_TTL_SECONDS = 21600;
const CREDENTIAL_SECONDS = 6 * 3600;
/** New credentials are handed out this long before the old ones end. */
const REFRESH_SECONDS = 15 * 60;

export type MetadataServers = { ports: number[]; stop(): Promise<void> };

/** IMDSv2 (and version 1 where an instance's options allow it), on every address given: an instance is known by its source address. */
export async function metadataServers(world: {
  addresses: readonly string[];
  port: number;
  instances: Instances;
  principals: Principals;
  iam: IAMClient;
  /** Whether the role lets EC2 act as it. */
  trusted: (roleName: string, roleArn: string) => Promise<boolean>;
  source: (remoteAddress: string) => string;
  now: () => number;
  log: (line: string) => void;
}): Promise<MetadataServers> {
  const { instances, principals, now } = world;
  const tokens = new Map<string, { instanceId: string; expires: number }>();
  const issued = new Map<string, RoleCredentials>();

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    const instance = instances.byAddress(world.source(address));
    if (instance === undefined || instance.metadata.httpEndpoint === "disabled") {
      send(response, instance === undefined ? 404 : 403, "");
      return;
    }
    const path = new URL(request.url ?? "/", "http://metadata").pathname;
    if (path === "/latest/api/token") {
      token(request, response, instance);
      return;
    }
    if (!mayAsk(request, instance)) {
      send(response, 401, "");
      return;
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      send(response, 405, "");
      return;
    }
    const [, version, ...rest] = path.split("/");
    if (version === "" || version === undefined) {
      send(response, 200, "latest");
      return;
    }
    const wanted = decodeURIComponent(rest.join("/"));
    // Whose role it is, is looked up in IAM, which takes longer than everything else together.
    const role = /^(meta-data)?\/?$|^meta-data\/iam/.test(wanted) ? await roleOf(instance) : undefined;
    const known = entries(instance, role, now());
    const content =
      version === "latest" ? (known.get(wanted)?.() ?? listing(known.keys(), wanted)) : undefined;
    send(response, content === undefined ? 404 : 200, content ?? "");
  }

  /** By a token of this instance; by none where version 1 is allowed. */
  function mayAsk({ headers }: IncomingMessage, { instanceId, metadata }: Instance): boolean {
    const header = headers["x-aws-ec2-metadata-token"];
    if (header === undefined) return metadata.httpTokens === "optional";
    const given = tokens.get(String(header));
    return given !== undefined && given.instanceId === instanceId && given.expires > now();
  }

  function token(request: IncomingMessage, response: ServerResponse, instance: Instance): void {
    const ttl = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"] ?? "NaN");
    if (request.method !== "PUT") send(response, 405, "");
    else if (request.headers["x-forwarded-for"] !== undefined) send(response, 403, "");
    else if (!Number.isInteger(ttl) || ttl < 1 || ttl > LONGEST_TTL_SECONDS) send(response, 400, "");
    else {
      const value = randomBytes(40).toString("base64url");
      tokens.set(value, { instanceId: instance.instanceId, expires: now() + ttl });
      for (const [old, { expires }] of tokens) if (expires <= now()) tokens.delete(old);
      response.setHeader("x-aws-ec2-metadata-token-ttl-seconds", String(ttl));
      send(response, 200, value);
    }
  }

  /** The session of the instance's role; the profile is of no use when its role is gone. */
  async function roleOf(
    instance: Instance,
  ): Promise<{ name: string; credentials: () => RoleCredentials } | undefined> {
    if (instance.profile === undefined) return undefined;
    const name = instance.profile.roleName;
    try {
      const { Role } = await world.iam.send(new GetRoleCommand({ RoleName: name }));
      if (!(await world.trusted(name, Role?.Arn ?? ""))) return undefined;
      const principal = {
        ...roleSession(name, Role?.Arn ?? "", Role?.RoleId ?? "", instance.instanceId),
        fromMetadata: true as const,
        sourceInstanceArn: ec2Arn("instance", instance.instanceId),
      };
      const credentials = (): RoleCredentials => {
        const old = issued.get(instance.instanceId);
        if (old !== undefined && old.expires - now() > REFRESH_SECONDS) return old;
        const expires = now() + CREDENTIAL_SECONDS;
        const fresh = { ...principals.issue(principal, expires), issued: now(), expires };
        issued.set(instance.instanceId, fresh);
        return fresh;
      };
      return { name, credentials };
    } catch (error) {
      if (error instanceof Error && error.name.startsWith("NoSuchEntity")) return undefined;
      throw error;
    }
  }

  const servers: Server[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(
      servers.map((server) => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      }),
    );
  };
  try {
    for (const address of world.addresses) {
      const server = createServer((request, response) => {
        handle(request, response).catch((error: unknown) => {
          world.log(`metadata ${request.url ?? ""}: ${messageOf(error)}`);
          if (!response.headersSent) send(response, 500, "");
        });
      });
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(world.port, address, resolve);
      });
      servers.push(server);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : world.port;
  });
  return { ports, stop };
}

function send(response: ServerResponse, status: number, content: string | Buffer): void {
  response.writeHead(status, { "content-type": "text/plain", server: "EC2ws", connection: "close" });
  response.end(content);
}
