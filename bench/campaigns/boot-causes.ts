import { createHash } from "node:crypto";
import type { FaultEffect } from "../../sandbox/cloud/ports.ts";
import type { SandboxMachine } from "../../sandbox/sandbox.ts";
import { fakeClock } from "./faketime.ts";

/** What the annex's prefix holds, and what the collector takes, while a batch boots; it is the same for all of a batch. */
export type World =
  | "sound"
  | "garbage for a manifest"
  | "another tarball"
  | "another pool's credential"
  | "a revoked token"
  | "a token that nobody allowed";

export type BootCause = {
  readonly name: string;
  readonly world?: World;
  /** What S3 does to this node's role. */
  readonly fault?: FaultEffect & { readonly times?: number };
  /** Done to the machine before its user data goes on. */
  readonly injure?: (machine: SandboxMachine) => Promise<void>;
  /** `joins`: it becomes a node all the same. `ends`: it says why and ends itself. `enforced`: nothing in it is left that could. */
  readonly outcome: "joins" | "ends" | "enforced";
  /** Whether the report reaches the bucket; the console has it always. */
  readonly reports?: boolean;
};

const sh =
  (script: string) =>
  async (machine: SandboxMachine): Promise<void> => {
    await machine.exec(["sh", "-c", script], { timeoutSeconds: 30 });
  };

/** In the background, because it waits for the boot to come so far. */
const later = (script: string) => sh(`setsid sh -c '${script}' </dev/null >/dev/null 2>&1 &`);
/** A pattern that does not match whoever looks for it. */
const JOIN = '"/usr/libexec/updraft/updraft-bootstra[p] join"';
const killOnce = (condition: string) => later(`until ${condition}; do sleep 0.01; done; pkill -9 -f ${JOIN}`);

const NO_METADATA = `nft -f - <<END
table inet outage {
  chain output {
    type filter hook output priority -10; policy accept;
    ip daddr 169.254.169.254 drop
  }
}
END`;
/** A service that hands out tokens and knows nothing else; the machine takes its address for its own. */
const EMPTY_METADATA = String.raw`ip address add 169.254.169.254/32 dev lo
cat >/tmp/metadata.py <<END
import http.server
class Empty(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"token")
    def do_GET(self):
        self.send_response(404); self.end_headers()
http.server.HTTPServer(("169.254.169.254", 80), Empty).serve_forever()
END
setsid python3 /tmp/metadata.py </dev/null >/dev/null 2>&1 &`;

export const BOOT_CAUSES: readonly BootCause[] = [
  { name: "nothing", outcome: "joins" },
  { name: "S3 denies", fault: { kind: "error", code: "AccessDenied", status: 403 }, outcome: "ends" },
  {
    name: "S3 denies four times",
    fault: { kind: "error", code: "AccessDenied", status: 403, times: 4 },
    outcome: "joins",
  },
  { name: "S3 asks to slow down", fault: { kind: "throttle", times: 3 }, outcome: "joins" },
  { name: "S3 hangs once", fault: { kind: "timeout", seconds: 5, times: 1 }, outcome: "joins" },
  { name: "S3 hangs", fault: { kind: "timeout", seconds: 600 }, outcome: "ends" },
  { name: "manifest is garbage", world: "garbage for a manifest", outcome: "ends", reports: true },
  { name: "wrong checksum", world: "another tarball", outcome: "ends", reports: true },
  { name: "wrong credential", world: "another pool's credential", outcome: "ends", reports: true },
  { name: "token revoked", world: "a revoked token", outcome: "ends", reports: true },
  {
    name: "token not allowed by the collector",
    world: "a token that nobody allowed",
    outcome: "ends",
    reports: true,
  },
  {
    name: "collector unreachable",
    injure: sh(
      "nft 'add table inet cut; add chain inet cut o { type filter hook output priority 0; }; add rule inet cut o oifname != lo tcp dport 9618 drop'",
    ),
    outcome: "ends",
    reports: true,
  },
  {
    name: "disk full",
    injure: sh("mkdir -p /var/lib/updraft && mount -t tmpfs -o size=4k tmpfs /var/lib/updraft"),
    outcome: "ends",
    reports: true,
  },
  { name: "clock an hour ahead", injure: (machine) => fakeClock(machine, 3600), outcome: "joins" },
  { name: "clock an hour behind", injure: (machine) => fakeClock(machine, -3600), outcome: "joins" },
  { name: "join killed at its start", injure: killOnce(`pgrep -f ${JOIN}`), outcome: "ends" },
  {
    name: "join killed between its files",
    injure: killOnce("[ -e /etc/condor/config.d/50-updraft-annex.config ]"),
    outcome: "ends",
  },
  {
    name: "join killed once the guard runs",
    injure: killOnce("[ -e /run/updraft/guard.lock ]"),
    outcome: "ends",
  },
  {
    name: "join and user data killed",
    injure: later(
      `until pgrep -f ${JOIN}; do sleep 0.01; done; pkill -9 -f "part-00[1]"; pkill -9 -f ${JOIN}`,
    ),
    outcome: "enforced",
  },
  {
    name: "user data run twice at once",
    injure: later("until [ -e /run/go ]; do sleep 0.01; done; /var/lib/cloud/instance/scripts/part-001"),
    outcome: "joins",
  },
  {
    name: "metadata service silent for 8 s",
    injure: sh(
      `${NO_METADATA}\nsetsid sh -c "sleep 8; nft delete table inet outage" </dev/null >/dev/null 2>&1 &`,
    ),
    outcome: "joins",
  },
  { name: "metadata service silent", injure: sh(NO_METADATA), outcome: "ends" },
  { name: "metadata service says 404", injure: sh(EMPTY_METADATA), outcome: "ends" },
];

export function bootCause(name: string): BootCause {
  const found = BOOT_CAUSES.find((cause) => cause.name === name);
  if (found === undefined) throw new Error(`there is no cause ${name}`);
  return found;
}

/** The annex's prefix in this world: keys below it, and what stands there instead. `manifest` is the sound one. */
export function tampered(world: World, manifest: string): Readonly<Record<string, string>> {
  const [config, credential] = [...manifest.matchAll(/^sha256=([0-9a-f]{64})$/gm)].map(
    ([, sha256]) => sha256,
  );
  const garbage = "these bytes are nothing that anybody has made";
  const sha256 = createHash("sha256").update(garbage).digest("hex");
  switch (world) {
    case "sound":
    case "a revoked token":
    case "a token that nobody allowed":
      return {};
    case "garbage for a manifest":
      return { "annex.ini": garbage };
    case "another tarball":
      return { [`config/${config}.tar.gz`]: garbage };
    case "another pool's credential":
      return {
        [`credential/${sha256}`]: garbage,
        "annex.ini": manifest.replace(credential ?? "none", sha256),
      };
  }
}

/** What the central manager has in its configuration in this world, beside and after what it has in a sound one. */
export function refusal(world: World, annex: string): string {
  switch (world) {
    case "a revoked token":
      return `SEC_TOKEN_REVOCATION_EXPR = sub =?= "annex-${annex}@$(TRUST_DOMAIN)"\n`;
    case "a token that nobody allowed":
      // As it was before condor-config/central-manager.config came.
      return "ALLOW_ADVERTISE_STARTD = $(ALLOW_DAEMON)\n";
    default:
      return "";
  }
}
