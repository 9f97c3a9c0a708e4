import { parseArgs } from "node:util";
import { messageOf } from "../core/errors.ts";
import type { Campaign } from "./campaigns/campaign.ts";
import { bootFaultsCampaign } from "./campaigns/boot-faults.ts";
import { capacity } from "./campaigns/capacity.ts";
import { closedLoop } from "./campaigns/closed-loop.ts";
import { interruptCampaign } from "./campaigns/interrupt.ts";
import { jobsCampaign } from "./campaigns/jobs.ts";
import { killFaults } from "./campaigns/kill-faults.ts";
import { kill } from "./campaigns/kill.ts";
import { laws } from "./campaigns/laws.ts";
import { leaseEcho } from "./campaigns/lease-echo.ts";
import { lease } from "./campaigns/lease.ts";
import { optimumCampaign } from "./campaigns/optimum.ts";
import { policy } from "./campaigns/policy.ts";
import { powerOffCampaign } from "./campaigns/power-off.ts";
import { sensors } from "./campaigns/sensors.ts";
import { soakCampaign } from "./campaigns/soak.ts";
import { runaway } from "./campaigns/runaway.ts";

const CAMPAIGNS: readonly Campaign[] = [
  bootFaultsCampaign,
  capacity,
  lease,
  jobsCampaign,
  kill,
  killFaults,
  runaway,
  soakCampaign,
  policy,
  interruptCampaign,
  laws,
  leaseEcho,
  optimumCampaign,
  closedLoop,
  powerOffCampaign,
  sensors,
];

function help(): string {
  const width = Math.max(...CAMPAIGNS.map(({ name }) => name.length));
  return [
    "npm run campaign -- NAME [--size N] [--seed N] [--out FILE] [--traces DIRECTORY]",
    "",
    "Runs one of these at full size and prints its table. The same seed makes the same plan; with --out what is done",
    "is kept in a file (JSON lines), and the same command goes on where an interrupted one stopped.",
    "",
    ...CAMPAIGNS.map(({ name, summary, fullSize }) => `  ${name.padEnd(width)}  ${summary} (${fullSize})`),
    "",
  ].join("\n");
}

function wholeNumber(text: string, what: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${what} ${text} is not a whole number`);
  return Number(text);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      size: { type: "string" },
      seed: { type: "string", default: "1" },
      out: { type: "string" },
      traces: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const campaign = CAMPAIGNS.find(({ name }) => name === positionals[0]);
  if (values.help || campaign === undefined || positionals.length > 1) {
    console.log(help());
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const size = values.size === undefined ? campaign.fullSize : wholeNumber(values.size, "size");
  const seed = wholeNumber(values.seed, "seed");
  const options = {
    size,
    seed,
    ...(values.out !== undefined && { out: values.out }),
    ...(values.traces !== undefined && { traces: values.traces }),
  };
  console.log(`${campaign.name}: size ${size}, seed ${seed}`);
  console.log(await campaign.run(options));
}

await main().catch((error: unknown) => {
  console.error(`campaign: ${messageOf(error)}`);
  process.exitCode = 1;
});
