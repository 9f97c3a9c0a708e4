import { randomUUID } from "node:crypto";
import type { Answer } from "./answer.ts";
import { xml } from "./xml.ts";

/** How a service speaks; each has its own shape of error. */
export type Protocol = "ec2" | "query" | "json" | "rest-json" | "s3";

/** What AWS itself would answer. */
export class AwsError extends Error {
  override readonly name = "AwsError";
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** The connection is dropped: the caller never learns what happened. */
export class Dropped extends Error {
  override readonly name = "Dropped";
}

export function errorAnswer(protocol: Protocol, error: AwsError, resource = ""): Answer {
  const requestId = randomUUID();
  const { code, message, status } = error;
  switch (protocol) {
    case "ec2":
      return xmlError(
        status,
        xml("Response", { Errors: { Error: { Code: code, Message: message } }, RequestID: requestId }),
      );
    case "query":
      return xmlError(
        status,
        xml("ErrorResponse", {
          Error: { Type: status < 500 ? "Sender" : "Receiver", Code: code, Message: message },
          RequestId: requestId,
        }),
      );
    case "s3":
      return xmlError(
        status,
        xml("Error", { Code: code, Message: message, Resource: resource, RequestId: requestId }),
      );
    default:
      return {
        status,
        headers: {
          "content-type": "application/x-amz-json-1.0",
          "x-amzn-errortype": code,
          "x-amzn-query-error": `${code};${status < 500 ? "Sender" : "Receiver"}`,
          "x-amzn-requestid": requestId,
        },
        body: JSON.stringify({ __type: code, message, Message: message }),
      };
  }
}

function xmlError(status: number, body: string): Answer {
  return {
    status,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  };
}
