import { command } from "../adapters/node-commands.ts";
import { UpdraftError } from "../core/errors.ts";
import { refusal } from "../core/probe.ts";
import { surroundings } from "./probe.ts";
import { lookAtHtcondor } from "./slots.ts";

/** Throws while no collector takes this node's ads: it would cost money and serve nobody until it is idle for too long. */
export async function requireAcceptance(): Promise<void> {
  // What HTCondor itself goes by: a file of the annex's own may have changed it.
  const collectors = (await command("condor_config_val", ["COLLECTOR_HOST"])).trim();
  const why = await refusal(surroundings(command), collectors);
  if (why === undefined) return;
  const htcondor = await lookAtHtcondor();
  // Somebody has found it all the same.
  if (typeof htcondor === "object" && htcondor.claimed > 0) return;
  throw new UpdraftError(
    "failed",
    `no collector accepts this node: ${why}`,
    "Run updraft check --probe for the annex: the subnet must reach a collector, and the credential be good there.",
  );
}
