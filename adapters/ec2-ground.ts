import { DescribeKeyPairsCommand, DescribeTagsCommand, EC2Client } from "@aws-sdk/client-ec2";
import type { Ec2Ground, TaggedResource } from "../core/ports.ts";
import { TAG } from "../core/tags.ts";
import { awsClient, type AwsClientOptions } from "./aws-client.ts";
import { awsCode, awsError } from "./aws-errors.ts";

/** What of EC2 is there before an instance and after it. */
export function ec2Ground(region: string, options: AwsClientOptions = {}): Ec2Ground {
  const client = awsClient(EC2Client, region, options);
  return {
    async keyPair(name) {
      try {
        const { KeyPairs } = await client.send(new DescribeKeyPairsCommand({ KeyNames: [name] }));
        return (KeyPairs ?? []).length > 0;
      } catch (error) {
        if (awsCode(error) === "InvalidKeyPair.NotFound") return false;
        throw awsError(error, `find the key pair ${name}`);
      }
    },
    async tagged(annex) {
      const found: TaggedResource[] = [];
      let NextToken: string | undefined;
      do {
        const page = await client
          .send(
            new DescribeTagsCommand({
              Filters: [
                { Name: "key", Values: [TAG.annex] },
                ...(annex === undefined ? [] : [{ Name: "value", Values: [annex] }]),
              ],
              ...(NextToken && { NextToken }),
            }),
          )
          .catch((error: unknown) => {
            throw awsError(error, "list what has an annex's tag");
          });
        for (const { ResourceId: id = "", ResourceType: type = "" } of page.Tags ?? []) {
          // A terminated instance is shown for an hour; which ones live is another question.
          if (type !== "instance") found.push({ type, id });
        }
        NextToken = page.NextToken;
      } while (NextToken !== undefined && NextToken !== "");
      return found;
    },
  };
}
