import { readFile } from "node:fs/promises";
import { command } from "../adapters/node-commands.ts";
import { DRAIN_REASON, readSlots, type Htcondor } from "../core/guard.ts";
import { masterProcess } from "./htcondor.ts";

/** HTCondor that hangs must not keep the guard waiting. */
const ANSWER_SECONDS = 5;
const UNCLAIMED = 'State == "Unclaimed" || State == "Owner" || State == "Drained"';

let addressFile: string | undefined;

/** The startd's own address: names would be looked up in the collector, which may be out of reach. */
async function startdAddress(): Promise<string> {
  addressFile ??= (await command("condor_config_val", ["STARTD_ADDRESS_FILE"], "", ANSWER_SECONDS)).trim();
  return (await readFile(addressFile, "utf8")).split("\n")[0] ?? "";
}

export async function lookAtHtcondor(): Promise<Htcondor> {
  if ((await masterProcess()) === undefined) return "gone";
  try {
    const query = ["-direct", await startdAddress(), "-af:t", "State", "Draining", "DrainReason"];
    return readSlots(await command("condor_status", query, "", ANSWER_SECONDS));
  } catch {
    return "unknown";
  }
}

/** Fails when `ifUnclaimed` and the startd finds a slot claimed, and when it drains already. */
export async function drain(ifUnclaimed: boolean): Promise<void> {
  const check = ifUnclaimed ? ["-check", UNCLAIMED] : [];
  const address = await startdAddress();
  await command(
    "condor_drain",
    ["-graceful", "-reason", DRAIN_REASON, ...check, address],
    "",
    ANSWER_SECONDS,
  );
}

export async function cancelDrain(): Promise<void> {
  await command("condor_drain", ["-cancel", await startdAddress()], "", ANSWER_SECONDS);
}

/** Hands back what runs and ends HTCondor, within a second or so; false when there is none. */
export async function stopHtcondor(): Promise<boolean> {
  const master = await masterProcess();
  if (master === undefined) return false;
  process.kill(master, "SIGQUIT");
  return true;
}
