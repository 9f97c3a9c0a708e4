import { UpdraftError, messageOf, type ErrorKind } from "../core/errors.ts";

const DENIED = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "AllAccessDisabled",
  "AuthFailure",
  "Blocked",
  "ExpiredToken",
  "ExpiredTokenException",
  "Forbidden",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "NotAuthorized",
  "OptInRequired",
  "PendingVerification",
  "RequestExpired",
  "SignatureDoesNotMatch",
  "UnauthorizedOperation",
  "UnrecognizedClientException",
]);

const CAPACITY = new Set([
  "FleetNotInModifiableState",
  "InsufficientFreeAddressesInSubnet",
  "InsufficientHostCapacity",
  "InsufficientInstanceCapacity",
  "InstanceLimitExceeded",
  "MaxSpotInstanceCountExceeded",
  "ReservationCapacityExceeded",
  "SpotMaxPriceTooLow",
  "UnfulfillableCapacity",
  "Unsupported",
  "VcpuLimitExceeded",
]);

const THROTTLED = new Set([
  "EC2ThrottledException",
  "RequestLimitExceeded",
  "RequestThrottled",
  "RequestThrottledException",
  "SlowDown",
  "Throttling",
  "ThrottlingException",
  "TooManyRequestsException",
]);

/** Something that the request names does not exist or does not fit: the configuration must change. */
const CONFIG = new Set([
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

/** The request never left this machine, so it cannot have had an effect. */
const NEVER_SENT = new Set(["ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

export function awsCode(error: unknown): string {
  const fields = error as { name?: unknown; Code?: unknown; code?: unknown } | null | undefined;
  for (const value of [fields?.Code, fields?.name, fields?.code]) {
    if (typeof value === "string" && value !== "Error") return value;
  }
  return "";
}

export function isThrottled(error: unknown): boolean {
  return THROTTLED.has(awsCode(error));
}

function status(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode;
}

function networkCode(error: unknown): string {
  const fields = error as { code?: unknown; cause?: { code?: unknown } } | undefined;
  return String(fields?.code ?? fields?.cause?.code ?? "");
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
  if (isMissingCredentials(error) || NEVER_SENT.has(networkCode(error))) return false;
  const code = status(error);
  return code === undefined ? isNetworkError(error) : code >= 500 && !THROTTLED.has(awsCode(error));
}

function isNetworkError(error: unknown): boolean {
  return (
    /^(E[A-Z]{3,}|TimeoutError|NetworkingError|AbortError|RequestTimeout)$/.test(awsCode(error)) ||
    networkCode(error) !== ""
  );
}

/** The kind of an AWS error code, here and nowhere else. */
export function kindOf(code: string): ErrorKind {
  if (DENIED.has(code)) return "denied";
  if (CAPACITY.has(code)) return "capacity";
  if (CONFIG.has(code)) return "config";
  return "failed";
}

/** What a failed AWS call means to a person. `doing` reads after "could not": "read the stack updraft". */
export function awsError(error: unknown, doing: string): UpdraftError {
  if (error instanceof UpdraftError) return error;
  if (isMissingCredentials(error)) {
    return new UpdraftError(
      "denied",
      `could not ${doing}: there are no AWS credentials`,
      "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run on an instance that has a role.",
      error,
    );
  }
  const code = awsCode(error);
  const kind = kindOf(code);
  const message = `could not ${doing}: ${code === "" ? "" : `${code}: `}${messageOf(error)}`;
  return new UpdraftError(kind, message, remedy(kind, code, error), error);
}

/** The answer to a HEAD has no body, so S3 cannot say what it refuses: the actions that the call needs are named instead. */
export function headError(error: unknown, doing: string, actions: string): UpdraftError {
  if (status(error) !== 403) return awsError(error, doing);
  return new UpdraftError(
    "denied",
    `could not ${doing}: ${actions} is denied`,
    remedy("denied", "", error),
    error,
  );
}

function remedy(kind: ErrorKind, code: string, error: unknown): string {
  if (kind === "denied") {
    return "Check with `aws sts get-caller-identity` whose credentials these are, and that they have Updraft's policy.";
  }
  if (kind === "capacity")
    return "Add instance types or subnets in other zones, ask for fewer, or try again later.";
  if (kind === "config") return "Correct the knob that names it, then run the same command again.";
  if (THROTTLED.has(code))
    return "AWS limits the rate of requests: wait a minute, then run the same command again.";
  if (isNetworkError(error)) return "Check the network and the endpoint, then run the same command again.";
  return "Run the same command again; if it fails the same way, this is what AWS objects to.";
}
