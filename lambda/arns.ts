import { sub } from "./intrinsic.ts";

/** ARNs in a template: of this partition, region and account. */
export const arn = (rest: string) => sub(`arn:\${AWS::Partition}:${rest}`);
const here = (service: string, resource: string) =>
  arn(`${service}:\${AWS::Region}:\${AWS::AccountId}:${resource}`);

export const ec2 = (resource: string) => here("ec2", resource);
export const stacks = (pattern: string) => here("cloudformation", `stack/${pattern}/*`);
export const functions = (pattern: string) => here("lambda", `function:${pattern}`);
export const rules = (pattern: string) => here("events", `rule/${pattern}`);
export const topics = (pattern: string) => here("sns", pattern);
export const parameters = (pattern: string) => here("ssm", `parameter/${pattern}`);
/** Of nobody's account: images, snapshots, and what AWS itself publishes. */
export const ownerless = (service: string, resource: string) =>
  arn(`${service}:\${AWS::Region}::${resource}`);
export const iam = (resource: string) => arn(`iam::\${AWS::AccountId}:${resource}`);
export const BUCKET_ARN = arn("s3:::${Bucket}");
export const objects = (pattern: string) => arn(`s3:::\${Bucket}/${pattern}`);

export const INSTANCES = ec2("instance/*");
/** Only what an annex's stack made has such a profile. */
export const OUR_PROFILE = { "ec2:InstanceProfile": iam("instance-profile/updraft/*") };
