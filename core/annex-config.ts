import type { AnnexKnobs } from "./knobs.ts";
import { DIRECT_PORT } from "./direct.ts";
import type { Site } from "./site.ts";
import { startExpression } from "./start-expression.ts";

/** The file in the configuration archive that makes a node one of this annex. */
export const ANNEX_CONFIG_FILE = "50-updraft-annex.config";

/** How the pool's machines reach the daemons of a node. */
function reached(annex: AnnexKnobs): string {
  return annex.directFrom.length === 0
    ? `# The security group lets nobody in: the collector asks a node to call back whoever wants to reach it.
CCB_ADDRESS = $(COLLECTOR_HOST)`
    : `# The security group lets ${annex.directFrom.join(", ")} in, to this port of the node's public address.
USE_SHARED_PORT = True
SHARED_PORT_PORT = ${DIRECT_PORT}`;
}

/** Text of that file. It holds no secret, and nothing that differs between two nodes of the annex. */
export function annexConfig(annex: AnnexKnobs, site: Site): string {
  const slotAttributes = Object.entries(annex.slotAttributes);
  const published = ["AnnexName", "IsAnnex", ...slotAttributes.map(([name]) => name)].join(" ");
  const start = startExpression({
    annex: annex.name,
    schedd: site.schedd,
    jobs: annex.jobs,
    owners: annex.owners,
  });
  return `# Annex ${annex.name} of pool ${site.pool}, written by updraft create.
CONDOR_HOST = ${site.condorHost}
COLLECTOR_HOST = ${site.collectors}
${reached(annex)}

# A node is nobody's user domain and file system but its own.
UID_DOMAIN = $(FULL_HOSTNAME)
FILESYSTEM_DOMAIN = $(FULL_HOSTNAME)

SEC_DEFAULT_AUTHENTICATION = REQUIRED
SEC_DEFAULT_ENCRYPTION = REQUIRED
SEC_DEFAULT_INTEGRITY = REQUIRED
SEC_DEFAULT_AUTHENTICATION_METHODS = FS, ${annex.credential === "password" ? "PASSWORD" : "IDTOKENS"}

AnnexName = "${annex.name}"
IsAnnex = True
${slotAttributes.map(([name, value]) => `${name} = ${value}\n`).join("")}STARTD_ATTRS = $(STARTD_ATTRS) ${published}
MASTER_ATTRS = $(MASTER_ATTRS) AnnexName IsAnnex

START = ${start}
# Seconds that a job is expected to run: it starts only where it would finish.
UPDRAFT_EXPECTED_RUNTIME = ${annex.expectedRuntime ?? "undefined"}
`;
}
