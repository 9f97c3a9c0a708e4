import { UpdraftError, messageOf, type ErrorKind } from "../core/errors.ts";
import { refusalClass } from "../core/fleet-errors.ts";
import { formatDuration } from "../core/time.ts";
import { connectionTrouble } from "./connection-errors.ts";

const DENIED = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "AllAccessDisabled",
  "AuthorizationError",
  "Forbidden",
  "NotAuthorized",
]);

/** The credentials were good once. */
const EXPIRED = new Set(["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"]);

/** AWS does not know the credentials. */
const UNKNOWN = new Set([
  "AuthFailure",
  "IncompleteSignature",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "InvalidToken",
  "MissingAuthenticationToken",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
]);

const CLOCK = new Set(["RequestInTheFuture", "RequestTimeTooSkewed"]);

/** Something that the request names does not exist or does not fit: the configuration must change. */
const CONFIG = new Set([
  "EndpointError",
  "IdempotentParameterMismatch",
  "InvalidAMIID.Malformed",
  "InvalidAMIID.NotFound",
  "InvalidAMIID.Unavailable",
  "InvalidGroup.NotFound",
  "InvalidInstanceType",
  "InvalidKeyPair.NotFound",
  "InvalidLaunchTemplateId.NotFound",
  "InvalidParameter",
  "InvalidParameterCombination",
  "InvalidParameterValue",
  "InvalidSubnetID.NotFound",
  "InvalidSubnetId.NotFound",
  "MissingParameter",
  "NoSuchBucket",
  "ParameterNotFound",
  "PermanentRedirect",
]);

const ABSENT = new Set(["NoSuchKey", "NotFound", "NoSuchBucket", "ParameterNotFound"]);

/** AWS refuses requests that are dated five minutes off. */
const SKEW_SECONDS = 240;

export function awsCode(error: unknown): string {
  const fields = error as { name?: unknown; Code?: unknown; code?: unknown } | null | undefined;
  for (const value of [fields?.Code, fields?.name, fields?.code]) {
    if (typeof value === "string" && value !== "Error") return value;
  }
  return "";
}

export function isThrottled(error: unknown): boolean {
  return refusalClass({ code: awsCode(error), message: "" }) === "throttled";
}

function status(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}

export function isAbsent(error: unknown): boolean {
  return ABSENT.has(awsCode(error)) || status(error) === 404;
}

export function isMissingCredentials(error: unknown): boolean {
  return (
    /^(CredentialsProviderError|ProviderError|TokenProviderError)$/.test(awsCode(error)) ||
    /could not load credentials|credential is missing/i.test(messageOf(error))
  );
}

/** Nobody knows whether the call had an effect: the answer was lost, or the service failed in the middle. */
export function isAmbiguous(error: unknown): boolean {
  if (error instanceof UpdraftError || isMissingCredentials(error)) return false;
  const code = status(error);
  if (code === undefined) return connectionTrouble(error)?.maybeSent === true;
  return code >= 500 && !isThrottled(error);
}

/** The kind of an AWS error code, here and nowhere else. */
export function kindOf(code: string): ErrorKind {
  if (DENIED.has(code) || EXPIRED.has(code) || UNKNOWN.has(code) || CLOCK.has(code)) return "denied";
  if (CONFIG.has(code)) return "config";
  switch (refusalClass({ code, message: "" })) {
    case "denied":
      return "denied";
    case "throttled":
    case "other":
      return "failed";
    default:
      return "capacity";
  }
}

/** What a failed AWS call means to a person. `doing` reads after "could not": "read the stack updraft". */
export function awsError(error: unknown, doing: string): UpdraftError {
  if (error instanceof UpdraftError) return error;
  const failure = (kind: ErrorKind, why: string, remedy: string): UpdraftError =>
    new UpdraftError(kind, `could not ${doing}: ${why}`, remedy, error);
  if (isMissingCredentials(error)) return failure("denied", ...credentialsTrouble(error));
  const trouble = connectionTrouble(error);
  if (trouble !== undefined) return failure(trouble.kind, trouble.why, trouble.remedy);
  const code = awsCode(error);
  const said = `${code === "" ? "" : `${code}: `}${messageOf(error)}`;
  if (CLOCK.has(code) || EXPIRED.has(code) || UNKNOWN.has(code)) {
    const skew = clockSkew(error);
    if (CLOCK.has(code) || Math.abs(skew) > SKEW_SECONDS) {
      const how =
        skew === 0
          ? "is wrong"
          : `is ${formatDuration(Math.round(Math.abs(skew) / 60) * 60)} ${skew > 0 ? "behind" : "ahead"}`;
      return failure(
        "denied",
        `this machine's clock ${how}: ${said}`,
        "Set the clock, and have chrony or ntpd keep it right.",
      );
    }
  }
  if (messageOf(error).startsWith("Region not accepted")) {
    return failure("config", messageOf(error), "Name a region of AWS, such as us-east-1.");
  }
  const kind = kindOf(code);
  return failure(kind, said, remedy(kind, code));
}

/** The answer to a HEAD has no body, so S3 cannot say what it refuses: the actions that the call needs are named instead. */
export function headError(error: unknown, doing: string, actions: string): UpdraftError {
  if (status(error) !== 403) return awsError(error, doing);
  return new UpdraftError("denied", `could not ${doing}: ${actions} is denied`, remedy("denied", ""), error);
}

/** What the SDK says of credentials that it could not get; only when it found none at all there is nothing to tell. */
function credentialsTrouble(error: unknown): [why: string, remedy: string] {
  const said = messageOf(error);
  const profile = process.env["AWS_PROFILE"];
  if (/from any providers|credential is missing/i.test(said)) {
    return [
      `there are no AWS credentials${profile === undefined ? "" : ` of the profile ${profile}, which AWS_PROFILE names`}`,
      "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run on an instance that has a role. If the profile has a credential_process, run that by hand: it gave none.",
    ];
  }
  if (/\bsso\b/i.test(said)) {
    return [`there are no AWS credentials: ${said}`, "Run aws sso login, with --profile if you use one."];
  }
  return [
    `there are no AWS credentials: ${said}`,
    "Correct the profile in ~/.aws/config and ~/.aws/credentials, or name another in AWS_PROFILE.",
  ];
}

/** Seconds that this machine's clock is behind the answer's date; 0 when the answer has none. */
function clockSkew(error: unknown): number {
  const { $response } = error as { $response?: { headers?: Record<string, string> } };
  const date = Date.parse($response?.headers?.["date"] ?? "");
  return Number.isNaN(date) ? 0 : Math.round((date - Date.now()) / 1000);
}

function remedy(kind: ErrorKind, code: string): string {
  if (EXPIRED.has(code)) {
    return "The credentials have expired: log in again (aws sso login), or set new ones.";
  }
  if (UNKNOWN.has(code)) {
    return "AWS does not know these credentials, or the account has not enabled the region: check with `aws sts get-caller-identity`.";
  }
  if (kind === "denied") {
    return "Check with `aws sts get-caller-identity` whose credentials these are, and that they have Updraft's policy.";
  }
  if (kind === "capacity")
    return "Add instance types or subnets in other zones, ask for fewer, or try again later.";
  if (code === "EndpointError") return "Check AWS_ENDPOINT_URL, AWS_USE_FIPS_ENDPOINT and the profile.";
  if (kind === "config") return "Correct the knob that names it, then run the same command again.";
  if (refusalClass({ code, message: "" }) === "throttled")
    return "AWS limits the rate of requests: wait a minute, then run the same command again.";
  return "Run the same command again; if it fails the same way, this is what AWS objects to.";
}
