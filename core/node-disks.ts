/** Columns that `lsblk --json --bytes` is asked for. */
export const LSBLK_COLUMNS = "PATH,TYPE,SIZE,MODEL,FSTYPE,LABEL,MOUNTPOINT,RO";

/** The label of a file system that we made: after a reboot it tells ours from another's. */
export const SCRATCH_LABEL = "updraft-scratch";
/** The name of an array that we made of several disks. */
export const SCRATCH_ARRAY = "updraft";

/** How EC2's Nitro instances name their local disks; an EBS volume is an `Amazon Elastic Block Store`. */
const INSTANCE_STORE = "Amazon EC2 NVMe Instance Storage";
const ARRAY_MEMBER = "linux_raid_member";

export type ScratchPlan =
  /** Made by us before a reboot. */
  | { readonly kind: "mount"; readonly path: string }
  /** Blank disks of the instance itself, the largest first. */
  | { readonly kind: "format"; readonly paths: readonly string[] }
  /** Nothing for us to use; `why` when a local disk is there. */
  | { readonly kind: "none"; readonly why?: string };

type Device = {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly model: string;
  readonly fstype: string;
  readonly label: string;
  readonly mounted: boolean;
  readonly readOnly: boolean;
  readonly children: readonly Device[];
};

/**
 * What to do with the disks that `lsblk --json` lists. Only a disk that EC2 itself names as local to the instance is
 * ever formatted, and only a blank one: what somebody has put on it, or mounted, is theirs.
 */
export function planScratch(listing: string): ScratchPlan {
  const local = readListing(listing).filter(({ type, model }) => type === "disk" && model === INSTANCE_STORE);
  if (local.length === 0) return { kind: "none" };
  const ours = local
    .flatMap((disk) => [disk, ...disk.children])
    .find(({ label, fstype }) => label === SCRATCH_LABEL && fstype !== ARRAY_MEMBER);
  if (ours !== undefined) {
    return ours.mounted
      ? { kind: "none", why: `${ours.path} is mounted already` }
      : { kind: "mount", path: ours.path };
  }
  const blank = local.filter(isBlank).sort((a, b) => b.size - a.size);
  if (blank.length > 0) return { kind: "format", paths: blank.map(({ path }) => path) };
  return {
    kind: "none",
    why: `${local.map(({ path }) => path).join(", ")}: in use or not blank, so left alone`,
  };
}

/** A member of an array of ours that nobody has put together is as good as blank: it held scratch only. */
function isBlank({ fstype, label, mounted, readOnly, children }: Device): boolean {
  const free = fstype === "" || (fstype === ARRAY_MEMBER && label.endsWith(`:${SCRATCH_ARRAY}`));
  return free && !mounted && !readOnly && children.length === 0;
}

function readListing(listing: string): Device[] {
  const { blockdevices = [] } = JSON.parse(listing) as { blockdevices?: unknown[] };
  return blockdevices.map(readDevice);
}

function readDevice(value: unknown): Device {
  const fields = value as Record<string, unknown>;
  const text = (name: string): string => {
    const found = fields[name];
    return typeof found === "string" ? found.trim() : "";
  };
  const { size, ro, children } = fields;
  return {
    path: text("path"),
    type: text("type"),
    size: typeof size === "number" ? size : 0,
    model: text("model"),
    fstype: text("fstype"),
    label: text("label"),
    mounted: text("mountpoint") !== "",
    readOnly: ro !== false,
    children: Array.isArray(children) ? children.map(readDevice) : [],
  };
}
