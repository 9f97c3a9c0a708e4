/**
 * The process in which a function runs, as Lambda's own runtime does it: reads the event from standard input,
 * writes the outcome to descriptor 3, leaves standard output to the function.
 */
import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { existsSync } from "node:fs";
import { format } from "node:util";

type Context = { functionName: string; awsRequestId: string; getRemainingTimeInMillis: () => number };
type Handler = (event: unknown, context: Context) => unknown;

const OUTCOME_DESCRIPTOR = 3;
const requestId = process.env["_SANDBOX_REQUEST_ID"] ?? "";
const deadline = Number(process.env["_SANDBOX_DEADLINE_MS"] ?? "0");
delete process.env["_SANDBOX_REQUEST_ID"];
delete process.env["_SANDBOX_DEADLINE_MS"];

for (const level of ["log", "info", "warn", "error", "debug"] as const)
  console[level] = (...parts: unknown[]) => {
    const name = level === "log" ? "INFO" : level.toUpperCase();
    const line = format(...parts).replaceAll("\n", "\r");
    process.stdout.write(`${new Date().toISOString()}\t${requestId}\t${name}\t${line}\n`);
  };

function outcome(content: { payload?: unknown; error?: { errorType: string; errorMessage: string } }): void {
  writeSync(OUTCOME_DESCRIPTOR, JSON.stringify(content));
}

async function load(): Promise<Handler> {
  const [module = "index", name = "handler"] = (process.env["_HANDLER"] ?? "").split(".");
  const root = process.env["LAMBDA_TASK_ROOT"] ?? ".";
  const esm = join(root, `${module}.mjs`);
  const loaded = (
    existsSync(esm)
      ? await import(pathToFileURL(esm).href)
      : createRequire(join(root, "/"))(join(root, `${module}.js`))
  ) as Record<string, unknown>;
  const handler = loaded[name];
  if (typeof handler !== "function")
    throw new TypeError(`${process.env["_HANDLER"] ?? ""} is undefined or not exported`);
  return handler as Handler;
}

try {
  const event: unknown = JSON.parse(readFileSync(0, "utf8"));
  const handler = await load();
  const payload = await handler(event, {
    functionName: process.env["AWS_LAMBDA_FUNCTION_NAME"] ?? "",
    awsRequestId: requestId,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  });
  outcome({ payload: payload ?? null });
} catch (error) {
  const known = error instanceof Error ? error : new Error(String(error));
  outcome({ error: { errorType: known.name, errorMessage: known.message } });
}
// A connection kept alive must not keep the process: Lambda freezes it here.
process.exit(0);
