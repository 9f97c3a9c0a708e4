import { settings } from "../hooks/head-start.ts";
import { schedd } from "../hooks/schedd.ts";
import { asset } from "./assets.ts";
import { fail } from "./output.ts";

/** The schedd's hook as a program. */
async function main(): Promise<void> {
  try {
    process.exitCode = await schedd(process.argv.slice(2), () => asset("catalogue.json"), settings);
  } catch (error) {
    fail(error, false);
  }
}

// The bundle is CommonJS, which has no await at the top.
void main();
