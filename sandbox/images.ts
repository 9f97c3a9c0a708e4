import type { SandboxImage } from "./cloud/ports.ts";
import type { Roots } from "./rootfs/roots.ts";

/** An AMI and the directories of the overlay that its machines boot from. */
export type BootableImage = SandboxImage & { readonly layers: readonly string[] };

/** AMIs of every sandbox, and what each one's machines are booted from. */
export const IMAGES: readonly (SandboxImage & { readonly root: Exclude<keyof Roots, "extra"> })[] = [
  {
    imageId: "ami-00000000000000001",
    name: "htcondor-updraft",
    description: "HTCondor and Updraft's node programs",
    root: "updraft",
  },
  { imageId: "ami-00000000000000002", name: "htcondor", description: "HTCondor only", root: "htcondor" },
  { imageId: "ami-00000000000000003", name: "plain", description: "Debian without HTCondor", root: "plain" },
  {
    imageId: "ami-00000000000000004",
    name: "archive",
    description: "Debian without HTCondor, with an archive of its packages",
    root: "archive",
  },
];

/** Id of the first, second … image that one sandbox has beside them. */
export const extraImageId = (index: number): string => `ami-${String(101 + index).padStart(17, "0")}`;

/** All images of a sandbox; those beside the usual ones by what their layers add to HTCondor and Updraft. */
export function images(roots: Roots): BootableImage[] {
  const usual = IMAGES.map(({ root, ...image }) => ({ ...image, layers: roots[root] }));
  const extra = Object.entries(roots.extra).map(([name, layers], index) => ({
    imageId: extraImageId(index),
    name,
    description: "HTCondor and Updraft's node programs, and more",
    layers,
  }));
  return [...usual, ...extra];
}
