import { messageOf, type ErrorKind } from "../core/errors.ts";

/** Why AWS was not reached, or not heard. */
export type ConnectionTrouble = {
  readonly kind: ErrorKind;
  /** Reads after "could not …: ". */
  readonly why: string;
  readonly remedy: string;
  /** Whether the request may have reached AWS. */
  readonly maybeSent: boolean;
};

const UNTRUSTED = new Set([
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
const OUTDATED = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);
const NO_SUCH_HOST = new Set(["ENOTFOUND", "EAI_AGAIN"]);
const UNREACHABLE = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"]);
const CUT = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "ESOCKETTIMEDOUT", "ECONNABORTED"]);
const CUT_NAMES = new Set(["TimeoutError", "NetworkingError", "AbortError", "RequestTimeout"]);

type Fields = {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly hostname?: unknown;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  readonly $metadata?: { readonly httpStatusCode?: number };
};

/** Undefined when the error is an answer of AWS, or none of the network at all. */
export function connectionTrouble(error: unknown): ConnectionTrouble | undefined {
  const fields = (error ?? {}) as Fields;
  // Only a proxy answers so; with plain HTTP its refusal looks like the answer itself.
  if (fields.$metadata?.httpStatusCode === 407) return proxyTrouble("407");
  if (fields.$metadata?.httpStatusCode !== undefined) return undefined;
  const code = codeOf(fields);
  const text = messageOf(fields.errors?.[0] ?? error);
  const before = (kind: ErrorKind, why: string, remedy: string): ConnectionTrouble => ({
    kind,
    why,
    remedy,
    maybeSent: false,
  });
  if (code === "ERR_PROXY_TUNNEL") return proxyTrouble(/HTTP\/\d\.\d (\d{3})/.exec(text)?.[1]);
  if (UNTRUSTED.has(code)) {
    return before(
      "config",
      `the certificate is of an authority that this machine does not know (${code})`,
      "If a proxy or an endpoint of your own stands in between, name the file of its authority in AWS_CA_BUNDLE.",
    );
  }
  if (OUTDATED.has(code)) {
    return before(
      "config",
      `the certificate is not valid at this machine's time (${code})`,
      "Check this machine's clock, then the certificate.",
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return before(
      "config",
      `the certificate is of another host: ${text}`,
      "Check the endpoint's URL and the proxy.",
    );
  }
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) {
    return before(
      "config",
      `the endpoint or the proxy does not speak TLS (${code})`,
      "Check whether their URLs must begin with http:// or https://.",
    );
  }
  if (NO_SUCH_HOST.has(code)) {
    const host = typeof fields.hostname === "string" ? fields.hostname : "the endpoint";
    return before(
      "failed",
      `the name ${host} is not known here (${code})`,
      "Check that the region exists, then this machine's name service; behind a proxy, set HTTPS_PROXY.",
    );
  }
  if (UNREACHABLE.has(code)) {
    return before(
      "failed",
      `nobody answers: ${text}`,
      "Check the network, the endpoint and HTTPS_PROXY, then run the same command again.",
    );
  }
  if (/did not establish a connection/.test(text)) {
    return before(
      "failed",
      "nobody answers: the connection was not established in time",
      "Check the network, the endpoint and HTTPS_PROXY, then run the same command again.",
    );
  }
  if (CUT.has(code) || CUT_NAMES.has(String(fields.name))) {
    return {
      kind: "failed",
      why: /exceeded the configured (\d+) ms/.test(text)
        ? "there was no answer in time (TimeoutError)"
        : `the connection was cut: ${text} (${code || String(fields.name)})`,
      remedy: "Check the network and the endpoint, then run the same command again.",
      maybeSent: true,
    };
  }
  return undefined;
}

function proxyTrouble(status: string | undefined): ConnectionTrouble {
  const answer = status === undefined ? "broke the connection off" : `answered with status ${status}`;
  const common = { why: `the proxy ${answer}`, maybeSent: false };
  if (status === "407") {
    return {
      ...common,
      kind: "denied",
      remedy: "Put a user and password that it knows into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT.",
    };
  }
  if (status === "403") {
    return {
      ...common,
      kind: "denied",
      remedy: "Have it allow the endpoints of AWS, or name those that need none in NO_PROXY.",
    };
  }
  return {
    ...common,
    kind: "failed",
    remedy: "Check that HTTPS_PROXY names a proxy that can reach AWS, then run the same command again.",
  };
}

function codeOf({ code, cause, errors }: Fields): string {
  const found = code ?? (cause as Fields | undefined)?.code ?? (errors?.[0] as Fields | undefined)?.code;
  return typeof found === "string" ? found : "";
}
