import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { xml, type Xml } from "./xml.ts";

export type Answer = {
  status: number;
  headers: Record<string, string | string[]>;
  body: string | Buffer | Readable;
};

const EC2_NAMESPACE = ' xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"';
const NAMESPACES: Record<string, string> = {
  cloudformation: "http://cloudformation.amazonaws.com/doc/2010-05-15/",
  sns: "http://sns.amazonaws.com/doc/2010-03-31/",
  sts: "https://sts.amazonaws.com/doc/2011-06-15/",
};

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

export function ec2Answer(action: string, content: Record<string, Xml>): Answer {
  const body = xml(`${action}Response`, { requestId: randomUUID(), ...content }, EC2_NAMESPACE);
  return { status: 200, headers: { "content-type": "text/xml;charset=UTF-8" }, body: DECLARATION + body };
}

export function queryAnswer(service: string, action: string, result: Record<string, Xml>): Answer {
  const body = xml(
    `${action}Response`,
    { [`${action}Result`]: result, ResponseMetadata: { RequestId: randomUUID() } },
    ` xmlns="${NAMESPACES[service] ?? ""}"`,
  );
  return { status: 200, headers: { "content-type": "text/xml" }, body: DECLARATION + body };
}

/** The emulator's answer with its text changed. */
export async function rewritten(answer: Answer, change: (text: string) => string): Promise<Answer> {
  const { "content-length": _, ...headers } = answer.headers;
  const { body } = answer;
  return { ...answer, headers, body: change(body instanceof Readable ? await text(body) : body.toString()) };
}

export function jsonAnswer(content: unknown, status = 200, type = "application/json"): Answer {
  return {
    status,
    headers: { "content-type": type, "x-amzn-requestid": randomUUID() },
    body: content === undefined ? "" : JSON.stringify(content),
  };
}
