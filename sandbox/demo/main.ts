import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { messageOf, UpdraftError } from "../../core/errors.ts";
import { stepLine } from "../progress.ts";
import { down, up } from "../sandbox.ts";
import { type Holdings, holdings, lastingLeftovers } from "../leftovers.ts";
import { writePlot } from "./plot.ts";
import { ANNEX, LOCAL_SLOTS, tellStory } from "./story.ts";

const NAME = "demo";
const PLOT = fileURLToPath(new URL("../../dist/demo.svg", import.meta.url));
const BUILD = fileURLToPath(new URL("../../scripts/build/main.ts", import.meta.url));

/** `./demo`: builds the programs, makes a cloud in a box, and shows an annex's life in it from set-up to nothing left. */
async function demo(): Promise<void> {
  const built = spawnSync(process.execPath, [BUILD], { stdio: "inherit" });
  if (built.status !== 0) throw new UpdraftError("failed", "the build failed", "Look at what it says above.");
  await down(NAME);
  console.log("\nA cloud in a box:");
  const sandbox = await up({
    name: NAME,
    localSlots: LOCAL_SLOTS,
    onStep: (step) => {
      const line = stepLine(step);
      if (line !== undefined) console.log(line);
    },
  });
  let held: Holdings;
  try {
    const told = await tellStory(sandbox, (line) => console.log(line));
    await writePlot(PLOT, `Annex ${ANNEX}: queue and slots over time`, told.samples);
    console.log(`\n${told.summary}\n\nplot: ${PLOT}`);
  } finally {
    held = await holdings(sandbox.directory);
    await down(NAME);
  }
  const left = await lastingLeftovers(held);
  if (left.length > 0)
    throw new UpdraftError("failed", `the sandbox left behind: ${left.join(", ")}`, "Report this.");
  console.log("The cloud is down: no process, mount, namespace or file of it is left.");
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void down(NAME).finally(() => process.exit(1)));
}

await demo().catch((error: unknown) => {
  if (!(error instanceof UpdraftError)) throw error;
  console.error(`demo: ${messageOf(error)}\n  ${error.remedy}`);
  process.exitCode = error.exitStatus;
});
