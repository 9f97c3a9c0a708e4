import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createSecureContext, getCACertificates } from "node:tls";
import { UpdraftError, messageOf } from "../core/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** How to reach AWS: proxies and trusted authorities, shared by all clients of a process. */
export type Connection = { readonly httpAgent: http.Agent; readonly httpsAgent: https.Agent };

/** Agents as the environment asks for them. What is wrong there is told before anything is sent. */
export function connection(environment: Environment): Connection {
  checkProxies(environment);
  checkEndpoints(environment);
  checkSwitches(environment);
  const secureContext = trust(environment["AWS_CA_BUNDLE"]);
  const common = { keepAlive: true, maxSockets: 50, proxyEnv: environment as NodeJS.ProcessEnv };
  return {
    httpAgent: new http.Agent(common),
    httpsAgent: new https.Agent({ ...common, ...(secureContext && { secureContext }) }),
  };
}

/**
 * With Node's own switch every request of the process would take the proxy, the SDK's to the metadata service too;
 * but that one answers only to who asks without a detour, and what it says is secret.
 */
export function keepMetadataOffProxies(): void {
  if (process.env["NODE_USE_ENV_PROXY"] !== undefined) http.globalAgent = new http.Agent({ keepAlive: true });
}

function checkProxies(environment: Environment): void {
  for (const name of ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"]) {
    const value = environment[name];
    if (value === undefined || value === "" || isUrl(value)) continue;
    // It may hold a password, so it is not repeated.
    throw new UpdraftError(
      "config",
      `the environment variable ${name} is no URL of a proxy`,
      `Set ${name} to one such as http://proxy.example.org:3128, or unset it.`,
    );
  }
}

function checkEndpoints(environment: Environment): void {
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith("AWS_ENDPOINT_URL") || value === undefined || value === "" || isUrl(value)) continue;
    throw new UpdraftError(
      "config",
      `the environment variable ${name} is no URL of an endpoint: ${value}`,
      `Set ${name} to one such as https://vpce-0123456789abcdef0.ec2.us-east-1.vpce.amazonaws.com, or unset it.`,
    );
  }
}

function checkSwitches(environment: Environment): void {
  for (const name of ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"]) {
    const value = environment[name];
    if (value === undefined || value === "true" || value === "false") continue;
    throw new UpdraftError(
      "config",
      `the environment variable ${name} is neither true nor false: ${value}`,
      `Set ${name} to true or false, or unset it.`,
    );
  }
}

function isUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== "";
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** Trusts the authorities of a file beside those that Node trusts. */
function trust(path: string | undefined): ReturnType<typeof createSecureContext> | undefined {
  if (path === undefined || path === "") return undefined;
  const refuse = (why: string, cause?: unknown): UpdraftError =>
    new UpdraftError(
      "config",
      `AWS_CA_BUNDLE names ${path}, which ${why}`,
      "Name a file with the certificates of your authorities in PEM form, or unset AWS_CA_BUNDLE.",
      cause,
    );
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw refuse(`cannot be read: ${messageOf(error)}`, error);
  }
  const certificates = text.match(PEM) ?? [];
  if (certificates.length === 0) throw refuse("holds no certificate in PEM form");
  certificates.forEach((certificate, index) => {
    try {
      void new X509Certificate(certificate);
    } catch (error) {
      throw refuse(
        `cannot be used: certificate ${index + 1} of ${certificates.length}: ${messageOf(error)}`,
        error,
      );
    }
  });
  return createSecureContext({ ca: [...getCACertificates("default"), ...certificates] });
}
