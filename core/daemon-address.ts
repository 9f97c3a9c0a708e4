/** Where one of HTCondor's daemons listens. */
export type DaemonAddress = {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Name of its socket behind a shared port. */
  readonly socket: string | undefined;
  /** It calls back whoever wants to reach it, so nobody opens a connection to it. */
  readonly callsBack: boolean;
};

export const COLLECTOR_PORT = 9618;

/** Reads `host`, `host:port`, `[::1]:port`, each with `?sock=…`, and HTCondor's own `<ip:port?…>`; undefined when it is none. */
export function parseAddress(text: string): DaemonAddress | undefined {
  const [, bare = "", query = ""] = /^<?([^?<>]+)(?:\?([^<>]*))?>?$/.exec(text.trim()) ?? [];
  const [, six, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(bare) ?? [];
  const host = six ?? name;
  const number = port === undefined ? COLLECTOR_PORT : Number(port);
  if (host === undefined || number > 65535) return undefined;
  const parameter = (key: string): string | undefined =>
    query
      .split(/[&;]/)
      .map((pair) => pair.split("="))
      .find(([name]) => name?.toLowerCase() === key.toLowerCase())?.[1];
  return {
    host,
    // Port 0 is HTCondor's way to say "by the shared port": its own.
    port: number === 0 ? COLLECTOR_PORT : number,
    socket: parameter("sock"),
    callsBack: parameter("CCBID") !== undefined,
  };
}

/** The collectors of a COLLECTOR_HOST; those that cannot be read are told apart. */
export function parseCollectors(text: string): { addresses: DaemonAddress[]; unreadable: string[] } {
  const addresses: DaemonAddress[] = [];
  const unreadable: string[] = [];
  for (const word of text.split(/[\s,]+/).filter((word) => word !== "")) {
    const address = parseAddress(word);
    if (address === undefined) unreadable.push(word);
    else addresses.push(address);
  }
  return { addresses, unreadable };
}

/** As condor_ping takes it; the host must be an IP address. */
export function formatAddress({ host, port, socket }: DaemonAddress): string {
  const place = host.includes(":") ? `[${host}]` : host;
  return `<${place}:${port}${socket === undefined ? "" : `?sock=${socket}`}>`;
}

export type AddressKind = "loopback" | "link-local" | "private" | "public";

/** What an IP address is good for. Carrier-grade NAT (100.64.0.0/10) counts as private. */
export function addressKind(ip: string): AddressKind {
  if (ip.includes(":")) {
    const low = ip.toLowerCase();
    if (low === "::1" || low === "::") return "loopback";
    if (/^fe[89ab]/.test(low)) return "link-local";
    return /^f[cd]/.test(low) ? "private" : "public";
  }
  const [a = 0, b = 0] = ip.split(".").map(Number);
  if (a === 127 || a === 0) return "loopback";
  if (a === 169 && b === 254) return "link-local";
  const inside =
    a === 10 ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 100 && b >= 64 && b < 128);
  return inside ? "private" : "public";
}

/** Whether an IPv4 address lies in a range such as 172.31.0.0/16. */
export function inRange(ip: string, range: string): boolean {
  const [base = "", bits = ""] = range.split("/");
  const number = (text: string): number =>
    /^\d+\.\d+\.\d+\.\d+$/.test(text)
      ? text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0)
      : NaN;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number(ip) / size) === Math.floor(number(base) / size);
}
