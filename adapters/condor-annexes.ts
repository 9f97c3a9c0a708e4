import { quote } from "../core/classad.ts";
import type { AnnexJob } from "../core/annex-view.ts";
import type { HookSaid } from "../core/status.ts";
import { number, parseAds, text } from "./condor-ads.ts";
import type { Run } from "./run.ts";

const RUNNING = 2;
const TRANSFERRING_OUTPUT = 6;
/** Jobs of the history that are looked at, the last ones first. */
const HISTORY_SCANNED = 2000;

export type CondorAnnexes = {
  /** Jobs of this schedd that have run on an instance of the annex, or run there now. */
  jobs(annex: string): Promise<AnnexJob[]>;
  /** Those of these instances on which one of the schedd's last jobs ran. */
  worked(instanceIds: readonly string[]): Promise<string[]>;
  /** What the hook last published about an annex in the schedd's ad; undefined when it has published nothing. */
  hookSaid(schedd: string, annex: string): Promise<HookSaid | undefined>;
  /** Those of these attributes that the schedd's ad has, numbers and texts. */
  published(schedd: string, attributes: readonly string[]): Promise<Record<string, string | number>>;
};

export function condorAnnexes(run: Run): CondorAnnexes {
  return {
    async jobs(annex) {
      const attributes = ["ClusterId", "ProcId", "JobStatus", "MachineAttrCloudInstanceID0"];
      const args = ["-allusers", "-constraint", `MachineAttrAnnexName0 =?= ${quote(annex)}`];
      const output = await run("condor_q", [...args, "-attributes", attributes.join(","), "-json"]);
      return parseAds(output, "condor_q").flatMap((ad) => {
        const instanceId = text(ad["MachineAttrCloudInstanceID0"]);
        if (instanceId === undefined) return [];
        const id = `${number(ad["ClusterId"]) ?? 0}.${number(ad["ProcId"]) ?? 0}`;
        const status = number(ad["JobStatus"]);
        return [{ id, instanceId, running: status === RUNNING || status === TRANSFERRING_OUTPUT }];
      });
    },
    async worked(instanceIds) {
      const constraint = `member(MachineAttrCloudInstanceID0, {${instanceIds.map(quote).join(",")}})`;
      const args = ["-constraint", constraint, "-scanlimit", String(HISTORY_SCANNED)];
      const output = await run("condor_history", [...args, "-af", "MachineAttrCloudInstanceID0"]);
      return [...new Set(output.split("\n").map((line) => line.trim()))].filter((id) =>
        instanceIds.includes(id),
      );
    },
    async hookSaid(schedd, annex) {
      const attribute = (name: string): string => `Annex_${annex}_${name}`;
      const names = ["LimitedBy", "Reason", "MeasuredAt", "LastError"].map(attribute);
      const constraint = `Name =?= ${quote(schedd)}`;
      const args = ["-schedd", "-constraint", constraint, "-attributes", names.join(","), "-json"];
      const [ad] = parseAds(await run("condor_status", args), "condor_status");
      const reason = text(ad?.[attribute("Reason")]);
      if (reason === undefined) return undefined;
      return {
        limitedBy: text(ad?.[attribute("LimitedBy")]) ?? "",
        reason,
        measuredAt: number(ad?.[attribute("MeasuredAt")]),
        error: text(ad?.[attribute("LastError")]),
      };
    },
    async published(schedd, attributes) {
      const constraint = `Name =?= ${quote(schedd)}`;
      const args = ["-schedd", "-constraint", constraint, "-attributes", attributes.join(","), "-json"];
      const [ad = {}] = parseAds(await run("condor_status", args), "condor_status");
      const values = attributes.flatMap((name) => {
        const value = number(ad[name]) ?? text(ad[name]);
        return value === undefined ? [] : [[name, value] as const];
      });
      return Object.fromEntries(values);
    },
  };
}
