import type { IncomingHttpHeaders } from "node:http";
import type { Protocol } from "./error.ts";
import { nested, text, type Parameters } from "./parameters.ts";
import { readSignature, type Signature } from "./signature.ts";
import { s3Operation } from "./s3-operation.ts";
import { lambdaOperation } from "./lambda-operation.ts";

export type HttpRequest = {
  method: string;
  /** Path and query as sent. */
  target: string;
  url: URL;
  headers: IncomingHttpHeaders;
  body: Buffer;
};

/** A request, understood: which action of which service, with what. Services are named as in IAM's actions. */
export type AwsRequest = HttpRequest & {
  service: string;
  /** As the API names it; IAM's name differs for some of S3. */
  action: string;
  protocol: Protocol;
  parameters: Parameters;
  signature: Signature | undefined;
  /** S3 only. */
  bucket?: string;
  key?: string;
};

const SCOPES: Record<string, string> = { monitoring: "cloudwatch", email: "ses" };
const PROTOCOLS: Record<string, Protocol> = {
  ec2: "ec2",
  s3: "s3",
  lambda: "rest-json",
  iam: "query",
  sts: "query",
  sns: "query",
  cloudformation: "query",
};

export function understand(http: HttpRequest): AwsRequest {
  const signature = readSignature(http.url, http.headers);
  const service = serviceOf(http, signature);
  const protocol = PROTOCOLS[service] ?? "json";
  const base = { ...http, service, protocol, signature };
  if (protocol === "s3") return { ...base, ...s3Operation(http), parameters: {} };
  if (protocol === "rest-json") return { ...base, ...lambdaOperation(http) };
  if (protocol === "json") {
    const target = String(http.headers["x-amz-target"] ?? "");
    return { ...base, action: target.slice(target.lastIndexOf(".") + 1), parameters: jsonBody(http.body) };
  }
  const form = new URLSearchParams(http.body.toString("utf8"));
  for (const [name, value] of http.url.searchParams) form.append(name, value);
  const parameters = nested(form);
  return { ...base, action: text(parameters["Action"]) ?? "", parameters };
}

function serviceOf(http: HttpRequest, signature: Signature | undefined): string {
  const scope = signature?.service ?? /^([a-z0-9-]+)\./.exec(String(http.headers.host ?? ""))?.[1] ?? "s3";
  return SCOPES[scope] ?? scope;
}

export function jsonBody(body: Buffer): Parameters {
  try {
    const parsed: unknown = body.length === 0 ? {} : JSON.parse(body.toString("utf8"));
    return typeof parsed === "object" && parsed !== null ? (parsed as Parameters) : {};
  } catch {
    return {};
  }
}
