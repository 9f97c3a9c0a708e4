import { randomBytes } from "node:crypto";
import { copyFile, link, mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Credentials } from "../cloud/ports.ts";
import { boot, type Machine } from "../machine/machine.ts";
import { UpdraftError } from "../../core/errors.ts";
import { centralManager, FAST_CONFIG, type Pool, poolConfig } from "./pool-config.ts";
import { scrambled } from "./pool-password.ts";

export type AccessPointOptions = {
  readonly pool: Pool;
  readonly layers: readonly string[];
  readonly directory: string;
  readonly port: string;
  /** The built programs: `access-point/` and `node/` below it. */
  readonly dist: string;
  readonly endpoint: string;
  readonly region: string;
  /** For root. */
  readonly credentials: Credentials;
};

const USERS = ["alice", "bob"];
const CONDOR_CONFIG = fileURLToPath(new URL("../../condor-config", import.meta.url));
const DROP_INS = ["access-point.config", "schedd-cron.config", "central-manager.config"];
const READY_SECONDS = 60;

/** Boots a pool's access point, which is its central manager too, with Updraft installed and two users, and waits until jobs can be submitted. */
export async function bootAccessPoint(options: AccessPointOptions): Promise<Machine> {
  const { pool, directory } = options;
  await installUpdraft(options.dist, `${directory}/upper`);
  const hostName = centralManager(pool);
  const machine = await boot({
    name: hostName,
    hostName,
    address: pool.address,
    layers: options.layers,
    directory,
    port: options.port,
    inbound: "open",
  });
  await machine.run([
    "sh",
    "-c",
    USERS.map((user) => `useradd --create-home --shell /bin/bash ${user}`).join(" && "),
  ]);
  const password = randomBytes(24).toString("base64url");
  await machine.writeFile("/etc/condor/passwords.d/POOL", scrambled(password), { mode: "600" });
  await machine.writeFile("/etc/condor/config.d/10-pool.config", poolConfig(pool));
  await machine.writeFile("/etc/condor/config.d/20-fast.config", FAST_CONFIG);
  await machine.run([
    "cp",
    "/usr/share/updraft/central-manager.config",
    "/etc/condor/config.d/30-updraft.config",
  ]);
  await machine.writeFile("/root/.aws/config", awsConfig(options.region, options.endpoint), { mode: "600" });
  await machine.writeFile("/root/.aws/credentials", awsCredentials(options.credentials), { mode: "600" });
  await machine.run(["condor_master"]);
  await ready(machine);
  return machine;
}

/** As a package would install it. Written before the machine boots; the directories exist in its root file system with these modes. */
async function installUpdraft(dist: string, upper: string): Promise<void> {
  const libexec = `${upper}/usr/libexec/updraft`;
  await mkdir(`${upper}/usr/bin`, { recursive: true, mode: 0o755 });
  await mkdir(`${libexec}/node`, { recursive: true, mode: 0o755 });
  const copy = (from: string, to: string) =>
    copyFile(`${dist}/${from}`, to).catch((error: unknown) => {
      throw new UpdraftError(
        "failed",
        `cannot install ${dist}/${from}`,
        "Build it first: npm run build",
        error,
      );
    });
  await copy("access-point/updraft", `${upper}/usr/bin/updraft`);
  await link(`${upper}/usr/bin/updraft`, `${libexec}/updraft-schedd`);
  await copy("node/updraft-bootstrap", `${libexec}/node/updraft-bootstrap`);
  await mkdir(`${upper}/usr/share/updraft`, { recursive: true, mode: 0o755 });
  for (const name of DROP_INS)
    await copyFile(`${CONDOR_CONFIG}/${name}`, `${upper}/usr/share/updraft/${name}`);
}

function awsConfig(region: string, endpoint: string): string {
  return `[default]\nregion = ${region}\nendpoint_url = ${endpoint}\n`;
}

function awsCredentials(credentials: Credentials): string {
  return [
    "[default]",
    `aws_access_key_id = ${credentials.accessKeyId}`,
    `aws_secret_access_key = ${credentials.secretAccessKey}`,
    ...(credentials.sessionToken === undefined ? [] : [`aws_session_token = ${credentials.sessionToken}`]),
    "",
  ].join("\n");
}

async function ready(machine: Machine): Promise<void> {
  // Both daemons in the collector: jobs can be submitted and will be matched.
  const script = `
until [ "$(condor_status -any -constraint 'MyType == "Scheduler" || MyType == "Negotiator"' -af MyType 2>/dev/null | sort -u | wc -l)" = 2 ]
do sleep 0.1; done`;
  const result = await machine.exec(["sh", "-c", script], { timeoutSeconds: READY_SECONDS });
  if (!result.timedOut) return;
  const log = await machine.exec([
    "sh",
    "-c",
    "tail -n 5 /var/log/condor/MasterLog /var/log/condor/SchedLog",
  ]);
  throw new UpdraftError(
    "failed",
    `HTCondor on ${machine.name} was not ready after ${READY_SECONDS} s: ${log.stdout}`,
    "Look at /var/log/condor there: npm run sandbox -- shell",
  );
}
