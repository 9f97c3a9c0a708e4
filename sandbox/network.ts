import { run } from "./run.ts";

/** The sandbox's network: EC2's default VPC, on one bridge in the sandbox's own network namespace. */
export const BRIDGE = "br0";
export const GATEWAY = "172.31.255.1";
export const ENDPOINT = "172.31.255.2";
export const METADATA = "169.254.169.254";
export const METADATA_IPV6 = "fd00:ec2::254";
/** Written down, because a bridge otherwise takes the lowest address of its ports, and every machine loses it when one comes or goes. */
const BRIDGE_MAC = "02:00:ac:1f:ff:01";
/** A machine's IPv6 address ends in its IPv4 address. */
const IPV6_PREFIX = "fd00:ec2:1::";

/** Of the block that is nobody's in the world outside; every machine has a route there (machine/init.sh). */
const PUBLIC_PREFIX = "198.18";

/** The public address of the machine with this IPv4 address, when it has one. */
export function publicAddressOf(address: string): string {
  return `${PUBLIC_PREFIX}.${address.split(".").slice(2).join(".")}`;
}

/** IPv6 address of the machine with this IPv4 address. */
export function ipv6Of(address: string): string {
  const bytes = address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
  return `${IPV6_PREFIX}${bytes.slice(0, 2).join("")}:${bytes.slice(2).join("")}`;
}

/** IPv4 address of the machine that talks from this address, of either kind; the address itself when it is no machine's. */
export function ipv4Of(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!address.startsWith(IPV6_PREFIX)) return address;
  const words = address.slice(IPV6_PREFIX.length).split(":");
  if (words.length !== 2) return address;
  const digits = words.map((word) => word.padStart(4, "0")).join("");
  return [0, 2, 4, 6].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)).join(".");
}

/** Makes the bridge with the addresses that belong to the cloud itself. Nothing leads out of the sandbox. */
export async function createBridge(): Promise<void> {
  await run(["ip", "-batch", "-"], {
    input: [
      `link add ${BRIDGE} address ${BRIDGE_MAC} type bridge`,
      `link set ${BRIDGE} up`,
      `addr add ${GATEWAY}/16 brd + dev ${BRIDGE}`,
      `addr add ${ENDPOINT}/16 dev ${BRIDGE}`,
      `addr add ${METADATA}/32 dev ${BRIDGE}`,
      `addr add ${METADATA_IPV6}/128 dev ${BRIDGE} nodad`,
      `addr add ${IPV6_PREFIX}1/64 dev ${BRIDGE} nodad`,
      "route add unreachable default",
      "",
    ].join("\n"),
  });
  // Only so that a machine that asks for the world outside is told at once that there is none.
  await run(["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"]);
}

/** Gives the network namespace of process `pid` an eth0 on the bridge, whose other end is called `port`. */
export async function plugIn(port: string, pid: number): Promise<void> {
  await run(["ip", "-batch", "-"], {
    input: `link add name ${port} type veth peer name eth0 netns ${pid}\nlink set ${port} master ${BRIDGE} up\n`,
  });
}

export async function setLink(port: string, state: "up" | "down"): Promise<void> {
  await run(["ip", "link", "set", port, state]);
}
