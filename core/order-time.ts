import type { Instance } from "./instance.ts";
import { TAG } from "./tags.ts";
import type { UnixTime } from "./time.ts";

/** When an instance was ordered; an instance whose tag nobody can read: when EC2 launched it. */
export function orderTime({ tags, launched }: Pick<Instance, "tags" | "launched">): UnixTime {
  const tag = tags[TAG.orderedAt] ?? "";
  return /^\d{1,12}$/.test(tag) ? Number(tag) : launched;
}
