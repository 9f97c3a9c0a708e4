import type { HttpRequest } from "./request.ts";
import type { Parameters } from "./parameters.ts";

type Route = [method: string, path: RegExp, action: string];

const NAME = "([^/]+)";
const ROUTES: Route[] = [
  ["POST", /^\/2015-03-31\/functions\/?$/, "CreateFunction"],
  ["GET", /^\/2015-03-31\/functions\/?$/, "ListFunctions"],
  ["GET", new RegExp(`^/2015-03-31/functions/${NAME}/?$`), "GetFunction"],
  ["DELETE", new RegExp(`^/2015-03-31/functions/${NAME}/?$`), "DeleteFunction"],
  ["PUT", new RegExp(`^/2015-03-31/functions/${NAME}/code$`), "UpdateFunctionCode"],
  ["GET", new RegExp(`^/2015-03-31/functions/${NAME}/configuration$`), "GetFunctionConfiguration"],
  ["PUT", new RegExp(`^/2015-03-31/functions/${NAME}/configuration$`), "UpdateFunctionConfiguration"],
  ["POST", new RegExp(`^/2015-03-31/functions/${NAME}/invocations$`), "Invoke"],
  ["POST", new RegExp(`^/2015-03-31/functions/${NAME}/policy$`), "AddPermission"],
  ["GET", new RegExp(`^/2015-03-31/functions/${NAME}/policy$`), "GetPolicy"],
  ["DELETE", new RegExp(`^/2015-03-31/functions/${NAME}/policy/${NAME}$`), "RemovePermission"],
  ["PUT", new RegExp(`^/2019-09-25/functions/${NAME}/event-invoke-config$`), "PutFunctionEventInvokeConfig"],
  ["GET", new RegExp(`^/2019-09-25/functions/${NAME}/event-invoke-config$`), "GetFunctionEventInvokeConfig"],
  [
    "DELETE",
    new RegExp(`^/2019-09-25/functions/${NAME}/event-invoke-config$`),
    "DeleteFunctionEventInvokeConfig",
  ],
  ["GET", /^\/2017-03-31\/tags\/(.+)$/, "ListTags"],
];

/** Path parameters and query join the body as FunctionName, StatementId and so on. */
export function lambdaOperation(http: HttpRequest): { action: string; parameters: Parameters } {
  const query = Object.fromEntries(http.url.searchParams);
  for (const [method, path, action] of ROUTES) {
    const match = method === http.method ? path.exec(http.url.pathname) : null;
    if (match === null) continue;
    const name = match[1] === undefined ? {} : { FunctionName: functionName(decodeURIComponent(match[1])) };
    const statement = match[2] === undefined ? {} : { StatementId: decodeURIComponent(match[2]) };
    return { action, parameters: { ...bodyOf(action, http.body), ...query, ...name, ...statement } };
  }
  return { action: `${http.method} ${http.url.pathname}`, parameters: {} };
}

/** An event is any JSON, so Invoke's body is not parameters. */
function bodyOf(action: string, body: Buffer): Parameters {
  if (action === "Invoke" || body.length === 0) return {};
  try {
    return JSON.parse(body.toString("utf8")) as Parameters;
  } catch {
    return {};
  }
}

/** From a name, a partial or a whole ARN. */
export function functionName(nameOrArn: string): string {
  const match = /(?:^|:)function:([^:]+)/.exec(nameOrArn);
  return match?.[1] ?? nameOrArn;
}
