import { addressKind, inRange, parseAddress, parseCollectors } from "../daemon-address.ts";
import type { Site } from "../site.ts";
import { needed, ok, warning, wrong, type Found, type Piece } from "./findings.ts";
import type { PlaceFacts, Resolve, ScheddAd } from "./ports.ts";

type Ports = {
  readonly places: Pick<PlaceFacts, "ranges">;
  readonly resolve: Resolve;
  scheddAd(): Promise<ScheddAd | undefined>;
};

const PROBE = "Prove it with --probe.";

/** Whether nodes could reach the pool's daemons at all; that they do, only a probe proves. */
export function addressPieces(
  ports: Ports,
  site: Site,
  make: { piece: (name: string, look: Piece["look"]) => Piece; vpc(): Promise<string> },
): Piece[] {
  const ranges = async (): Promise<string[]> => ports.places.ranges(await make.vpc());
  return [
    make.piece("collectors", async () => {
      const { addresses, unreadable } = parseCollectors(site.collectors);
      const inside = await ranges();
      const found = await Promise.all(
        addresses.map(async ({ host }) => hostReachable(host, await ports.resolve(host), inside)),
      );
      return [
        ...found,
        ...unreadable.map((word) =>
          wrong(`"${word}" is no address of a collector`, "Correct COLLECTOR_HOST."),
        ),
      ];
    }),
    make.piece("schedd's address", async () => {
      const ad = await needed(ports.scheddAd(), "the collector's answer");
      const address = ad && parseAddress(ad.address);
      if (address === undefined)
        return [
          wrong(
            `the collector knows no address of schedd ${site.schedd}`,
            "See with `condor_status -schedd` whether it runs and under which name.",
          ),
        ];
      if (address.callsBack)
        return [
          wrong(
            `schedd ${site.schedd} can only call back (CCB), as nodes can: neither would reach the other`,
            "Unset CCB_ADDRESS on the access point, and give it an address that nodes can reach.",
          ),
        ];
      return [hostReachable(address.host, [address.host], await ranges())];
    }),
  ];
}

/** One host as a node would see it. */
function hostReachable(host: string, ips: readonly string[], inside: readonly string[]): Found {
  const name = ips.length === 1 && ips[0] === host ? host : `${host} (${ips.join(", ")})`;
  if (ips.length === 0)
    return wrong(
      `${host} does not resolve here`,
      "Give it an address in the name service that nodes use too.",
    );
  const local = ips.find((ip) => ["loopback", "link-local"].includes(addressKind(ip)));
  if (local !== undefined)
    return wrong(
      `${name} is this machine's own address, which no node could reach`,
      "Set NETWORK_INTERFACE, or the name service, so that it is one that nodes can reach.",
    );
  if (ips.some((ip) => inside.some((range) => inRange(ip, range))))
    return ok(`${name} is in the annex's VPC`);
  if (ips.every((ip) => addressKind(ip) === "private"))
    return warning(
      `${name} is a private address outside the annex's VPC (${inside.join(", ")}): nodes reach it by VPN or peering alone`,
      PROBE,
    );
  return ok(`${name} is a public address`);
}
