import { setTimeout as sleep } from "node:timers/promises";
import { uniform } from "../../sandbox/cloud/random.ts";
import type { Sandbox, SandboxMachine } from "../../sandbox/sandbox.ts";
import { median, table } from "../table.ts";
import { BOOT_CAUSES, bootCause, refusal, tampered, type World } from "./boot-causes.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { ec2Query } from "./ec2-query.ts";
import { ANNEX, updraft, withPool } from "./pool.ts";
import { results } from "./results.ts";
import { s3Object } from "./s3-object.ts";

const NAME = "campaign-boot-faults";
const BOOT_SECONDS = 30;
/** For those whose node has nothing left to end it. */
const LEASE_SECONDS = 150;
const ENFORCER_PERIOD_SECONDS = 30;
/** What a node may take beyond its boot's time: the report, tried three times, and the power off. */
const LAST_WORDS_SECONDS = 30;
const ENFORCED_SECONDS = LEASE_SECONDS + 60 + ENFORCER_PERIOD_SECONDS;
/** Many nodes at once make the sandbox, not the boot, what is measured. */
const AT_ONCE = 8;

/** After all that allows. */
const REFUSAL = "90-refusal.config";

/** User data that waits until the campaign has done to the machine what it shall suffer. */
const HELD = "#!/bin/sh\nuntil [ -e /run/go ]; do sleep 0.1; done\n";

export type BootRow = {
  readonly index: number;
  readonly cause: string;
  readonly instanceId: string;
  readonly outcome: "joins" | "ends" | "enforced" | "lives on";
  /** From user data's going on until the pool had its slot, or it ended. */
  readonly seconds: number;
  /** The step and reason that it reported to the bucket; empty when it did not. */
  readonly report: string;
  /** The last of what its console said about its boot. */
  readonly said: string;
};

/** Which boots suffer what; the same for the same seed, every cause about as often. */
export function plan(size: number, seed: number): { index: number; cause: string }[] {
  const random = uniform(seed);
  const shuffled: string[] = [];
  while (shuffled.length < size) {
    const round = BOOT_CAUSES.map(({ name }) => ({ name, at: random() }));
    shuffled.push(...round.sort((a, b) => a.at - b.at).map(({ name }) => name));
  }
  return shuffled.slice(0, size).map((cause, index) => ({ index, cause }));
}

/** Boots an instance for each row of the plan that `out` does not have yet. */
export async function bootFaults({ size, seed, out }: CampaignOptions): Promise<BootRow[]> {
  const { rows, add } = results<BootRow>(out);
  const todo = plan(size, seed).filter(({ index }) => !rows.some((row) => row.index === index));
  if (todo.length === 0) return rows;
  const knobs = { BOOT_SECONDS: `${BOOT_SECONDS}s`, IDLE: "10m" };
  const settings = { enforcerPeriodSeconds: ENFORCER_PERIOD_SECONDS, shuttingDownSeconds: 2 };
  await withPool(NAME, knobs, settings, async (sandbox) => {
    const bucket = await publishedBucket(sandbox);
    const worlds = new Set(todo.map(({ cause }) => worldOf(cause)));
    for (const world of worlds) {
      const here = todo.filter(({ cause }) => worldOf(cause) === world);
      await tamper(sandbox, bucket, world);
      await sandbox.accessPoint.configure(REFUSAL, refusal(world, ANNEX));
      for (let start = 0; start < here.length; start += AT_ONCE) {
        const batch = here.slice(start, start + AT_ONCE);
        console.log(`${world}: ${batch.map(({ cause }) => cause).join(", ")}`);
        for (const row of await Promise.all(batch.map((one) => bootOne(sandbox, bucket, one)))) add(row);
      }
      await updraft(sandbox, "publish", ANNEX);
    }
  });
  return rows;
}

const worldOf = (cause: string): World => bootCause(cause).world ?? "sound";

async function publishedBucket(sandbox: Sandbox): Promise<string> {
  await updraft(sandbox, "publish", ANNEX);
  const said = await updraft(sandbox, "setup", "--region", "us-east-1", "--json");
  return (JSON.parse(said) as { bucket: string }).bucket;
}

