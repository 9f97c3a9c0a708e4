import type { Ec2 } from "../core/ports.ts";
import { findSetUp, type SetupPorts } from "../core/publish.ts";
import type { Recent } from "../core/recent.ts";
import type { SlotMatches } from "../core/demand.ts";
import type { Matchmaking } from "../core/sensors.ts";
import type { AnswerMemory } from "./answer-memory.ts";

/** What somebody may change is asked about at least so often. */
const MINUTES = 300;
/** Far less than the age at which a sweep counts as missing. */
const SWEEP = 90;
/** What EC2 says of a type or an image stays true. */
const HOUR = 3600;

/** Asks AWS when its last answer is old. */
export function recentFacts(
  aws: SetupPorts & {
    readonly ec2: Pick<Ec2, "image" | "instanceTypes">;
    imageId(image: string): Promise<string>;
  },
  { recent }: AnswerMemory,
): Recent {
  return {
    setUp: (annex, site) =>
      recent("set-up", [annex.region, annex.name, site.pool, site.schedd], MINUTES, () =>
        findSetUp(aws, annex, site),
      ),
    imageId: (image) => recent("image-id", image, MINUTES, () => aws.imageId(image)),
    sweptAt: (bucket, look) => recent("swept-at", bucket, SWEEP, look),
    ec2: {
      image: (id) => recent(`image ${id}`, id, HOUR, () => aws.ec2.image(id)),
      instanceTypes: (types) =>
        recent(`instance-types ${types.join(",")}`, types, HOUR, () => aws.ec2.instanceTypes(types)),
    },
  };
}

/** Asks HTCondor which jobs slots would take when jobs or slots are others, or when its last answer is old: requirements may depend on the time. */
export function recentMatches(matches: Matchmaking, { recent }: AnswerMemory): Matchmaking {
  return {
    ...matches,
    async freeSlots(ads, slots, annex) {
      let now: readonly SlotMatches[] | undefined;
      const counts = await recent("free-slots", [ads, slots], MINUTES, async () => {
        now = await matches.freeSlots(ads, slots, annex);
        // Which slots take which jobs would be as long as slots and jobs together, and is not kept.
        return now.some(({ among }) => among !== undefined) ? undefined : now.map(({ count }) => count);
      });
      return now ?? (counts ?? []).map((count) => ({ count }));
    },
    templates: (ads, slots) =>
      recent("templates", [ads, slots], MINUTES, () => matches.templates(ads, slots)),
  };
}
