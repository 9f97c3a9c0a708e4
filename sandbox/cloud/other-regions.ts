import { REGION } from "./service.ts";
import { ec2Answer, queryAnswer, type Answer } from "./wire/answer.ts";
import { AwsError } from "./wire/error.ts";
import { text, texts } from "./wire/parameters.ts";
import type { AwsRequest } from "./wire/request.ts";
import { items, members } from "./wire/xml.ts";

/** One for all regions. */
const GLOBAL = new Set(["iam", "s3", "sts"]);

/** Every region but ours exists and is empty: what a command finds there that was given the wrong one. */
const EMPTY: Readonly<Record<string, (request: AwsRequest) => Answer>> = {
  "cloudformation:DescribeStacks": ({ parameters }) => {
    throw new AwsError(
      "ValidationError",
      `Stack with id ${text(parameters["StackName"]) ?? ""} does not exist`,
    );
  },
  "cloudformation:ListStacks": ({ action }) =>
    queryAnswer("cloudformation", action, { StackSummaries: members([]) }),
  "ec2:DescribeInstances": ({ action }) => ec2Answer(action, { reservationSet: items([]) }),
  "ec2:DescribeTags": ({ action }) => ec2Answer(action, { tagSet: items([]) }),
  "ec2:DescribeSubnets": ({ parameters }) => {
    const [id = ""] = texts(parameters["SubnetId"]);
    throw new AwsError("InvalidSubnetID.NotFound", `The subnet ID '${id}' does not exist`);
  },
};

/** The answer of another region; undefined when the request is for ours or for all. */
export function elsewhere(request: AwsRequest): Answer | undefined {
  const region = request.signature?.region ?? REGION;
  if (region === REGION || GLOBAL.has(request.service)) return undefined;
  const answer = EMPTY[`${request.service}:${request.action}`];
  if (answer !== undefined) return answer(request);
  throw new AwsError(
    "UnsupportedOperation",
    `The sandbox has nothing in ${region} that could do ${request.action}.`,
  );
}
