import type { AnnexKnobs } from "./knobs.ts";
import type { Ec2 } from "./ports.ts";
import type { SetUp } from "./publish.ts";
import type { Site } from "./site.ts";

/**
 * What AWS has told within the last minutes, and of what never changes within the last hour: good enough to look by
 * every minute. Whoever orders asks AWS itself.
 */
export type Recent = {
  setUp(annex: AnnexKnobs, site: Site): Promise<SetUp>;
  imageId(image: string): Promise<string>;
  readonly ec2: Pick<Ec2, "image" | "instanceTypes">;
};
