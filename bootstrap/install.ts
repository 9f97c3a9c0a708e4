import { basename, dirname, join } from "node:path";
import { directory, writeAtomically } from "../adapters/node-files.ts";
import { nodeConfig, type NodeConfigValues } from "../core/node-config.ts";
import { hostName, type NodeIdentity } from "../core/node-identity.ts";
import { NODE_STATE_PATH, READY_PATH, type NodeState } from "../core/node-state.ts";
import { NODE_CONFIG_NAME } from "../core/node-tarball.ts";
import { asset } from "./assets.ts";
import type { Configuration } from "./configuration.ts";
import { installCredential } from "./credential-files.ts";

const CONFIG_DIRECTORY = "/etc/condor/config.d";
const SHUTDOWN_PROGRAM = "/usr/libexec/updraft/node-shutdown";

/** Writes everything that condor_master needs. Each file is whole or not there, so a second run after a crash is safe. */
export async function writeConfiguration(
  { files, manifest, credential }: Configuration,
  values: NodeIdentity & Omit<NodeConfigValues, "hostName">,
): Promise<void> {
  await Promise.all([directory(CONFIG_DIRECTORY, 0o755), directory(dirname(SHUTDOWN_PROGRAM), 0o755)]);
  const config = nodeConfig(asset("node.config"), { ...values, hostName: hostName(values) });
  // Each waits for the disk, so they wait together.
  await Promise.all([
    installCredential(manifest.credential.kind, credential),
    writeAtomically(SHUTDOWN_PROGRAM, asset("node-shutdown.sh"), 0o755),
    ...files.map(({ name, data }) => writeAtomically(join(CONFIG_DIRECTORY, basename(name)), data, 0o644)),
    writeAtomically(join(CONFIG_DIRECTORY, NODE_CONFIG_NAME), config, 0o644),
  ]);
}

export async function writeState(state: NodeState): Promise<void> {
  await directory(dirname(NODE_STATE_PATH), 0o755);
  await writeAtomically(NODE_STATE_PATH, `${JSON.stringify(state)}\n`, 0o644);
}

/** From now on HTCondor may run here, whoever starts it. */
export async function allowHtcondor(): Promise<void> {
  await writeAtomically(READY_PATH, "", 0o644);
}
