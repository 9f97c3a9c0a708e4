import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Sandbox, SandboxMachine } from "../sandbox.ts";
import { IMAGES } from "../images.ts";

const DROP_IN = fileURLToPath(new URL("../../condor-config/access-point.config", import.meta.url));

/** The id of one of the sandbox's AMIs by its name. */
export function imageId(name: string): string {
  const found = IMAGES.find((image) => image.name === name);
  if (found === undefined) throw new Error(`the sandbox has no image ${name}`);
  return found.imageId;
}

export type AnnexKnobs = Readonly<Record<string, string>>;

/** Knobs that hold in a sandbox: its first two subnets, its image, everyone's jobs. */
export async function annexKnobs(sandbox: Sandbox): Promise<AnnexKnobs> {
  const subnets = (await sandbox.subnets()).slice(0, 2).map(({ subnetId }) => subnetId);
  return {
    REGION: "us-east-1",
    SUBNETS: subnets.join(", "),
    IMAGE_ID: imageId("htcondor-updraft"),
    INSTANCE_TYPES: "m5.large",
    MAX_INSTANCES: "60",
    OWNERS: "*",
    CREDENTIAL: "password",
  };
}

/** Puts our drop-in and the knobs of annexes into config.d of an access point, as its administrator would. */
export async function configureAnnexes(
  accessPoint: SandboxMachine,
  annexes: Readonly<Record<string, AnnexKnobs>>,
): Promise<void> {
  const knobs = [
    `UPDRAFT_ANNEXES = ${Object.keys(annexes).join(", ")}`,
    ...Object.entries(annexes).flatMap(([annex, values]) =>
      Object.entries(values).map(([suffix, value]) => `UPDRAFT_${annex}_${suffix} = ${value}`),
    ),
  ];
  await accessPoint.writeFile("/etc/condor/config.d/40-updraft.config", await readFile(DROP_IN));
  await accessPoint.configure("41-updraft-annexes.config", `${knobs.join("\n")}\n`);
}
