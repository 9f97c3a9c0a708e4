import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quote } from "../core/classad.ts";
import type { BelievedRun, DeadSlot, Ghosts } from "../core/ghosts.ts";
import { number, parseAds, text } from "./condor-ads.ts";
import type { Run } from "./run.ts";

const ANSWER = { timeoutSeconds: 10 };

const RUN = ["ClusterId", "ProcId", "MachineAttrCloudInstanceID0", "RemoteHost", "NumShadowStarts"];

export function ghosts(run: Run): Ghosts {
  return {
    async runs(instanceIds) {
      const ids = quote(instanceIds.join(","));
      // The machine's attribute is of the last match, the host of the present run.
      const constraint = `JobStatus == 2 && stringListMember(MachineAttrCloudInstanceID0, ${ids})`;
      const query = ["-allusers", "-constraint", constraint, "-attributes", RUN.join(","), "-json"];
      const ads = parseAds(await run("condor_q", query, ANSWER), "condor_q");
      return ads.flatMap((ad) => {
        const [cluster, proc] = [number(ad["ClusterId"]), number(ad["ProcId"])];
        const instanceId = text(ad["MachineAttrCloudInstanceID0"]);
        const remoteHost = text(ad["RemoteHost"]);
        const shadowStarts = number(ad["NumShadowStarts"]);
        if (cluster === undefined || proc === undefined || instanceId === undefined) return [];
        if (shadowStarts === undefined || remoteHost?.includes(instanceId) !== true) return [];
        return [{ job: `${cluster}.${proc}`, instanceId, remoteHost, shadowStarts }];
      });
    },
    async slots(instanceIds) {
      const constraint = `stringListMember(CloudInstanceID, ${quote(instanceIds.join(","))})`;
      const query = ["-constraint", constraint, "-attributes", "Name,CloudInstanceID", "-json"];
      const ads = parseAds(await run("condor_status", query, ANSWER), "condor_status");
      return ads.flatMap((ad) => {
        const [name, instanceId] = [text(ad["Name"]), text(ad["CloudInstanceID"])];
        return name === undefined || instanceId === undefined ? [] : [{ name, instanceId }];
      });
    },
    async vacate(runs) {
      await run("condor_vacate_job", ["-fast", "-constraint", anyOf(runs)], ANSWER);
    },
    async withdraw(slots) {
      const file = join(tmpdir(), `updraft-${randomUUID()}`);
      await writeFile(file, slots.map(invalidation).join("\n"), { mode: 0o600, flag: "wx" });
      try {
        await run("condor_advertise", ["-multiple", "INVALIDATE_STARTD_ADS", file], ANSWER);
      } finally {
        await rm(file, { force: true });
      }
    },
    async rouse(expression) {
      const idle = `JobStatus == 1 && (${expression})`;
      const query = [
        "-allusers",
        "-constraint",
        idle,
        "-limit",
        "1",
        "-attributes",
        "ClusterId,ProcId,JobPrio",
      ];
      const [ad] = parseAds(await run("condor_q", [...query, "-json"], ANSWER), "condor_q");
      const [cluster, proc, priority] = ["ClusterId", "ProcId", "JobPrio"].map((name) => number(ad?.[name]));
      if (cluster === undefined || proc === undefined || priority === undefined) return;
      // The priority that it has already: a change, even to the same value, has the schedd make its list anew.
      const same = `ClusterId == ${cluster} && ProcId == ${proc} && JobPrio == ${priority}`;
      await run("condor_qedit", ["-constraint", same, "JobPrio", String(priority)], ANSWER);
    },
  };
}

/** Looked at again by the schedd itself: what has begun anew meanwhile is another run. */
function anyOf(runs: readonly BelievedRun[]): string {
  return runs
    .map(({ job, remoteHost, shadowStarts }) => {
      const [cluster, proc] = job.split(".");
      return `(ClusterId == ${cluster} && ProcId == ${proc} && JobStatus == 2 && RemoteHost == ${quote(remoteHost)} && NumShadowStarts == ${shadowStarts})`;
    })
    .join(" || ");
}

/** The ad that withdraws one: by the slot's name the collector finds it, its private part too. */
function invalidation({ name }: DeadSlot): string {
  return [
    'MyType = "Query"',
    'TargetType = "Machine"',
    `Name = ${quote(name)}`,
    `Requirements = Name == ${quote(name)}`,
    "",
  ].join("\n");
}
