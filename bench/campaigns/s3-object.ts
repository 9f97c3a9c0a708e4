import { createHash } from "node:crypto";
import type { Sandbox } from "../../sandbox/sandbox.ts";

/** Reads an object of a bucket with the administrator's key, or writes it, as no program of Updraft's would. */
export async function s3Object(
  sandbox: Sandbox,
  bucket: string,
  key: string,
  content?: string,
): Promise<string> {
  const { accessKeyId, secretAccessKey } = await sandbox.administrator();
  const { endpoint, region } = await sandbox.status();
  const sha256 = createHash("sha256")
    .update(content ?? "")
    .digest("hex");
  // The key goes to standard input, where no other process sees it.
  const configuration = [
    `url = "${endpoint}/${bucket}/${key}"`,
    `user = "${accessKeyId}:${secretAccessKey}"`,
    `aws-sigv4 = "aws:amz:${region}:s3"`,
    `header = "x-amz-content-sha256: ${sha256}"`,
    ...(content === undefined
      ? []
      : [
          "request = PUT",
          'header = "content-type: application/octet-stream"',
          `data-binary = ${JSON.stringify(content)}`,
        ]),
  ].join("\n");
  return sandbox.accessPoint.run(["curl", "--silent", "--show-error", "--fail", "--config", "-"], {
    stdin: configuration,
    timeoutSeconds: 30,
  });
}
