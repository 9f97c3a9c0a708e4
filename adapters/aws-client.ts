import type { AwsCredentialIdentityProvider } from "@smithy/types";
import { VERSION } from "../core/version.ts";
import { connection, keepMetadataOffProxies, type Connection } from "./aws-connection.ts";

/** What every AWS client of Updraft has in common. Endpoints, FIPS and dual-stack come from the SDK's own configuration. */
export type AwsClientConfig = {
  region: string;
  maxAttempts: number;
  retryMode: string;
  customUserAgent: [string, string][];
  requestHandler: RequestHandler;
  credentials: AwsCredentialIdentityProvider;
  endpoint?: string;
  forcePathStyle?: boolean;
};

type RequestHandler = Connection & {
  connectionTimeout: number;
  requestTimeout: number;
  /** Between two pieces of an answer. */
  socketTimeout: number;
  throwOnRequestTimeout: boolean;
};

export type AwsClientOptions = {
  readonly maxAttempts?: number;
  readonly requestTimeoutSeconds?: number;
  /** How long an order waits when EC2 says that there are too many requests. */
  readonly throttledSeconds?: number;
  /** In place of those that the SDK's chain finds. */
  readonly credentials?: AwsCredentialIdentityProvider;
  /** In place of the region's own, and of what the environment names. */
  readonly endpoint?: string;
  /** For buckets at an endpoint that has no name for each. */
  readonly forcePathStyle?: boolean;
};

let shared: Connection | undefined;
let chain: ReturnType<typeof credentialChain> | undefined;

/** A client of AWS, made when it is first used: of those that the hook might need at a run it needs few. */
export function lazyAwsClient<C>(...of: Parameters<typeof awsClient<C>>): () => C {
  let client: C | undefined;
  return () => (client ??= awsClient(...of));
}

/** The one place where AWS clients are made: `awsClient(EC2Client, "us-east-1")`. */
export function awsClient<C>(
  Client: new (config: AwsClientConfig) => C,
  region: string,
  options: AwsClientOptions = {},
): C {
  const { endpoint, forcePathStyle } = options;
  const requestTimeout = (options.requestTimeoutSeconds ?? 60) * 1000;
  shared ??= connection(process.env);
  return new Client({
    region,
    maxAttempts: options.maxAttempts ?? 5,
    // Exponential with full jitter, no pause longer than 20 s; and it slows down by itself while AWS asks for that.
    retryMode: "adaptive",
    customUserAgent: [["updraft", VERSION]],
    requestHandler: {
      ...shared,
      connectionTimeout: CONNECTION_MILLISECONDS,
      requestTimeout,
      socketTimeout: requestTimeout,
      throwOnRequestTimeout: true,
    },
    credentials: options.credentials ?? found,
    ...(endpoint !== undefined && { endpoint }),
    ...(forcePathStyle !== undefined && { forcePathStyle }),
  });
}

const CONNECTION_MILLISECONDS = 5000;

/** One chain for all clients, so that a program or a service that hands out credentials is asked once. */
const found: AwsCredentialIdentityProvider = async (properties) => {
  chain ??= credentialChain();
  return (await chain)(properties);
};

/** The SDK's own; its sign-on service is told the way too, which it does not take from the client that asks. */
async function credentialChain() {
  keepMetadataOffProxies();
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  const requestHandler = { ...shared, connectionTimeout: CONNECTION_MILLISECONDS, requestTimeout: 20_000 };
  return defaultProvider({ clientConfig: { requestHandler } });
}
