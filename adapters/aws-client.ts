import { VERSION } from "../core/version.ts";

/** What every AWS client of Updraft has in common. Endpoints and credentials come from the SDK's own default chain. */
export type AwsClientConfig = {
  region: string;
  maxAttempts: number;
  retryMode: string;
  customUserAgent: [string, string][];
  requestHandler: { connectionTimeout: number; requestTimeout: number; throwOnRequestTimeout: boolean };
};

export type AwsClientOptions = { readonly maxAttempts?: number; readonly requestTimeoutSeconds?: number };

/** The one place where AWS clients are made: `awsClient(EC2Client, "us-east-1")`. */
export function awsClient<C>(
  Client: new (config: AwsClientConfig) => C,
  region: string,
  options: AwsClientOptions = {},
): C {
  return new Client({
    region,
    maxAttempts: options.maxAttempts ?? 5,
    retryMode: "standard",
    customUserAgent: [["updraft", VERSION]],
    requestHandler: {
      connectionTimeout: 5000,
      requestTimeout: (options.requestTimeoutSeconds ?? 60) * 1000,
      throwOnRequestTimeout: true,
    },
  });
}
