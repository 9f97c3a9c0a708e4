import type { SandboxImage } from "./cloud/ports.ts";
import type { Roots } from "./rootfs/roots.ts";

/** AMIs of the sandbox, and what each one's machines are booted from. */
export const IMAGES: readonly (SandboxImage & { readonly root: keyof Roots })[] = [
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
