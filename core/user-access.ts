import { UpdraftError } from "./errors.ts";
import { knobName, type AnnexKnobs } from "./knobs.ts";
import type { OrderPlan } from "./plan-order.ts";
import { checkPublished, findGround, type ConfigPorts, type Ground, type SetupPorts } from "./publish.ts";
import type { Person, Site } from "./site.ts";
import { annexStack, type AnnexSetup } from "./stacks.ts";

/**
 * Throws when none of the person's jobs could run on the annex. Whoever names an accounting group may be in it: that
 * is the schedd's to know, and whether they may order is AWS's.
 */
export function checkIsFor(annex: AnnexKnobs, person: Person | undefined): void {
  const { owners } = annex;
  if (
    person === undefined ||
    owners === "*" ||
    owners.some((owner) => owner === person.user || !owner.includes("@"))
  )
    return;
  const knob = knobName(annex.name, "OWNERS");
  throw new UpdraftError(
    "denied",
    `annex ${annex.name} is not for ${person.user}: ${knob} is ${owners.join(", ")}, and its nodes would run none of your jobs`,
    `Ask the administrator of this access point to add ${person.user} to ${knob}, or use an annex of yours.`,
  );
}

/**
 * The annex for an ordinary user's order. They cannot read the pool's credential and write nothing into the bucket, so
 * that, as for the hook, what root published must be what the knobs make now.
 */
export async function findPublished(
  ports: SetupPorts & ConfigPorts,
  annex: AnnexKnobs,
  site: Site,
): Promise<Ground> {
  checkIsFor(annex, site.person);
  const ground = await findGround(ports, annex, site);
  const { credential } = await checkPublished(ports, ground);
  return { ...ground, credentialExpires: credential.expires };
}

/** The policy for users names the image and the types of the set-up; EC2 would refuse others without saying so. */
export function checkMayLaunch({ annex, site, annexSetup, image, types }: OrderPlan): void {
  if (site.person === undefined) return;
  const policy = annexSetup.userPolicy;
  const setUp = `Ask the administrator to run: updraft setup --annex ${annex.name}`;
  if (policy === undefined) {
    throw new UpdraftError(
      "config",
      `the stack ${annexStack(annex.name)} has no policy for users: an older version of Updraft made it`,
      setUp,
    );
  }
  if (image.id !== policy.imageId) {
    throw new UpdraftError(
      "config",
      `users may launch the image ${policy.imageId}, with which annex ${annex.name} was set up, and ` +
        `${knobName(annex.name, "IMAGE_ID")} is ${image.id} now`,
      setUp,
    );
  }
  const other = types.find(({ type }) => !policy.instanceTypes.includes(type));
  if (other === undefined) return;
  throw new UpdraftError(
    "denied",
    `users may launch ${policy.instanceTypes.join(", ")} for annex ${annex.name}, and not ${other.type}`,
    `Order one of these, or ask the administrator to change ${knobName(annex.name, "INSTANCE_TYPES")} and run: updraft setup --annex ${annex.name}`,
  );
}

/** A refusal as an ordinary user must be told of it: with what they can ask for. */
export function askAdministrator(error: UpdraftError, annex: string): UpdraftError {
  if (error.kind !== "denied" || error.remedy.includes("administrator")) return error;
  const ask = `What an ordinary user needs, \`updraft check ${annex}\` tells the administrator.`;
  return new UpdraftError("denied", error.message, `${error.remedy} ${ask}`, error);
}

/** What an administrator must allow once, so that ordinary users can order for an annex: a line for each. */
export function userAccess(
  annex: AnnexKnobs,
  setup: AnnexSetup,
  /** Path of `updraft`. */
  program: string,
): string[] {
  const owners = annex.owners === "*" ? "* (everyone)" : annex.owners.join(", ");
  return [
    setup.userPolicy === undefined
      ? `AWS: there is no policy for users yet; run: updraft setup --annex ${annex.name}`
      : `AWS: attach ${setup.userPolicy.arn} to each user's IAM user or role, and have them put it into a profile of ~/.aws`,
    `jobs: name them in ${knobName(annex.name, "OWNERS")}, which is ${owners}`,
    `nodes: run as root \`updraft publish ${annex.name}\`, and again after each change of a knob`,
    `image and types: those of the last \`updraft setup --annex ${annex.name}\`; run it again when they change`,
    `knobs: HTCondor's configuration${annex.configDirectory === undefined ? "" : ` and ${annex.configDirectory}`} must be readable for them`,
    `program: ${program} must be executable for them, with condor_config_val, condor_status and classad_eval on their PATH`,
  ];
}
