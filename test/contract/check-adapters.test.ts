import { after, before, describe } from "node:test";
import { CloudFormationClient } from "@aws-sdk/client-cloudformation";
import { CreateLaunchTemplateCommand, DescribeSecurityGroupsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { accountFacts } from "../../adapters/account-facts.ts";
import { enforcer } from "../../adapters/enforcer.ts";
import { placeFacts } from "../../adapters/place-facts.ts";
import { trials } from "../../adapters/trials.ts";
import { templateBody } from "../../core/stacks.ts";
import { accountTemplate } from "../../lambda/account.template.ts";
import { IMAGE, createStack, outputs, speakTo, testCloud, type TestCloud } from "../sandbox/cloud/harness.ts";
import { enforcerContract, factsContract, placesContract, trialsContract } from "./check.ts";

const REGION = "us-east-1";
/** Stands for the enforcer: it says what it was asked, or fails when it is told to. */
const FUNCTION = `exports.handler = async (event) => {
  process.stdout.write("hello\\n");
  if (event.fail) throw new Error("it broke");
  return event;
};`;

describe("the check's adapters over the sandbox's cloud", () => {
  let world: TestCloud;
  let made: Record<string, string>;
  let template: string;
  let group: string;
  let subnets: { subnetId: string; zone: string; vpcId: string }[];

  before(async () => {
    world = await testCloud();
    const { cloud } = world;
    speakTo(cloud);
    const s3 = new S3Client({ region: REGION, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: "updraft-contract" }));
    const body = templateBody(accountTemplate(FUNCTION));
    const stack = await createStack(new CloudFormationClient({ region: REGION }), "updraft", body, {
      AlarmEmail: "admin@example.org",
    });
    made = outputs(stack);
    subnets = await cloud.subnets();
    const ec2 = new EC2Client({ region: REGION });
    const { SecurityGroups } = await ec2.send(new DescribeSecurityGroupsCommand({ GroupNames: ["default"] }));
    group = SecurityGroups?.[0]?.GroupId ?? "";
    const launchTemplate = await ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: "trial",
        LaunchTemplateData: { ImageId: IMAGE },
      }),
    );
    template = launchTemplate.LaunchTemplate?.LaunchTemplateId ?? "";
  });
  after(() => world.stop());

  factsContract(
    "facts",
    () => accountFacts(REGION),
    () => ({
      bucket: made["Bucket"] ?? "",
      account: world.cloud.accountId,
      topic: made["Topic"] ?? "",
      function: "updraft-enforcer",
      rule: "updraft-enforcer",
      alarm: "updraft-no-complete-sweep",
      stack: "updraft",
    }),
  );
  placesContract(
    "places",
    () => placeFacts(REGION),
    () => ({ subnets, image: IMAGE }),
  );
  trialsContract(
    "trials",
    () => trials(REGION),
    () => ({
      template: { id: template, version: "1" },
      imageId: IMAGE,
      type: "m5.large",
      subnet: subnets[0]?.subnetId ?? "",
      group,
      tags: { a: "b" },
    }),
    () => world.cloud.instances().length,
  );
  enforcerContract(
    "enforcer",
    () => enforcer(REGION),
    () => made["Enforcer"] ?? "",
  );
});
