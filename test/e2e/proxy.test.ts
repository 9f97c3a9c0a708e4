import assert from "node:assert/strict";
import { execa } from "execa";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { authority, httpsService, proxy, type Authority } from "../support/aws-loopback.ts";
import { PROJECT } from "../support/on-instance.ts";

describe("the built program reaches AWS as its environment says", { timeout: 60_000 }, () => {
  let ca: Authority;
  before(async () => {
    ca = await authority();
  });
  after(() => ca.remove());

  const setup = (environment: Record<string, string>) =>
    execa(join(PROJECT, "dist/access-point/updraft"), ["setup", "--region", "us-east-1"], {
      reject: false,
      extendEnv: false,
      env: {
        PATH: "/nonexistent",
        HOME: ca.directory,
        AWS_ACCESS_KEY_ID: "a",
        AWS_SECRET_ACCESS_KEY: "b",
        AWS_EC2_METADATA_DISABLED: "true",
        ...environment,
      },
    });

  test("through the proxy, trusting the authority that it is told of", async () => {
    const aws = await httpsService(ca, (_, response) =>
      response
        .writeHead(403)
        .end(
          "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>",
        ),
    );
    const way = await proxy(aws.port);
    const proxied = { HTTPS_PROXY: way.url, AWS_USE_FIPS_ENDPOINT: "true" };
    const denied = await setup({ ...proxied, AWS_CA_BUNDLE: ca.bundle });
    assert.equal(denied.exitCode, 4, denied.stderr);
    assert.match(denied.stderr, /AccessDenied: not you/);
    assert.match(way.asked.join(), /^CONNECT \w+-fips\.us-east-1\.amazonaws\.com:443/);
    assert.ok(aws.asked.length > 0);
    const untrusted = await setup(proxied);
    assert.equal(untrusted.exitCode, 3, untrusted.stderr);
    assert.match(untrusted.stderr, /AWS_CA_BUNDLE/);
    aws.close();
    way.close();
  });

  test("a proxy that is not there ends it at once, with what to do", async () => {
    const { exitCode, stderr } = await setup({ https_proxy: "http://127.0.0.1:9" });
    assert.equal(exitCode, 1);
    assert.match(stderr, /nobody answers: .*127\.0\.0\.1:9\n {2}.*HTTPS_PROXY/);
  });
});
