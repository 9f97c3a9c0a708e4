import { awsError } from "../../adapters/aws-errors.ts";
import { identity } from "../../adapters/sts.ts";
import { UpdraftError } from "../../core/errors.ts";

/** Asks AWS who calls, as every program does, in the environment of this process; prints the answer or the error. */
const region = process.argv[2] ?? "us-east-1";
const result = await identity(region, { maxAttempts: 1, requestTimeoutSeconds: 2 }).catch(
  (error: unknown) => {
    const failure = error instanceof UpdraftError ? error : awsError(error, "call");
    return {
      kind: failure.kind,
      message: failure.message,
      remedy: failure.remedy,
      status: failure.exitStatus,
    };
  },
);
process.stdout.write(`${JSON.stringify(result)}\n`);
