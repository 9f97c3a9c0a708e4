import type { Command } from "../adapters/node-commands.ts";
import { connect, resolve } from "../adapters/network.ts";
import { quote } from "../core/classad.ts";
import type { ProbePorts } from "../core/probe.ts";

const ANSWER_SECONDS = 15;
/** Both programs say on standard output what is wrong, and end with a status of their own. */
const TELL_ALL = '"$@" 2>&1 || :';

/** The surroundings of this instance, tested with the configuration and credential that its HTCondor would use. */
export function surroundings(command: Command): ProbePorts {
  const tell = (program: string, ...args: string[]): Promise<string> =>
    command("/bin/sh", ["-c", TELL_ALL, program, program, ...args], "", ANSWER_SECONDS).catch(
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  return {
    resolve,
    connect,
    ping: (address, level) => tell("condor_ping", "-verbose", "-addr", address, level),
    async scheddAddress(collector, schedd) {
      const constraint = `Name == ${quote(schedd)}`;
      const said = await tell(
        "condor_status",
        "-pool",
        collector,
        "-schedd",
        "-constraint",
        constraint,
        "-af",
        "MyAddress",
      );
      return /^<[^>]*>$/m.exec(said)?.[0] ?? "";
    },
  };
}
