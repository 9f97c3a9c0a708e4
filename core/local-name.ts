import { UpdraftError } from "./errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Which of this machine's schedds is meant: the word after its `-local-name`, undefined for the one that has none.
 * The drop-in has each schedd tell the hook its own; people give it to `updraft`.
 */
export function localName(environment: Environment): string | undefined {
  const name = environment["UPDRAFT_LOCAL_NAME"];
  if (name === undefined && environment["SCHEDD_CRON_NAME"] !== undefined) {
    throw new UpdraftError(
      "config",
      "a schedd has started this that does not say which it is: UPDRAFT_LOCAL_NAME is not in its environment",
      "Put condor-config/schedd-cron.config of this version into config.d, then run: condor_restart -schedd",
    );
  }
  // A daemon without a local name has its subsystem's.
  if (name === undefined || name === "" || name === "SCHEDD") return undefined;
  if (/^[\w-]+$/.test(name)) return name;
  throw new UpdraftError(
    "config",
    `UPDRAFT_LOCAL_NAME is "${name}", which is no local name of a daemon`,
    "Give the word after -local-name in the schedd's command line.",
  );
}