async function tamper(sandbox: Sandbox, bucket: string, world: World): Promise<void> {
  const prefix = `annexes/${ANNEX}/`;
  const manifest = await s3Object(sandbox, bucket, `${prefix}annex.ini`);
  for (const [key, content] of Object.entries(tampered(world, manifest))) {
    await s3Object(sandbox, bucket, prefix + key, content);
  }
}

async function bootOne(
  sandbox: Sandbox,
  bucket: string,
  { index, cause }: { index: number; cause: string },
): Promise<BootRow> {
  const { fault, injure } = bootCause(cause);
  const { instanceId, roleId } = await launch(sandbox);
  const machine = sandbox.machine(instanceId);
  await switchedOn(machine);
  await injure?.(machine);
  const faultId =
    fault === undefined
      ? undefined
      : await sandbox.addFault({ ...fault, service: "s3", principal: `*assumed-role/*/${instanceId}` });
  await machine.run(["touch", "/run/go"]);
  const went = Date.now() / 1000;
  const end = await watch(sandbox, instanceId, went);
  if (faultId !== undefined) await sandbox.removeFault(faultId);
  const key = `reports/${ANNEX}/${roleId}:${instanceId}`;
  const report = await s3Object(sandbox, bucket, key).catch(() => "");
  const console_ = await sandbox.consoleOutput(instanceId);
  if (end.outcome === "joins") await terminate(sandbox, instanceId);
  return { index, cause, instanceId, ...end, report: step(report), said: lastWords(console_) };
}

/** An instance like those that updraft orders, but for user data that waits. */
async function launch(sandbox: Sandbox): Promise<{ instanceId: string; roleId: string }> {
  const templates = await ec2Query(sandbox, { Action: "DescribeLaunchTemplates" });
  const template = /<launchTemplateId>(lt-[^<]+)</.exec(templates)?.[1] ?? "";
  const versions = await ec2Query(sandbox, {
    Action: "DescribeLaunchTemplateVersions",
    LaunchTemplateId: template,
    "LaunchTemplateVersion.1": "$Latest",
  });
  const userData = Buffer.from(/<userData>([^<]+)</.exec(versions)?.[1] ?? "", "base64").toString("utf8");
  const now = Math.round(Date.now() / 1000);
  const tags = {
    "htcondor:AnnexName": ANNEX,
    "htcondor:LeaseExpiration": String(now + LEASE_SECONDS),
    "htcondor:OrderId": "boot-faults",
    "htcondor:OrderedAt": String(now),
    "htcondor:Pool": (await sandbox.accessPoint.run(["condor_config_val", "UID_DOMAIN"])).trim(),
    "htcondor:Schedd": (await sandbox.accessPoint.run(["condor_config_val", "FULL_HOSTNAME"])).trim(),
  };
  const said = await ec2Query(sandbox, {
    Action: "RunInstances",
    MinCount: "1",
    MaxCount: "1",
    ImageId: "ami-00000000000000001",
    InstanceType: "m5.large",
    "LaunchTemplate.LaunchTemplateId": template,
    UserData: Buffer.from(HELD + userData).toString("base64"),
    "TagSpecification.1.ResourceType": "instance",
    ...Object.fromEntries(
      Object.entries(tags).flatMap(([key, value], at) => [
        [`TagSpecification.1.Tag.${at + 1}.Key`, key],
        [`TagSpecification.1.Tag.${at + 1}.Value`, value],
      ]),
    ),
  });
  const instanceId = /<instanceId>(i-[^<]+)</.exec(said)?.[1];
  if (instanceId === undefined) throw new Error(`nothing was launched: ${said}`);
  return { instanceId, roleId: /role_id='([^']+)'/.exec(userData)?.[1] ?? "" };
}

async function switchedOn(machine: SandboxMachine): Promise<void> {
  const script = "/var/lib/cloud/instance/scripts/part-001";
  for (let tries = 0; tries < 480; tries++) {
    const answer = await machine.exec(["test", "-e", script], { timeoutSeconds: 10 }).catch(() => undefined);
    if (answer?.exitCode === 0) return;
    await sleep(250);
  }
  throw new Error(`${machine.name} was not switched on within two minutes`);
}

