import { execa } from "execa";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { DIST } from "./paths.ts";

/**
 * One run of the hook, as it goes while it compiles itself: which of its code a run needs shows when it runs, in a
 * pool of two jobs and an account that has been set up, which exist as canned answers only.
 */
export async function rehearse(command: readonly [string, ...string[]]): Promise<void> {
  // Programs may not run in every machine's directory for temporary files.
  await mkdir(DIST, { recursive: true });
  const directory = await mkdtemp(join(DIST, "rehearsal-"));
  const server = createServer((request, response) => {
    void answer(request).then(({ status, body }) => response.writeHead(status).end(body));
  });
  try {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    for (const [name, script] of Object.entries(programs(directory))) {
      await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    await writeFile(join(directory, "schedd-ad"), `Name = "${HOST}"\n`);
    const [program, ...args] = command;
    await execa(program, args, {
      extendEnv: false,
      env: {
        PATH: `${directory}:/usr/sbin:/usr/bin:/sbin:/bin`,
        HOME: directory,
        AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        AWS_EC2_METADATA_DISABLED: "true",
        AWS_ACCESS_KEY_ID: "rehearsal",
        AWS_SECRET_ACCESS_KEY: "rehearsal",
      },
    });
  } finally {
    server.close();
    await rm(directory, { recursive: true });
  }
}

const HOST = "rehearsal.test";
const IMAGE = "ami-0123456789abcdef0";
const TYPE = "m7i.large";
const now = (): number => Math.floor(Date.now() / 1000);

const say = (what: string): string => `cat <<'END'\n${what}\nEND`;

/** As HTCondor prints ads. */
const ads = (...some: readonly object[]): string =>
  say(`[\n${some.map((ad) => JSON.stringify(ad, null, 2)).join("\n,\n")}\n]`);

/** HTCondor's programs that a run asks. */
function programs(directory: string): Readonly<Record<string, string>> {
  const knobs = {
    FULL_HOSTNAME: HOST,
    UID_DOMAIN: HOST,
    TRUST_DOMAIN: HOST,
    CONDOR_HOST: HOST,
    COLLECTOR_HOST: HOST,
    SPOOL: directory,
    SCHEDD_DAEMON_AD_FILE: join(directory, "schedd-ad"),
    UPDRAFT_STATE_DIR: directory,
    UPDRAFT_ANNEXES: "burst",
    UPDRAFT_burst_REGION: "us-east-1",
    UPDRAFT_burst_SUBNETS: "subnet-0123456789abcdef0",
    UPDRAFT_burst_IMAGE_ID: IMAGE,
    UPDRAFT_burst_INSTANCE_TYPES: TYPE,
    UPDRAFT_burst_OWNERS: "*",
    UPDRAFT_burst_MODE: "advise",
  };
  const jobs = { AutoClusterId: 1, JobCount: 2, JobIds: "1.0 ... 1.1" };
  const request = { RequestCpus: 1, RequestMemory: 64, RequestDisk: 1024 };
  const job = { JobStatus: 1, JobUniverse: 5, EnteredCurrentStatus: 1, User: `somebody@${HOST}` };
  return {
    condor_config_val: say(
      Object.entries(knobs)
        .map(([name, value]) => `${name} = ${value}\n # at: rehearsal`)
        .join("\n"),
    ),
    condor_status: ads(
      { MyType: "Collector", Name: HOST, StatsLastUpdateTime: now(), StatsLifetime: 86_400 },
      { MyType: "Scheduler", Name: HOST, MaxJobsRunning: 100, TotalRunningJobs: 0 },
      { MyType: "Negotiator", Name: HOST, LastNegotiationCycleEnd0: now() },
      { MyType: "Machine", Name: `slot1@${HOST}`, State: "Unclaimed", Cpus: 1, Memory: 64, Disk: 1024 },
    ),
    condor_q: `case "$*" in
*-autocluster*) ${ads({ ...jobs, ...request, Requirements: "TARGET.IsAnnex" })}
;;
*-better-analyze*) ${say("Analyzing matches for 1 slots\n1.0 1 0 0 0 1 somebody")}
;;
*"JobStatus == 1"*) ${ads({ ...jobs, ...request, ...job })}
;;
esac`,
  };
}

const XML: Readonly<Record<string, string>> = {
  GetCallerIdentity: "<GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult>",
  DescribeStacks: `<DescribeStacksResult><Stacks><member><StackName>stack</StackName>
<StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${[
    "Bucket",
    "RoleId",
    "LaunchTemplate",
    "LaunchTemplateVersion",
    "BurstableLaunchTemplate",
    "BurstableLaunchTemplateVersion",
  ]
    .map((key) => `<member><OutputKey>${key}</OutputKey><OutputValue>rehearsal</OutputValue></member>`)
    .join("")}</Outputs></member></Stacks></DescribeStacksResult>`,
  DescribeInstances: `<reservationSet><item><instancesSet><item><instanceId>i-0123456789abcdef0</instanceId>
<imageId>${IMAGE}</imageId><instanceState><name>terminated</name></instanceState><instanceType>${TYPE}</instanceType>
<launchTime>2026-01-01T00:00:00.000Z</launchTime><placement><availabilityZone>us-east-1a</availabilityZone></placement>
<tagSet><item><key>a</key><value>b</value></item></tagSet></item></instancesSet></item></reservationSet>`,
  DescribeImages: `<imagesSet><item><imageId>${IMAGE}</imageId><imageState>available</imageState><name>image</name>
<usageOperation>RunInstances</usageOperation><platformDetails>Linux/UNIX</platformDetails></item></imagesSet>`,
  DescribeInstanceTypes: `<instanceTypeSet><item><instanceType>${TYPE}</instanceType>
<burstablePerformanceSupported>false</burstablePerformanceSupported><vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo>
<memoryInfo><sizeInMiB>8192</sizeInMiB></memoryInfo></item></instanceTypeSet>`,
};

/** As AWS answers: S3 by path, the others by the action that the request's body names. */
async function answer(request: IncomingMessage): Promise<{ status: number; body: string }> {
  const action = new URLSearchParams(await text(request)).get("Action") ?? "";
  const xml = XML[action];
  if (xml !== undefined) return { status: 200, body: `<${action}Response>${xml}</${action}Response>` };
  if (request.url?.includes("/sweeps/last") === true) {
    return { status: 200, body: JSON.stringify({ sweptAt: now() }) };
  }
  return { status: 404, body: "<Error><Code>NoSuchKey</Code></Error>" };
}
