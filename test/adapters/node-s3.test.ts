import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { describe, it } from "node:test";
import { nodeS3, type NodeStorage } from "../../adapters/node-s3.ts";
import { signed } from "../support/signature.ts";

const SECRET = { accessKeyId: "ASIATEST", secretAccessKey: "secret+access/key", sessionToken: "a//token==" };
const NOW = 1_790_000_000;

type Served = { readonly storage: NodeStorage; readonly requests: readonly IncomingMessage[]; asked: number };

/** A bucket that answers as told; what was sent to it is kept. */
async function withBucket(
  answer: RequestListener,
  work: (served: Served) => Promise<void>,
  credentials: { seconds: number; failures: number } = { seconds: 3600, failures: 0 },
): Promise<void> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const served: Served = {
    requests,
    asked: 0,
    storage: nodeS3({
      region: "eu-west-1",
      bucket: "a-bucket",
      endpoint: `http://127.0.0.1:${port}/`,
      now: () => NOW,
      async credentials() {
        served.asked++;
        if (served.asked <= credentials.failures) throw new Error("not yet");
        return { ...SECRET, expiration: new Date((NOW + credentials.seconds) * 1000) };
      },
    }),
  };
  try {
    await work(served);
  } finally {
    server.close().closeAllConnections();
  }
}

describe("S3 as a node uses it", () => {
  it("signs what it asks for, in the time that it is told, whatever the key holds", async () => {
    const key = "reports/burst/AROATEST:i-0123 (1)*'!~.json";
    await withBucket(
      (_request, response) => void response.end("found"),
      async ({ storage, requests }) => {
        assert.equal(Buffer.from(await storage.get(key, 5)).toString(), "found");
        await storage.put(key, "written");
        for (const request of requests) {
          assert.ok(signed(request, SECRET));
          assert.equal(request.headers["x-amz-date"], "20260921T141320Z");
          assert.equal(decodeURIComponent(request.url ?? ""), `/a-bucket/${key}`);
          assert.match(request.headers.authorization ?? "", /\/eu-west-1\/s3\//);
        }
      },
    );
  });

  it("asks for the role's credentials once, again when they are about to end, and again after a failure", async () => {
    const found: RequestListener = (_request, response) => void response.end("");
    for (const [seconds, failures, asked] of [
      [3600, 0, 1],
      [299, 0, 3],
      [3600, 1, 2],
    ] as const) {
      await withBucket(
        found,
        async (served) => {
          for (let time = 0; time < failures; time++) {
            await assert.rejects(served.storage.get("a", 1), /does not let the node read .*a: not yet/);
          }
          for (let time = 0; time < 3; time++) await served.storage.get("a", 1);
          assert.equal(served.asked, asked);
        },
        { seconds, failures },
      );
    }
  });

  it("takes no more than it was told to, though S3 does not say how much there is", async () => {
    const endless: RequestListener = (_request, response) => {
      const more = (): void => void (response.destroyed || response.write("x".repeat(1000), more));
      more();
    };
    await withBucket(endless, async ({ storage }) => {
      await assert.rejects(storage.get("a", 10_000), /larger than 10000 bytes/);
    });
  });

  it("says what S3 said, and what can be done", async () => {
    const refusals: readonly (readonly [string, RegExp])[] = [
      ["<Error><Code>AccessDenied</Code><Message>no</Message></Error>", /AccessDenied \(status 403\)$/],
      ["<html>a proxy</html>", /an error \(status 403\)$/],
    ];
    for (const [body, expected] of refusals) {
      const refuse: RequestListener = (_request, response) => void response.writeHead(403).end(body);
      await withBucket(refuse, async ({ storage }) => {
        await assert.rejects(storage.get("bin/a", 10), expected);
        await assert.rejects(
          storage.put("bin/a", "b"),
          /does not let the node write s3:\/\/a-bucket\/bin\/a/,
        );
      });
    }
    await withBucket(
      (request) => request.socket.destroy(),
      async ({ storage }) => {
        await assert.rejects(storage.get("a", 10), /socket hang up/);
      },
    );
  });
});
