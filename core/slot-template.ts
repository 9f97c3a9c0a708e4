import { Expression, formatAd, number, type Ad, type AdValue } from "./ad-json.ts";
import { PASSWORD_IDENTITY, tokenIdentity } from "./credential.ts";
import type { AnnexKnobs } from "./knobs.ts";
import { USABLE_MEMORY } from "./machine.ts";
import type { Resources } from "./packing.ts";
import { findTypes } from "./plan-order.ts";
import type { Ec2, InstanceTypeFacts } from "./ports.ts";

/** What slots of an image looked like. */
export type SlotAds = {
  /** The whole slot of the last instance of an image and type that has joined; of any type when it is undefined. */
  last(image: string, type: string | undefined): Promise<Ad | undefined>;
  /** A slot's ad as it was recorded when the image was made. */
  recorded(image: string): Promise<Ad | undefined>;
};

/** Keeps what an instance's slot says. That it could not be asked costs nothing but a better guess. */
export type LearnSlot = (image: string, type: string, instanceId: string) => Promise<void>;

/** What an instance that is ordered now will offer, as far as anybody knows. */
export type Template = {
  /** As text of a ClassAd. */
  readonly ad: string;
  readonly size: Resources;
};

export type Templates = {
  /** One for each of the annex's types. */
  readonly slots: readonly Template[];
  /** A slot of the image has been seen, when it ran or when it was made. */
  readonly proven: boolean;
};

/**
 * For each type the last real slot of that image and type, else a slot of the image with the type's size, else what
 * EC2 says of the type and the annex's _SLOT_ATTRS.
 */
export async function templates(
  ports: { readonly ec2: Pick<Ec2, "instanceTypes">; readonly slotAds: SlotAds },
  annex: AnnexKnobs,
  image: string,
  trustDomain: string,
): Promise<Templates> {
  const identity =
    annex.credential === "idtoken" ? tokenIdentity(annex.name, trustDomain) : PASSWORD_IDENTITY;
  const nodes = { annex, identity };
  const real = await Promise.all(annex.instanceTypes.map((type) => ports.slotAds.last(image, type)));
  const unseen = annex.instanceTypes.filter((_, index) => real[index] === undefined);
  if (unseen.length === 0)
    return { slots: real.flatMap((ad) => (ad ? [whole(ad, nodes)] : [])), proven: true };
  const [facts, sibling] = await Promise.all([
    findTypes(ports.ec2, unseen, annex),
    ports.slotAds.last(image, undefined).then((ad) => ad ?? ports.slotAds.recorded(image)),
  ]);
  const slots = annex.instanceTypes.flatMap((type, index) => {
    const seen = real[index];
    if (seen !== undefined) return [whole(seen, nodes)];
    return facts
      .filter((one) => one.type === type)
      .map((one) => sized(sibling ?? plainSlot(one), one, nodes));
  });
  return { slots, proven: sibling !== undefined };
}

/** Whose slots, and as whom they are advertised. */
type Nodes = { readonly annex: AnnexKnobs; readonly identity: string };

/** The ad of a partitionable slot tells what is left of it; an instance that comes has all of it. */
function whole(ad: Ad, nodes: Nodes): Template {
  const total = (name: string): number => number(ad.get(`totalslot${name}`)) ?? number(ad.get(name)) ?? 0;
  const size = { cpus: total("cpus"), memory: total("memory"), disk: total("disk"), gpus: total("gpus") };
  return { ad: unclaimed(ad, size, nodes), size };
}

/** Nobody knows the disks: they are the image's and the launch template's matter. */
const ANY_DISK = 2 ** 40;

function sized(ad: Ad, { cpus, memory, gpus }: InstanceTypeFacts, nodes: Nodes): Template {
  const size = { cpus, memory: Math.floor(memory * USABLE_MEMORY), disk: ANY_DISK, gpus };
  return { ad: unclaimed(ad, size, nodes), size: { ...size, disk: Number.POSITIVE_INFINITY } };
}

/** What every node of an annex says of itself, whatever its image. */
function plainSlot({ type }: InstanceTypeFacts): Ad {
  return new Map<string, AdValue>([
    ["arch", isArm(type) ? "aarch64" : "X86_64"],
    ["opsys", "LINUX"],
    ["hasfiletransfer", true],
    ["hasjobdeferral", true],
  ]);
}

/** As EC2 names its families: m7g and im4gn have Graviton processors, g4dn has not. */
const isArm = (type: string): boolean => /^([a-z]+\d+[a-z]*g[a-z]*|a1)\./.test(type);

function unclaimed(ad: Ad, size: Resources, { annex, identity }: Nodes): string {
  const slot = new Map<string, AdValue>([
    ...ad,
    ["mytype", "Machine"],
    ["name", "slot1@template"],
    ["machine", "template"],
    ["slottype", "Partitionable"],
    ["partitionableslot", true],
    ["state", "Unclaimed"],
    ["activity", "Idle"],
    ["isannex", true],
    ["annexname", annex.name],
    // As the collector will write it, which jobs' Requirements read.
    ["authenticatedidentity", identity],
    ["cpus", size.cpus],
    ["memory", size.memory],
    ["disk", size.disk],
    ["gpus", size.gpus],
    // The queue is asked by START itself, and the rest of it depends on the lease, which begins anew.
    ["start", true],
    ["requirements", new Expression("Start")],
  ]);
  for (const [name, value] of Object.entries(annex.slotAttributes)) {
    if (!ad.has(name.toLowerCase())) slot.set(name.toLowerCase(), new Expression(value));
  }
  return formatAd(slot);
}
