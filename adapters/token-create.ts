import { UpdraftError } from "../core/errors.ts";
import type { Run } from "./run.ts";

/** Has HTCondor sign a token, where the signing key can be read. The token comes back in a pipe and is seen by nobody else. */
export async function createToken(run: Run, [program = "", ...args]: readonly string[]): Promise<string> {
  try {
    return await run(program, args);
  } catch (error) {
    if (!(error instanceof UpdraftError) || error.kind === "config") throw error;
    throw new UpdraftError(
      "denied",
      `HTCondor did not sign a token: ${error.message}`,
      "Run this as the administrator (root) on the machine that holds the pool's signing key, as a rule the central manager, " +
        "with --file FILE; then on the access point with --from FILE.",
      error,
    );
  }
}
