import { formatAddress, parseAddress, parseCollectors, type DaemonAddress } from "./daemon-address.ts";
import type { BootReport } from "./node-boot.ts";
import type { UnixTime } from "./time.ts";

/** The lease of a probe: its tests take seconds, and whatever happens it is over then. */
export const PROBE_LEASE_SECONDS = 600;

/** One thing that a node needs, as seen from where it runs. */
export type ProbeTest = { readonly name: string; readonly passed: boolean; readonly what: string };

/** What a probe wrote: it stands where the report of a failed boot would. It holds no secret. */
export type ProbeReport = {
  readonly format: 1;
  readonly probe: true;
  readonly annex: string;
  readonly instanceId: string;
  readonly startedAt: UnixTime;
  readonly tests: readonly ProbeTest[];
};

export function isProbeReport(report: BootReport | ProbeReport): report is ProbeReport {
  return "probe" in report && report.probe === true && Array.isArray(report.tests);
}

export type ProbePorts = {
  /** Addresses of a name; empty when it has none. */
  resolve(host: string): Promise<readonly string[]>;
  /** Opens a connection and closes it; says why it could not. */
  connect(ip: string, port: number): Promise<string | undefined>;
  /** Everything that condor_ping says about a level of authorization at a collector. */
  ping(address: string, level: string): Promise<string>;
  /** The address that a schedd advertises in a collector; empty when the collector does not know it. */
  scheddAddress(collector: string, schedd: string): Promise<string>;
};

/** What a node's credential must be good for. */
const LEVELS = ["ADVERTISE_STARTD", "ADVERTISE_MASTER"];

/** Everything that a node of this pool needs beyond S3. One test that fails hides no other that can be made. */
export async function probe(ports: ProbePorts, collectors: string, schedd: string): Promise<ProbeTest[]> {
  const { tests, reached } = await testCollectors(ports, collectors, LEVELS);
  return [...tests, await advertised(ports, schedd, reached)];
}

/** Why no collector lets this node advertise its slots; undefined when one does. */
export async function refusal(ports: CollectorPorts, collectors: string): Promise<string | undefined> {
  const { tests, welcome } = await testCollectors(ports, collectors, ["ADVERTISE_STARTD"]);
  if (welcome) return undefined;
  const failures = tests.filter(({ passed }) => !passed);
  return failures.map(({ name, what }) => `${name}: ${what}`).join("; ") || "it knows of none";
}

type CollectorPorts = Omit<ProbePorts, "scheddAddress">;

async function testCollectors(ports: CollectorPorts, collectors: string, levels: readonly string[]) {
  const tests: ProbeTest[] = [];
  let welcome = false;
  const { addresses, unreadable } = parseCollectors(collectors);
  for (const word of unreadable) tests.push(failed("collector", `"${word}" is no address of a collector`));
  const reached: string[] = [];
  for (const address of addresses) {
    const ips = await resolved(ports, address.host, tests);
    const ip = await connected(ports, `collector ${address.host}`, ips, address.port, tests);
    if (ip === undefined) continue;
    const place = formatAddress({ ...address, host: ip });
    reached.push(place);
    for (const level of levels) {
      const test = authorized(address, level, await ports.ping(place, level));
      welcome ||= test.passed;
      tests.push(test);
    }
  }
  return { tests, reached, welcome };
}

const passed = (name: string, what: string): ProbeTest => ({ name, passed: true, what });
const failed = (name: string, what: string): ProbeTest => ({ name, passed: false, what });

async function resolved(ports: CollectorPorts, host: string, tests: ProbeTest[]): Promise<readonly string[]> {
  if (/^[\d.]+$|:/.test(host)) return [host];
  const ips = await ports.resolve(host);
  tests.push(
    ips.length === 0
      ? failed(`name ${host}`, `${host} does not resolve`)
      : passed(`name ${host}`, `${host} is ${ips.join(", ")}`),
  );
  return ips;
}

/** The first address that answers. */
async function connected(
  ports: CollectorPorts,
  name: string,
  ips: readonly string[],
  port: number,
  tests: ProbeTest[],
): Promise<string | undefined> {
  const reasons: string[] = [];
  for (const ip of ips) {
    const why = await ports.connect(ip, port);
    if (why === undefined) {
      tests.push(passed(name, `port ${port} of ${ip} answers`));
      return ip;
    }
    reasons.push(`port ${port} of ${ip}: ${why}`);
  }
  tests.push(failed(name, reasons.length === 0 ? "it has no address" : reasons.join("; ")));
  return undefined;
}

/** Reads `condor_ping -verbose`. */
function authorized({ host }: DaemonAddress, level: string, said: string): ProbeTest {
  const name = `credential at ${host}, ${level}`;
  const field = (label: string): string =>
    new RegExp(`^${label}:\\s*(.*)$`, "m").exec(said)?.[1]?.trim() ?? "";
  if (field("Authorized") === "TRUE")
    return passed(name, `accepted as ${field("Remote Mapping")} by ${field("Authenticated using")}`);
  const mapping = field("Remote Mapping");
  if (mapping !== "") return failed(name, `${mapping} is authenticated and not authorized`);
  return failed(name, said.replace(/\s+/g, " ").trim().slice(0, 300));
}

async function advertised(
  ports: ProbePorts,
  schedd: string,
  collectors: readonly string[],
): Promise<ProbeTest> {
  const name = `schedd ${schedd}`;
  if (collectors.length === 0) return failed(name, "no collector could be asked for its address");
  for (const collector of collectors) {
    const text = await ports.scheddAddress(collector, schedd);
    if (text === "") continue;
    const address = parseAddress(text);
    if (address === undefined) return failed(name, `it advertises "${text}", which is no address`);
    if (address.callsBack)
      return failed(name, `it can only call back (CCB), as a node can: neither reaches the other (${text})`);
    const why = await ports.connect(address.host, address.port);
    const place = `port ${address.port} of ${address.host}, which it advertises`;
    return why === undefined ? passed(name, `${place}, answers`) : failed(name, `${place}: ${why}`);
  }
  return failed(name, "the collector does not know it");
}
