import assert from "node:assert/strict";
import { execa } from "execa";
import { chmod, writeFile } from "node:fs/promises";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  CALLER,
  authority,
  httpService,
  httpsService,
  proxy,
  type Authority,
  type Loopback,
  type Proxy,
} from "../support/aws-loopback.ts";
import { PROJECT } from "../support/on-instance.ts";

type Outcome = {
  readonly account?: string;
  readonly kind?: string;
  readonly message?: string;
  readonly remedy?: string;
  readonly status?: number;
};

const KEYS = { AWS_ACCESS_KEY_ID: "AKIDKEY", AWS_SECRET_ACCESS_KEY: "secret" };

describe("every AWS client is made as its surroundings say", { timeout: 120_000 }, () => {
  let ca: Authority;
  let aws: Loopback;
  let way: Proxy;
  const opened: { close(): void }[] = [];

  before(async () => {
    ca = await authority();
    aws = await httpsService(ca);
    way = await proxy(aws.port);
    opened.push(aws, way);
  });
  after(async () => {
    for (const one of opened) one.close();
    await ca.remove();
  });

  async function call(environment: Record<string, string>, region = "us-east-1"): Promise<Outcome> {
    const { stdout, stderr } = await execa(
      process.execPath,
      [join(PROJECT, "test/support/who-calls.ts"), region],
      {
        reject: false,
        extendEnv: false,
        env: {
          PATH: process.env["PATH"] ?? "",
          HOME: ca.directory,
          AWS_EC2_METADATA_DISABLED: "true",
          ...environment,
        },
      },
    );
    assert.notEqual(stdout, "", stderr);
    return JSON.parse(stdout) as Outcome;
  }

  async function opening<T extends { close(): void }>(one: Promise<T>): Promise<T> {
    const it = await one;
    opened.push(it);
    return it;
  }

  async function profile(name: string, text: string): Promise<Record<string, string>> {
    const path = join(ca.directory, name);
    await writeFile(path, text);
    return { AWS_CONFIG_FILE: path };
  }

  const through = (): Record<string, string> => ({
    ...KEYS,
    HTTPS_PROXY: way.url,
    AWS_CA_BUNDLE: ca.bundle,
  });

  test("through a proxy, with an authority of one's own, to the endpoint that region and switches choose", async () => {
    for (const [environment, region, host] of [
      [{}, "us-east-1", "sts.us-east-1.amazonaws.com"],
      [{}, "us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"],
      [{}, "cn-north-1", "sts.cn-north-1.amazonaws.com.cn"],
      [{ AWS_USE_FIPS_ENDPOINT: "true" }, "us-east-1", "sts-fips.us-east-1.amazonaws.com"],
      [{ AWS_USE_DUALSTACK_ENDPOINT: "true" }, "us-east-1", "sts.us-east-1.api.aws"],
    ] as const) {
      way.asked.length = 0;
      assert.equal((await call({ ...through(), ...environment }, region)).account, CALLER);
      assert.deepEqual(way.asked, [`CONNECT ${host}:443`]);
    }
  });

  test("proxies by lower-case names and for plain HTTP, and none for hosts in NO_PROXY", async () => {
    way.asked.length = 0;
    const lower = { ...KEYS, https_proxy: way.url, AWS_CA_BUNDLE: ca.bundle };
    assert.equal((await call(lower)).account, CALLER);
    const plain = { ...KEYS, HTTP_PROXY: way.url, AWS_ENDPOINT_URL: "http://sts.example.org" };
    assert.equal((await call(plain)).account, CALLER);
    assert.deepEqual(way.asked, ["CONNECT sts.us-east-1.amazonaws.com:443", "POST http://sts.example.org/"]);
    way.asked.length = 0;
    for (const none of ["NO_PROXY", "no_proxy"]) {
      const direct = { ...through(), AWS_ENDPOINT_URL_STS: `https://localhost:${aws.port}` };
      assert.equal((await call({ ...direct, [none]: "example.org,localhost" })).account, CALLER);
    }
    assert.deepEqual(way.asked, []);
  });

  test("endpoints from the environment, one service's before all others', and from the profile", async () => {
    const right = await opening(httpService());
    const wrong = await opening(httpService((_, response) => void response.writeHead(500).end()));
    const url = ({ port }: Loopback): string => `http://127.0.0.1:${port}`;
    assert.equal((await call({ ...KEYS, AWS_ENDPOINT_URL: url(right) })).account, CALLER);
    const both = { AWS_ENDPOINT_URL: url(wrong), AWS_ENDPOINT_URL_STS: url(right) };
    assert.equal((await call({ ...KEYS, ...both })).account, CALLER);
    const services = await profile(
      "services",
      `[default]\nservices = here\nendpoint_url = ${url(wrong)}\n[services here]\nsts =\n  endpoint_url = ${url(right)}\n`,
    );
    assert.equal((await call({ ...KEYS, ...services })).account, CALLER);
    assert.equal(wrong.asked.length, 0);
  });

  test("credentials of a profile, of a program, and of the instance, which is asked without a proxy", async () => {
    const sts = await opening(httpService());
    const AWS_ENDPOINT_URL_STS = `http://127.0.0.1:${sts.port}`;
    const keyOf = (): string =>
      /Credential=([^/]+)/.exec(sts.asked.at(-1)?.authorization ?? "")?.[1] ?? "none";

    const named = await profile(
      "named",
      "[profile lab]\naws_access_key_id = AKIDLAB\naws_secret_access_key = s\n",
    );
    assert.equal((await call({ ...named, AWS_PROFILE: "lab", AWS_ENDPOINT_URL_STS })).account, CALLER);
    assert.equal(keyOf(), "AKIDLAB");

    const program = join(ca.directory, "give-credentials");
    await writeFile(
      program,
      `#!/bin/sh\necho x >> ${program}.ran\necho '{"Version":1,"AccessKeyId":"AKIDPROGRAM","SecretAccessKey":"s"}'\n`,
    );
    await chmod(program, 0o755);
    const process = await profile("process", `[default]\ncredential_process = ${program}\n`);
    assert.equal((await call({ ...process, AWS_ENDPOINT_URL_STS })).account, CALLER);
    assert.equal(keyOf(), "AKIDPROGRAM");
    assert.equal(readFileSync(`${program}.ran`, "utf8"), "x\n", "it ran once");

    const metadata = await opening(
      httpService((request, response) => {
        if (request.url === "/latest/api/token") response.end("token");
        else if (request.url === "/latest/meta-data/iam/security-credentials/") response.end("role");
        else
          response.end(
            JSON.stringify({
              Code: "Success",
              AccessKeyId: "ASIAROLE",
              SecretAccessKey: "s",
              Token: "t",
              Expiration: "2099-01-01T00:00:00Z",
            }),
          );
      }),
    );
    way.asked.length = 0;
    const role = {
      AWS_EC2_METADATA_DISABLED: "false",
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${metadata.port}`,
      HTTP_PROXY: way.url,
      HTTPS_PROXY: way.url,
      NODE_USE_ENV_PROXY: "1",
      AWS_ENDPOINT_URL_STS: "http://sts.example.org",
    };
    assert.equal((await call(role)).account, CALLER);
    assert.ok(metadata.asked.length >= 2);
    assert.deepEqual(way.asked, ["POST http://sts.example.org/"], "only AWS is asked through the proxy");
  });

  test("single sign-on goes through the proxy too", async () => {
    const portal = await opening(
      httpsService(ca, (_, response) => {
        response.setHeader("content-type", "application/json");
        response.end(
          JSON.stringify({
            roleCredentials: {
              accessKeyId: "ASIASSO",
              secretAccessKey: "s",
              sessionToken: "t",
              expiration: 4_070_908_800_000,
            },
          }),
        );
      }),
    );
    const toPortal = await opening(proxy(portal.port));
    const start = "https://sso.example.org/start";
    const sso = await profile(
      "sso",
      `[default]\nsso_start_url = ${start}\nsso_region = us-east-1\nsso_account_id = ${CALLER}\nsso_role_name = r\n`,
    );
    const cache = join(ca.directory, ".aws/sso/cache");
    await execa("mkdir", ["-p", cache]);
    const name = (await execa({ input: start })`sha1sum`).stdout.slice(0, 40);
    const token = (expiresAt: string) =>
      writeFile(
        join(cache, `${name}.json`),
        JSON.stringify({ startUrl: start, accessToken: "a", expiresAt }),
      );
    const sts = await opening(httpService());
    const environment = {
      ...sso,
      HTTPS_PROXY: toPortal.url,
      AWS_CA_BUNDLE: ca.bundle,
      AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${sts.port}`,
    };
    await token("2099-01-01T00:00:00Z");
    assert.equal((await call(environment)).account, CALLER);
    assert.deepEqual(toPortal.asked, ["CONNECT portal.sso.us-east-1.amazonaws.com:443"]);

    await token("2020-01-01T00:00:00Z");
    const expired = await call(environment);
    assert.equal(expired.status, 4);
    assert.match(expired.message ?? "", /SSO session .* has expired/);
    assert.match(expired.remedy ?? "", /aws sso login/);
  });

  test("what stands in the way is named, with what to do and its exit status", async () => {
    const refusing = async (status: number, text: string): Promise<Record<string, string>> => ({
      ...through(),
      HTTPS_PROXY: (await opening(proxy(0, { status, text }))).url,
    });
    const silent = await opening(httpService(() => undefined));
    const at = (url: string): Record<string, string> => ({ ...KEYS, AWS_ENDPOINT_URL: url });
    const withoutBundle: Record<string, string> = { ...KEYS, HTTPS_PROXY: way.url };
    const secret = "http://user:hunter2@127.0.0.1:9";
    const cases: readonly (readonly [Record<string, string>, number, RegExp, RegExp, string?])[] = [
      [await refusing(407, "Proxy Authentication Required"), 4, /proxy .* 407/, /USER:PASSWORD/],
      [await refusing(403, "Forbidden"), 4, /proxy .* 403/, /NO_PROXY/],
      [await refusing(502, "Bad Gateway"), 1, /proxy .* 502/, /HTTPS_PROXY/],
      [{ ...through(), HTTPS_PROXY: "http://127.0.0.1:9" }, 1, /ECONNREFUSED/, /HTTPS_PROXY/],
      [{ ...through(), HTTPS_PROXY: secret }, 1, /ECONNREFUSED/, /HTTPS_PROXY/],
      [{ ...through(), HTTPS_PROXY: "127.0.0.1:3128" }, 3, /HTTPS_PROXY is no URL/, /http:\/\/proxy/],
      [withoutBundle, 3, /authority that this machine does not know/, /AWS_CA_BUNDLE/],
      [{ ...KEYS, AWS_CA_BUNDLE: "/nonexistent" }, 3, /\/nonexistent.*cannot be read/, /PEM/],
      [{ ...KEYS, AWS_CA_BUNDLE: "/etc/passwd" }, 3, /holds no certificate/, /PEM/],
      [at(`https://127.0.0.1:${silent.port}`), 3, /does not speak TLS/, /http:\/\/ or https:\/\//],
      [at(`http://127.0.0.1:${silent.port}`), 1, /no answer in time/, /network/],
      [at("http://127.0.0.1:9"), 1, /nobody answers: .*127\.0\.0\.1:9/, /endpoint/],
      [at("localhost:4566"), 3, /AWS_ENDPOINT_URL is no URL/, /https:\/\//],
      [{ ...KEYS, AWS_USE_FIPS_ENDPOINT: "yes" }, 3, /AWS_USE_FIPS_ENDPOINT/, /true or false/],
      [{ ...at("http://127.0.0.1:9"), AWS_USE_FIPS_ENDPOINT: "true" }, 3, /FIPS/, /AWS_ENDPOINT_URL/],
      [KEYS, 1, /sts\.us-east-9\.amazonaws\.com is not known/, /region exists/, "us-east-9"],
      [KEYS, 3, /us east 1/, /us-east-1/, "us east 1"],
      [{}, 4, /there are no AWS credentials$/, /AWS_PROFILE/],
      [{ AWS_PROFILE: "nobody" }, 4, /nobody/, /AWS_PROFILE/],
    ];
    const broken = join(ca.directory, "broken.pem");
    await writeFile(broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    const failing = await profile("failing", "[default]\ncredential_process = /bin/false\n");
    for (const [environment, status, message, remedy, region] of [
      ...cases,
      [{ ...KEYS, AWS_CA_BUNDLE: broken }, 3, /certificate 1 of 1/, /PEM/] as const,
      [failing, 4, /there are no AWS credentials/, /credential_process/] as const,
    ]) {
      const outcome = await call(environment, region);
      assert.equal(outcome.status, status, JSON.stringify(outcome));
      assert.match(outcome.message ?? "", message);
      assert.match(outcome.remedy ?? "", remedy);
      assert.doesNotMatch(JSON.stringify(outcome), /hunter2/);
    }
  });

  test("credentials that AWS refuses, and a clock that is wrong", async () => {
    const refuse = async (code: string, skewSeconds = 0): Promise<Outcome> => {
      const sts = await opening(
        httpService((_, response) => {
          response.sendDate = false;
          response.setHeader("date", new Date(Date.now() + skewSeconds * 1000).toUTCString());
          response
            .writeHead(403)
            .end(
              `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`,
            );
        }),
      );
      return call({ ...KEYS, AWS_ENDPOINT_URL: `http://127.0.0.1:${sts.port}` });
    };
    for (const [code, skew, message, remedy] of [
      ["ExpiredToken", 0, /ExpiredToken: no/, /log in again/],
      ["InvalidClientTokenId", 0, /InvalidClientTokenId/, /does not know these credentials/],
      ["AccessDenied", 0, /AccessDenied/, /policy/],
      ["SignatureDoesNotMatch", 1800, /clock is 30m behind/, /Set the clock/],
      ["RequestExpired", -7200, /clock is 2h ahead/, /Set the clock/],
    ] as const) {
      const outcome = await refuse(code, skew);
      assert.equal(outcome.status, 4);
      assert.match(outcome.message ?? "", message);
      assert.match(outcome.remedy ?? "", remedy);
    }
  });

  test("nobody else makes one", () => {
    const sources = globSync("{adapters,bootstrap,core,hooks,lambda,scripts}/**/*.ts", { cwd: PROJECT });
    assert.ok(sources.length > 100);
    const makers = sources.filter((path) =>
      /new \w*Client\(|new NodeHttpHandler\(|new https?\.Agent\(/.test(
        readFileSync(join(PROJECT, path), "utf8"),
      ),
    );
    assert.deepEqual(makers.sort(), ["adapters/aws-client.ts", "adapters/aws-connection.ts"]);
  });
});
