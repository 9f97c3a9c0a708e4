import { stat } from "node:fs/promises";
import { annexKnobs, configureAnnexes } from "../sandbox/demo/annex.ts";
import { extraImageId } from "../sandbox/images.ts";
import { down, up, type Sandbox } from "../sandbox/sandbox.ts";
import { ANNEX_EC2, BUCKET, setUpAnnexEc2 } from "./boot/annex-ec2.ts";
import { ANNEX, handMade, ours, SUMS, THEIR_ANNEX, theirs, type Boot } from "./boot/contenders.ts";
import { objectRequest, signedRequest } from "./campaigns/signed-request.ts";
import { median, quantile, table } from "./table.ts";

const NAME = "bench-boot";
const PROGRAM = new URL("../dist/node/updraft-bootstrap", import.meta.url);
/** Between an instance and S3 in its region; a small instance has more for a while. */
const BITS_PER_SECOND = 1e9;

/**
 * From the start of user data to a slot that the collector shows, by turns: ours, HTCondor's own annex instance, and plain
 * EC2 calls with everything in the user data, on one image; and HTCondor's own part of it, started by itself.
 */
export async function bootBench(runs: number): Promise<string> {
  await down(NAME);
  const settings = { launchDelay: { kind: "constant", seconds: 1 } } as const;
  const steps: string[][] = [];
  const sandbox = await up({
    name: NAME,
    settings,
    extraImages: [ANNEX_EC2],
    onStep: ({ title, seconds }) => {
      if (seconds !== undefined) steps.push([title, seconds.toFixed(1)]);
    },
  });
  try {
    await configureAnnexes(sandbox.accessPoint, {
      [ANNEX]: { ...(await annexKnobs(sandbox)), IMAGE_ID: extraImageId(0) },
    });
    for (const what of [
      ["--region", "us-east-1"],
      ["--annex", ANNEX],
    ]) {
      await sandbox.accessPoint.run(["updraft", "setup", ...what], { timeoutSeconds: 60 });
    }
    await setUpAnnexEc2(sandbox, THEIR_ANNEX);
    const boots: Record<string, Boot[]> = {
      updraft: [],
      "condor-annex-ec2": [],
      "EC2 by hand": [],
      "condor_master alone": [],
    };
    // The first of each finds nothing in the page cache, and does not count.
    for (let run = 0; run <= runs; run++) {
      const round = [await ours(sandbox), await theirs(sandbox, run)];
      const { byHand, bare } = await handMade(sandbox);
      if (run === 0) continue;
      for (const [index, name] of Object.keys(boots).entries()) {
        boots[name]?.push([...round, byHand, bare][index] ?? {});
      }
    }
    return [
      table(["step of up", "s"], steps),
      "",
      `${runs} boots of each by turns, on one image; every call answered at once; seconds`,
      table(["", ...Object.keys(boots).flatMap((name) => [name, "p95"])], summary(boots)),
      "",
      "what passes before condor_master starts; seconds",
      table(
        ["updraft, steps that run at the same time in the order of their ends", "median", "p95"],
        breakdown(boots["updraft"]),
      ),
      "",
      table(["condor-annex-ec2, of which", "median", "p95"], breakdown(boots["condor-annex-ec2"])),
      "",
      await downloads(sandbox),
    ].join("\n");
  } finally {
    await sandbox.down();
  }
}

const seconds = (value: number): string => (Number.isNaN(value) ? "" : value.toFixed(2));

function summary(boots: Readonly<Record<string, readonly Boot[]>>): string[][] {
  return Object.values(SUMS).map((name) => [
    name,
    ...Object.values(boots).flatMap((all) => {
      const found = all.flatMap((boot) => boot[name] ?? []);
      return [seconds(median(found)), seconds(quantile(found, 0.95))];
    }),
  ]);
}

function breakdown(boots: readonly Boot[] = []): string[][] {
  const sums: readonly string[] = Object.values(SUMS);
  const names = new Set(boots.flatMap((boot) => Object.keys(boot)).filter((name) => !sums.includes(name)));
  return [...names].map((name) => {
    const found = boots.flatMap((boot) => boot[name] ?? []);
    return [name, median(found).toFixed(3), quantile(found, 0.95).toFixed(3)];
  });
}

/** What the sandbox's network takes no time for. */
async function downloads(sandbox: Sandbox): Promise<string> {
  // The last boot's end has removed it.
  await sandbox.accessPoint.run(["updraft", "publish", ANNEX], { timeoutSeconds: 60 });
  const key = await sandbox.administrator();
  const setup = ["updraft", "setup", "--region", "us-east-1", "--json"];
  const { bucket } = JSON.parse(await sandbox.accessPoint.run(setup)) as { bucket: string };
  const stored = async (place: string, prefix: string): Promise<number> => {
    const request = objectRequest("GET", `${place}?list-type=2&prefix=${encodeURIComponent(prefix)}`);
    const { body } = await signedRequest(sandbox, key, request);
    const objects = [...body.matchAll(/<Key>([^<]*)<\/Key>.*?<Size>(\d+)<\/Size>/gs)];
    return objects
      .filter(([, name]) => !name?.endsWith("/owner"))
      .reduce((total, [, , size]) => total + Number(size), 0);
  };
  const rows = [
    ["updraft, from an image with its executable", await stored(bucket, `annexes/${ANNEX}/`)],
    ["updraft's executable, from an image without it", (await stat(PROGRAM)).size],
    ["condor-annex-ec2", await stored(BUCKET, "config-")],
  ] as const;
  return table(
    ["downloads, not counted above", "bytes", "s at 1 Gbit/s"],
    rows.map(([name, bytes]) => [name, bytes, ((8 * bytes) / BITS_PER_SECOND).toFixed(4)]),
  );
}
