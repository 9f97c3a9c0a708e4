import { after, before, describe } from "node:test";
import { CreateLaunchTemplateCommand, EC2Client } from "@aws-sdk/client-ec2";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { cloudFormation } from "../../adapters/cloudformation.ts";
import { ec2 } from "../../adapters/ec2.ts";
import { priceList } from "../../adapters/price-list.ts";
import { s3 } from "../../adapters/s3.ts";
import { spotPrices } from "../../adapters/spot-prices.ts";
import { IMAGE, speakTo, testCloud, type TestCloud } from "../sandbox/cloud/harness.ts";
import { cloudFormationContract } from "./cloudformation.ts";
import { ec2Contract, type LaunchSite } from "./ec2.ts";
import { pricesContract } from "./prices.ts";
import { storageContract } from "./storage.ts";

const REGION = "us-east-1";
const BUCKET = "updraft-contract";
const clock = {
  now: () => Date.now() / 1000,
  sleep: (seconds: number) => new Promise<void>((resolve) => void setTimeout(resolve, seconds * 100)),
};

describe("our adapters over the sandbox's cloud", () => {
  let world: TestCloud;
  let site: LaunchSite;

  before(async () => {
    world = await testCloud();
    const { cloud } = world;
    speakTo(cloud);
    await new S3Client({ region: REGION, forcePathStyle: true }).send(
      new CreateBucketCommand({ Bucket: BUCKET }),
    );
    const made = await new EC2Client({ region: REGION }).send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: "contract",
        LaunchTemplateData: { ImageId: IMAGE },
      }),
    );
    const subnets = (await cloud.subnets()).slice(0, 2).map(({ subnetId }) => subnetId);
    site = {
      template: { id: made.LaunchTemplate?.LaunchTemplateId ?? "", version: "1" },
      imageId: IMAGE,
      subnets,
    };
  });
  after(() => world.stop());

  storageContract(
    "s3",
    () => s3(REGION, BUCKET, world.cloud.accountId),
    () => s3(REGION, BUCKET, "999999999999"),
  );
  cloudFormationContract("cloudformation", () => cloudFormation(REGION, clock, () => {}));
  ec2Contract(
    "ec2",
    () => ec2(REGION),
    () => site,
  );
  pricesContract(
    () => priceList(REGION),
    () => spotPrices(REGION),
    (change) => world.cloud.settings(change),
  );
});
