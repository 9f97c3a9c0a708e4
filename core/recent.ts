import type { AnnexKnobs } from "./knobs.ts";
import type { Ec2 } from "./ports.ts";
import type { SetUp } from "./publish.ts";
import type { Site } from "./site.ts";
import type { UnixTime } from "./time.ts";

/**
 * What AWS has told within the last minutes, and of what never changes within the last hour: good enough to look by
 * every minute. Whoever orders asks AWS itself.
 */
export type Recent = {
  setUp(annex: AnnexKnobs, site: Site): Promise<SetUp>;
  imageId(image: string): Promise<string>;
  /** When the enforcer last completed a sweep of the bucket's account: a past that stays true, whatever comes after it. */
  sweptAt(bucket: string, look: () => Promise<UnixTime | undefined>): Promise<UnixTime | undefined>;
  readonly ec2: Pick<Ec2, "image" | "instanceTypes">;
};