async function watch(
  sandbox: Sandbox,
  instanceId: string,
  went: number,
): Promise<Pick<BootRow, "outcome" | "seconds">> {
  for (;;) {
    const seconds = Date.now() / 1000 - went;
    const entry = (await sandbox.terminationLog()).find((one) => one.instanceId === instanceId);
    if (entry !== undefined) {
      return { outcome: entry.by === "instance" ? "ends" : "enforced", seconds: entry.time - went };
    }
    if (seconds > ENFORCED_SECONDS + LAST_WORDS_SECONDS) return { outcome: "lives on", seconds };
    // It is a node when join says so, because a slot that is there for a moment only serves nobody.
    const joined = await sandbox.consoleOutput(instanceId);
    if (/updraft-bootstrap: joined annex/.test(joined)) return { outcome: "joins", seconds };
    await sleep(500);
  }
}

async function terminate(sandbox: Sandbox, instanceId: string): Promise<void> {
  await ec2Query(sandbox, { Action: "TerminateInstances", "InstanceId.1": instanceId });
}

function step(report: string): string {
  const { step = "", reason = "" } = (report === "" ? {} : JSON.parse(report)) as Record<string, string>;
  return step === "" ? "" : `${step}: ${reason}`;
}

function lastWords(text: string): string {
  const lines = text.split("\n").filter((line) => /^updraft(-bootstrap)?: /.test(line));
  return (
    lines.findLast((line) => / failed after |ended with status|joined annex/.test(line)) ?? lines.at(-1) ?? ""
  );
}

/** What a boot did that it should not have done; undefined when it did as it should. */
export function wrongWith({ cause, outcome, seconds, report, said }: BootRow): string | undefined {
  const wanted = bootCause(cause);
  if (outcome !== wanted.outcome) return `${outcome}, but should have been: ${wanted.outcome}`;
  if (seconds > bound(cause)) return `${seconds.toFixed(0)} s, and ${bound(cause)} s are allowed`;
  if (wanted.reports === true && report === "") return "it did not report";
  return outcome === "ends" && said === "" ? "its console does not say why" : undefined;
}

function bound(cause: string): number {
  return bootCause(cause).outcome === "enforced" ? ENFORCED_SECONDS : BOOT_SECONDS + LAST_WORDS_SECONDS;
}

export function bootTable(rows: readonly BootRow[]): string {
  return table(
    ["what was wrong", "boots", "outcome", "median s", "worst s", "allowed s", "reported", "said"],
    BOOT_CAUSES.map(({ name }) => rows.filter(({ cause }) => cause === name))
      .filter((of) => of.length > 0)
      .map((of) => {
        const seconds = of.map((row) => row.seconds);
        const [{ cause, report, said } = { cause: "", report: "", said: "" }] = of;
        return [
          cause,
          of.length,
          [...new Set(of.map(({ outcome }) => outcome))].join(", "),
          median(seconds).toFixed(1),
          Math.max(...seconds).toFixed(1),
          bound(cause),
          of.filter((row) => row.report !== "").length,
          (report || said.replace(/^updraft(-bootstrap)?: /, "")).slice(0, 90),
        ];
      }),
  );
}

async function run(options: CampaignOptions): Promise<string> {
  const rows = await bootFaults(options);
  const wrong = rows.flatMap((row) => {
    const what = wrongWith(row);
    return what === undefined ? [] : [`${row.cause} (${row.instanceId}): ${what}`];
  });
  const verdict =
    wrong.length === 0 ? "every boot ended as it should, and none lived beyond its bound" : wrong.join("\n");
  return `seconds from the start of user data; a boot may take ${BOOT_SECONDS} s\n${bootTable(rows)}\n${verdict}`;
}

export const bootFaultsCampaign: Campaign = {
  name: "boot-faults",
  summary: "boots, each with something wrong: whether it becomes a node, and how soon it ends when not",
  fullSize: 2 * BOOT_CAUSES.length,
  run,
};
