import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutPublicAccessBlockCommand,
  HeadBucketCommand,
  type LifecycleRule,
  type S3Client,
} from "@aws-sdk/client-s3";
import { AwsError } from "../../wire/error.ts";
import {
  generatedName,
  number,
  record,
  records,
  string,
  tagList,
  typed,
  unlessGone,
  type Made,
  type Properties,
  type Provider,
} from "../provider.ts";

const MADE: readonly string[] = [
  "BucketName",
  "PublicAccessBlockConfiguration",
  "OwnershipControls",
  "BucketEncryption",
  "LifecycleConfiguration",
  "Tags",
];

function lifecycleRule(rule: Properties): LifecycleRule {
  const abort = record(rule["AbortIncompleteMultipartUpload"]);
  const days = number(rule["ExpirationInDays"]);
  return {
    ID: string(rule["Id"]),
    Status: string(rule["Status"]) === "Enabled" ? "Enabled" : "Disabled",
    Filter: { Prefix: string(rule["Prefix"]) ?? "" },
    ...(days === undefined ? {} : { Expiration: { Days: days } }),
    ...(abort["DaysAfterInitiation"] === undefined
      ? {}
      : { AbortIncompleteMultipartUpload: { DaysAfterInitiation: number(abort["DaysAfterInitiation"]) } }),
  };
}

async function configure(s3: S3Client, Bucket: string, properties: Properties): Promise<Made> {
  const {
    PublicAccessBlockConfiguration,
    OwnershipControls,
    BucketEncryption,
    LifecycleConfiguration,
    Tags,
  } = properties;
  if (PublicAccessBlockConfiguration !== undefined)
    await s3.send(
      new PutPublicAccessBlockCommand({
        Bucket,
        PublicAccessBlockConfiguration: record(typed(PublicAccessBlockConfiguration)),
      }),
    );
  if (OwnershipControls !== undefined)
    await s3.send(
      new PutBucketOwnershipControlsCommand({
        Bucket,
        OwnershipControls: {
          Rules: records(record(OwnershipControls)["Rules"]).map((rule) => ({
            ObjectOwnership: string(rule["ObjectOwnership"]) as "BucketOwnerEnforced",
          })),
        },
      }),
    );
  if (BucketEncryption !== undefined)
    await s3.send(
      new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: {
          Rules: records(record(BucketEncryption)["ServerSideEncryptionConfiguration"]).map((rule) => ({
            ApplyServerSideEncryptionByDefault: {
              SSEAlgorithm: string(record(rule["ServerSideEncryptionByDefault"])["SSEAlgorithm"]) as "AES256",
            },
          })),
        },
      }),
    );
  if (LifecycleConfiguration !== undefined)
    await s3.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket,
        LifecycleConfiguration: {
          Rules: records(record(LifecycleConfiguration)["Rules"]).map(lifecycleRule),
        },
      }),
    );
  if (Tags !== undefined)
    await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: tagList(Tags) } }));
  return {
    physicalId: Bucket,
    attributes: {
      Arn: `arn:aws:s3:::${Bucket}`,
      DomainName: `${Bucket}.s3.amazonaws.com`,
      RegionalDomainName: `${Bucket}.s3.us-east-1.amazonaws.com`,
    },
  };
}

const bucket: Provider = {
  properties: MADE,
  async create(properties, making) {
    const { s3 } = making.clients;
    const Bucket = string(properties["BucketName"]) ?? generatedName(making, 63).toLowerCase();
    const taken = await s3.send(new HeadBucketCommand({ Bucket })).then(
      () => true,
      () => false,
    );
    if (taken) throw new AwsError("AlreadyExists", `${Bucket} already exists`);
    await s3.send(new CreateBucketCommand({ Bucket }));
    return configure(s3, Bucket, properties);
  },
  update: (Bucket, properties, { clients }) => configure(clients.s3, Bucket, properties),
  async delete(Bucket, _, { clients }) {
    await unlessGone(clients.s3.send(new DeleteBucketCommand({ Bucket })));
  },
};

async function putPolicy(s3: S3Client, properties: Properties): Promise<Made> {
  const Bucket = string(properties["Bucket"]) ?? "";
  const Policy = JSON.stringify(properties["PolicyDocument"]);
  await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
  return { physicalId: Bucket };
}

const bucketPolicy: Provider = {
  properties: ["Bucket", "PolicyDocument"],
  create: (properties, { clients }) => putPolicy(clients.s3, properties),
  update: (_, properties, { clients }) => putPolicy(clients.s3, properties),
  async delete(Bucket, _, { clients }) {
    await unlessGone(clients.s3.send(new DeleteBucketPolicyCommand({ Bucket })));
  },
};

export const S3_PROVIDERS: Record<string, Provider> = {
  "AWS::S3::Bucket": bucket,
  "AWS::S3::BucketPolicy": bucketPolicy,
};
