import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
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
  };
}

/** Describes annexes on an access point that is its pool's central manager too, and makes their tokens. */
export async function configureAnnexes(
  accessPoint: SandboxMachine,
  annexes: Readonly<Record<string, AnnexKnobs>>,
): Promise<void> {
  await describeAnnexes(accessPoint, annexes);
  const tokens = Object.keys(annexes).filter((name) => annexes[name]?.["CREDENTIAL"] !== "password");
  for (const name of tokens) await accessPoint.run(["sh", "-c", CREATE_TOKEN, name]);
}

/** As `updraft credential create` does it, unless there is one; knobs under test may be wrong. */
const CREATE_TOKEN = `
[ -e /etc/updraft/credentials/$0.token ] && exit
install -d -m 755 /etc/updraft
install -d -m 700 /etc/updraft/credentials
umask 077
condor_token_create -identity annex-$0@$(condor_config_val TRUST_DOMAIN) -lifetime 2592000 \
  -authz ADVERTISE_STARTD -authz ADVERTISE_MASTER > /etc/updraft/credentials/$0.token`;

/** Puts our drop-in and the knobs of annexes into config.d of an access point, as its administrator would. */
export async function describeAnnexes(
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

const HOOK_DROP_IN = fileURLToPath(new URL("../../condor-config/schedd-cron.config", import.meta.url));
/** Whose AWS credentials the hook has. */
export const HOOK_USER_NAME = "updraft-hook";

/** What a slot of the sandbox's image is like, as the image's script would have recorded it. */
const RECORDED_SLOT = `Arch = "X86_64"
HasFileTransfer = true
HasJobDeferral = true
HasReconnect = true
OpSys = "LINUX"
`;

const CONDORS = { mode: "600", owner: "condor", group: "condor" };

/** Where the hook looks for it. */
const RECORDED_SLOT_FILE = `/var/lib/updraft/slot-ads/${imageId("htcondor-updraft")}.ad`;

/**
 * Installs the hook as its drop-in says: a directory and credentials of HTCondor's own user, which may do what the
 * hook policy allows and no more. Both stacks must be set up. The schedd is started anew for it.
 */
export async function configureHook(
  sandbox: Sandbox,
  accessPoint: SandboxMachine,
  knobs = "SCHEDD_CRON_UPDRAFT_PERIOD = 5s\n",
): Promise<void> {
  const setup = ["updraft", "setup", "--region", "us-east-1", "--json"];
  const { hookPolicy } = JSON.parse(await accessPoint.run(setup)) as { hookPolicy: string };
  const key = await sandbox.createUser(HOOK_USER_NAME, [hookPolicy]);
  const account = await accessPoint.run(["cat", "/root/.aws/config"]);
  await accessPoint.run(["install", "-d", "-o", "condor", "-g", "condor", "-m", "700", "/var/lib/updraft"]);
  await accessPoint.writeFile(RECORDED_SLOT_FILE, RECORDED_SLOT, CONDORS);
  await accessPoint.run(["chown", "condor:condor", dirname(RECORDED_SLOT_FILE)]);
  await accessPoint.writeFile("/etc/updraft/aws-config", account);
  const secret = `[default]\naws_access_key_id = ${key.accessKeyId}\naws_secret_access_key = ${key.secretAccessKey}\n`;
  await accessPoint.writeFile("/etc/updraft/aws-credentials", secret, { mode: "600", owner: "condor" });
  await accessPoint.writeFile("/etc/condor/config.d/45-updraft-hook.config", await readFile(HOOK_DROP_IN));
  await accessPoint.writeFile("/etc/condor/config.d/46-updraft-hook-pace.config", knobs);
  await accessPoint.run(["sh", "-c", RESTART_SCHEDD], { timeoutSeconds: 60 });
}

/** The master starts a new schedd ten seconds after the old one has ended. */
const RESTART_SCHEDD = `
old=$(pgrep -x condor_schedd)
condor_restart -schedd
until new=$(pgrep -x condor_schedd) && [ "$new" != "$old" ] && condor_q -totals > /dev/null 2>&1; do sleep 0.2; done`;
