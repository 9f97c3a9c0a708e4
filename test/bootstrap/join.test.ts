import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createTar } from "nanotar";
import { gzipSync } from "node:zlib";
import { formatManifest, type Manifest } from "../../core/manifest.ts";
import { credentialKey, manifestKey } from "../../core/storage.ts";
import { noInstance, onInstance } from "../support/on-instance.ts";
import { token } from "../support/token.ts";
import { base64, CREDENTIAL, failed, HASTY, JOIN, MASTER, program, sha256, world } from "./world.ts";

describe("updraft-bootstrap join", { skip: await noInstance("nft", "setpriv", "iptables") }, () => {
  it("makes the instance a node", async () => {
    const result = await onInstance(await world({}));
    assert.equal(result.commands[0]?.status, 0, result.commands[0]?.output);
    assert.equal(result.files["/run/master"]?.content, "started\n");
    assert.equal(result.files["/run/systemctl"], undefined);
    const shown = (path: string) => {
      const { content, mode, uid } = result.files[path] ?? {};
      return { content, mode, uid };
    };
    assert.deepEqual(shown("/etc/condor/passwords.d/POOL"), { content: CREDENTIAL, mode: "600", uid: 0 });
    assert.deepEqual(shown("/etc/condor/config.d/50-updraft-annex.config"), {
      content: 'AnnexName = "burst"\n',
      mode: "644",
      uid: 0,
    });
    assert.match(
      shown("/etc/condor/config.d/60-updraft-node.config").content ?? "",
      /^STARTD_NOCLAIM_SHUTDOWN = 300$/m,
    );
    const { mode, content } = shown("/run/updraft/node.json");
    assert.equal(mode, "644");
    const state = JSON.parse(content ?? "") as Record<string, unknown>;
    assert.equal(state["instanceId"], "i-0123456789abcdef0");
    assert.equal(state["interruptible"], true);
    const settings = shown("/var/lib/updraft/guard.json");
    assert.equal(settings.mode, "600");
    const { node } = JSON.parse(settings.content ?? "") as { node: { bootSteps: object } };
    assert.ok(["GuardStarted", "HtcondorStarted"].every((step) => Object.hasOwn(node.bootSteps, step)));
    assert.ok(!result.requests.some((request) => request.includes("BAD SIGNATURE")));
    assert.ok(!JSON.stringify(result.commands).includes("secret+access/key"));
  });

  it("installs a token alone where that is the credential, and takes a password of an earlier boot away", async () => {
    const files = { "/etc/condor/passwords.d/POOL": { content: "of an earlier boot", mode: "600" } };
    const good = token({ exp: Math.round(Date.now() / 1000) + 86400 });
    const result = await onInstance(await world({ token: good, files }));
    assert.equal(result.commands[0]?.status, 0, result.commands[0]?.output);
    const { content, mode, uid } = result.files["/etc/condor/tokens.d/updraft"] ?? {};
    assert.deepEqual({ content, mode, uid }, { content: good, mode: "600", uid: 0 });
    assert.equal(result.files["/etc/condor/passwords.d/POOL"], undefined);
    assert.ok(!JSON.stringify([result.commands, result.console]).includes(good.trim()));
  });

  it("leaves a credential alone that has not been replaced, and says when there is no annex to ask", async () => {
    const [program = "", script = ""] = JOIN;
    const again = [program, script, "credential"];
    const good = token({ exp: Math.round(Date.now() / 1000) + 86400 });
    const result = await onInstance(await world({ token: good, commands: [again, JOIN, again] }));
    assert.deepEqual(
      result.commands.map(({ status }) => status),
      [3, 0, 0],
    );
    assert.match(result.commands[0]?.output ?? "", /has not joined an annex/);
    assert.ok(!result.console.includes("new credential"));
    assert.equal(result.files["/etc/condor/tokens.d/updraft"]?.content, good);
  });

  // From another address than the service's own, as it is on EC2: the refusal must find its way back.
  const connect = (host: string, localAddress: string) =>
    `require("net").connect({host:"${host}",port:80,localAddress:"${localAddress}"})` +
    `.on("connect",()=>process.exit(0)).on("error",()=>process.exit(7))`;
  const tries = [
    [process.execPath, "-e", connect("169.254.169.254", "127.0.0.1")],
    [process.execPath, "-e", connect("fd00:ec2::254", "::1")],
  ];
  const job = ["setpriv", "--reuid=65534", "--clear-groups", "--no-new-privs"];
  const asJob = tries.map((command) => [...job, ...command]);

  it("closes the metadata service to everyone but root", async () => {
    const { commands } = await onInstance(await world({ commands: [...asJob, JOIN, ...asJob, ...tries] }));
    assert.deepEqual(
      commands.map(({ status }) => status),
      [0, 0, 0, 7, 7, 0, 0],
      JSON.stringify(commands),
    );
  });

  it("advertises its public address where the annex is reached directly, and waits for one", async () => {
    const metadata = { "/latest/meta-data/local-ipv4": "172.31.0.4" };
    const address = { "/latest/meta-data/public-ipv4": "203.0.113.9" };
    const node = await onInstance(await world({ direct: true, metadata: { ...metadata, ...address } }));
    assert.equal(node.commands[0]?.status, 0, node.commands[0]?.output);
    assert.match(
      node.files["/etc/condor/config.d/60-updraft-node.config"]?.content ?? "",
      /^TCP_FORWARDING_HOST = 203\.0\.113\.9\nPRIVATE_NETWORK_NAME = i-0123456789abcdef0\nPRIVATE_NETWORK_INTERFACE = 172\.31\.0\.4$/m,
    );
    const without = await onInstance(await world({ direct: true, metadata, commands: [HASTY] }));
    failed(without, "PublicAddress", /metadata service knows of none/);
  });

  it("changes nothing when it is run twice, and starts no second HTCondor", async () => {
    const once = await world({ files: { "/usr/sbin/condor_master": MASTER } });
    const kill = [
      "sh",
      "-c",
      "kill $(cat /proc/[0-9]*/stat | sed -n 's/^\\([0-9]*\\) (condor_master).*/\\1/p')",
    ];
    const first = await onInstance({ ...once, commands: [JOIN, kill] });
    const second = await onInstance({ ...once, commands: [JOIN, JOIN, kill] });
    assert.deepEqual(
      second.commands.map(({ status }) => status),
      [0, 0, 0],
      JSON.stringify(second.commands),
    );
    assert.equal(second.files["/run/master"]?.content, "started\n");
    const config = "/etc/condor/config.d/60-updraft-node.config";
    assert.equal(second.files[config]?.content, first.files[config]?.content);
    assert.equal(second.files["/etc/condor/passwords.d/POOL"]?.mode, "600");
  });

  it("refuses an image without HTCondor at once", async () => {
    const none = await world({ commands: [["rm", "/usr/sbin/condor_master"], JOIN] });
    const result = await onInstance(none);
    failed({ ...result, commands: result.commands.slice(1) }, "HtcondorFound", /the image has no HTCondor/);
    assert.match(result.console, /HtcondorFound failed after 1 attempts/);
  });

  it("reports what it found out at once under the name that it learns only later", async () => {
    const { files, ...rest } = await world({ delaySeconds: { metadata: 0.5 } });
    const { "/usr/sbin/condor_master": _, ...others } = files;
    failed(await onInstance({ ...rest, files: others }), "HtcondorFound", /the image has no HTCondor/);
  });

  const noNft = { "/usr/sbin/nft": program("echo no kernel for that >&2; exit 1") };
  const noIptables = { "/usr/sbin/iptables": program("echo nor for this >&2; exit 1") };

  it("closes it by iptables where there is no nft, once, and before whatever rules there are", async () => {
    const accept = ["iptables", "-A", "OUTPUT", "-j", "ACCEPT"];
    const rules = ["sh", "-c", "iptables -S; ip6tables -S"];
    const { commands } = await onInstance(
      await world({ files: noNft, commands: [accept, JOIN, JOIN, rules, ...asJob, ...tries] }),
    );
    assert.deepEqual(
      commands.map(({ status }) => status),
      [0, 0, 0, 0, 7, 7, 0, 0],
      JSON.stringify(commands),
    );
    const listed = commands[3]?.output.split("\n").filter((line) => line.startsWith("-A")) ?? [];
    assert.deepEqual(
      listed.map((line) => line.replace(/ --reject-with.*/, "")),
      [
        "-A FORWARD -d 169.254.169.254/32 -j DROP",
        "-A OUTPUT -d 169.254.169.254/32 -m owner ! --uid-owner 0 -j REJECT",
        "-A OUTPUT -j ACCEPT",
        "-A FORWARD -d fd00:ec2::254/128 -j DROP",
        "-A OUTPUT -d fd00:ec2::254/128 -m owner ! --uid-owner 0 -j REJECT",
      ],
    );
  });

  it("does not start HTCondor when the metadata service cannot be closed", async () => {
    failed(
      await onInstance(await world({ files: { ...noNft, ...noIptables }, commands: [HASTY] })),
      "MetadataClosed",
      /nft ended with status 1: no kernel for that; iptables ended with status 1: nor for this/,
    );
  });

  it("starts it all the same when the annex says that the service may stay open", async () => {
    const files = { ...noNft, ...noIptables };
    const result = await onInstance(await world({ files, allowOpenMetadata: true }));
    assert.equal(result.commands[0]?.status, 0, result.commands[0]?.output);
    assert.equal(result.files["/run/master"]?.content, "started\n");
    assert.match(result.console, /not closed to jobs: .*_ALLOW_OPEN_METADATA/);
  });

  it("does not start HTCondor when nft and iptables say yes and do nothing", async () => {
    const liars = {
      "/usr/sbin/nft": program("echo '{\"nftables\":[]}'"),
      "/usr/sbin/iptables": program(""),
      "/usr/sbin/iptables-restore": program(""),
    };
    failed(
      await onInstance(await world({ files: liars, commands: [HASTY] })),
      "MetadataClosed",
      /no chain at the hook output; iptables did as if, but the chain OUTPUT, FORWARD/,
    );
  });

  it("reports that HTCondor does not start", async () => {
    const broken = { "/usr/sbin/condor_master": program("exit 44") };
    failed(
      await onInstance(await world({ files: broken, commands: [HASTY] })),
      "HtcondorStarted",
      /condor_master ended with status 44/,
    );
  });

  const manifest = (change: Partial<Manifest>): Record<string, string> => ({
    [manifestKey("burst")]: base64(
      formatManifest({
        annex: "burst",
        pool: "pool.test",
        collectors: "cm.pool.test",
        maxLeaseSeconds: 604800,
        drainSeconds: 600,
        allowOpenMetadata: false,
        direct: false,
        configSha256: "0".repeat(64),
        credential: { kind: "password", sha256: sha256(CREDENTIAL) },
        ...change,
      }),
    ),
  });
  const denied: readonly (readonly [string, Parameters<typeof world>[0], string, RegExp])[] = [
    ["its lease is over", { tags: { "htcondor:LeaseExpiration": "1000" } }, "Lease", /the lease ended/],
    ["its lease is garbage", { tags: { "htcondor:LeaseExpiration": "soon" } }, "Lease", /says "soon"/],
    [
      "its lease is too long",
      { tags: { "htcondor:LeaseExpiration": "99999999999" } },
      "Lease",
      /no time up to 604800 s/,
    ],
    [
      "its tags name another annex",
      { tags: { "htcondor:AnnexName": "other" } },
      "Tags",
      /the tag .* says "other"/,
    ],
    ["its idle time is no number", { tags: { "htcondor:IdleSeconds": "$(id)" } }, "Tags", /IdleSeconds says/],
    [
      "the manifest is of another annex",
      { objects: manifest({ annex: "other" }) },
      "Configuration",
      /403|other/,
    ],
    [
      "the manifest is garbage",
      { objects: { [manifestKey("burst")]: base64("x = 1") } },
      "Configuration",
      /unknown entry/,
    ],
    [
      "the credential has another checksum",
      { objects: { [credentialKey("burst", sha256(CREDENTIAL))]: base64("stolen") } },
      "Configuration",
      /does not have the checksum/,
    ],
    [
      "S3 has no configuration",
      { objects: manifest({}) },
      "Configuration",
      /S3 does not let the node read .*403/,
    ],
    [
      "the metadata service knows nothing",
      { metadata: { "/latest/meta-data/instance-life-cycle": "" }, tags: { "htcondor:Pool": "" } },
      "Tags",
      /Pool/,
    ],
    ["the tarball is none", { tarball: new Uint8Array([1, 2, 3]) }, "Configuration", /cannot be unpacked/],
    ["the token has ended", { token: token({ exp: 1_900_000 }) }, "Configuration", /it ended at 1970/],
    [
      "the token is another annex's",
      { token: token({ sub: "annex-other@pool.test" }) },
      "Configuration",
      /its identity is/,
    ],
    [
      "the tarball is a bomb",
      { tarball: gzipSync(Buffer.alloc(64 * 1024 * 1024)) },
      "Configuration",
      /cannot be unpacked/,
    ],
    [
      "the tarball holds a path",
      { tarball: gzipSync(createTar([{ name: "a/b.config", data: "x" }])) },
      "Configuration",
      /tarball is refused/,
    ],
  ];
  for (const [what, change, step, reason] of denied) {
    it(`reports and powers off when ${what}`, async () => {
      const result = await onInstance(await world({ ...change, commands: [HASTY] }));
      failed(result, step, reason);
      assert.equal(result.files["/etc/condor/passwords.d/POOL"], undefined, "a credential was left");
      assert.equal(result.files["/etc/condor/tokens.d/updraft"], undefined, "a token was left");
      assert.ok(!JSON.stringify(result.stored).includes(CREDENTIAL));
    });
  }

  it("teaches how it is used", async () => {
    const [program = "", script = ""] = JOIN;
    const usage = [
      ["--help"],
      ["join", "--help"],
      ["--version"],
      [],
      ["leave"],
      ["join", "--annex=burst"],
      ["join", "--anex=b"],
    ];
    const result = await onInstance(
      await world({ commands: usage.map((args) => [program, script, ...args]) }),
    );
    assert.deepEqual(
      result.commands.map(({ status }) => status),
      [0, 0, 0, 2, 2, 2, 2],
    );
    assert.match(result.commands[0]?.output ?? "", /--s3-endpoint/);
    assert.match(result.commands[5]?.output ?? "", /--bucket is missing/);
    assert.equal(result.files["/run/systemctl"], undefined, "a mistyped command must not power anything off");
  });
});
