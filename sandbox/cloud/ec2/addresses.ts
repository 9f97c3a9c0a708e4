/** Kept for the sandbox's own machines: gateway, endpoint, access points. */
const RESERVED = /^172\.31\.255\./;
/** AWS keeps the first four addresses of a subnet and its last one. */
const FIRST = 4;

/** Hands out addresses of a subnet in turn, so that one just freed is not taken again at once. */
export function addresses() {
  const next = new Map<string, number>();
  return (cidr: string, taken: (address: string) => boolean): string | undefined => {
    const [base = "", bits = "32"] = cidr.split("/");
    const size = 2 ** (32 - Number(bits));
    const start = base.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
    const from = next.get(cidr) ?? FIRST;
    for (let step = 0; step < size; step++) {
      const offset = FIRST + ((from - FIRST + step) % Math.max(1, size - FIRST - 1));
      const address = dotted(start + offset);
      if (taken(address) || RESERVED.test(address)) continue;
      next.set(cidr, offset + 1);
      return address;
    }
    return undefined;
  };
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
