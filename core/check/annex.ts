import { inboundRule } from "../direct.ts";
import { UpdraftError } from "../errors.ts";
import { knobName, type AnnexKnobs } from "../knobs.ts";
import { parseManifest } from "../manifest.ts";
import { checkSubnets, launchable } from "../plan-order.ts";
import type { Ec2, Stack, Storage } from "../ports.ts";
import type { Prices } from "../prices.ts";
import { hourlyPrice, totalPrice } from "../hourly-price.ts";
import { usd } from "../liability.ts";
import { checkPublished, findGround, planPublication, type PublishPorts } from "../publish.ts";
import type { Site } from "../site.ts";
import { annexSetup, annexStack } from "../stacks.ts";
import { userAccess } from "../user-access.ts";
import { manifestKey, programKey } from "../storage.ts";
import { sameTemplate, type Region } from "./account.ts";
import { addressPieces } from "./addresses.ts";
import { credentialFound } from "./credential.ts";
import { needed, ok, once, warning, wrong, type Found, type Piece } from "./findings.ts";
import { freeAddresses, offered, wayOut } from "./network.ts";
import type { AccountFacts, PlaceFacts, Resolve, ScheddAd, SubnetFacts, TypeFacts } from "./ports.ts";
import { demands, judgeQuota } from "./quotas.ts";
import { mayOrder, tryOrders, type TrialPorts } from "./trial.ts";

export type AnnexPorts = PublishPorts &
  TrialPorts & {
    readonly facts: AccountFacts;
    readonly places: PlaceFacts;
    readonly resolve: Resolve;
    /** sha256 of the node's program on this machine; undefined when there is none. */
    localProgram(): Promise<string | undefined>;
    /** The template that this version would make the annex's stack of. */
    template(p: { readonly bucket: string; readonly programSha256: string }): Promise<object>;
    readonly ec2: Pick<Ec2, "image">;
    readonly prices: Prices;
    /** Path of this program. */
    readonly program: string;
    scheddAd(): Promise<ScheddAd | undefined>;
  };

/** Everything that an annex's orders need, piece by piece. */
export function annexPieces(here: Region, ports: AnnexPorts, annex: AnnexKnobs, site: Site): Piece[] {
  const setup = `updraft setup --annex ${annex.name}`;
  const knob = (suffix: string): string => knobName(annex.name, suffix);
  const piece = (name: string, look: Piece["look"]): Piece => ({ of: annex.name, name, look });
  const stack = once(async () => {
    const found = await ports.cloudFormation.stack(annexStack(annex.name));
    annexSetup(found, annex.name, site.pool);
    return found as Stack;
  });
  const subnets = once(async () => {
    const found = await ports.places.subnets(annex.subnets);
    checkSubnets(found, annex);
    return found;
  });
  const types = once(async () => {
    const found = await ports.places.types(annex.instanceTypes);
    const missing = annex.instanceTypes.find((type) => !found.some((one) => one.type === type));
    if (missing === undefined) return found;
    throw new UpdraftError(
      "config",
      `there is no instance type ${missing} in ${annex.region}`,
      `Correct ${knob("INSTANCE_TYPES")}.`,
    );
  });
  const stackMade = (): Promise<Stack> => needed(stack(), "the annex's stack");
  const subnetsFound = (): Promise<SubnetFacts[]> => needed(subnets(), "one of its subnets");
  const typesFound = (): Promise<TypeFacts[]> => needed(types(), "one of its instance types");
  const vpc = async (): Promise<string> => (await subnetsFound())[0]?.vpcId ?? "";
  const body = once(() => ports.facts.template(annexStack(annex.name)));

  return [
    piece("stack", async () => {
      const made = await stack();
      const text = await body();
      const programSha256 = programOf(text);
      const { bucket } = await here.setup();
      const template = await ports.template({ bucket, programSha256 });
      return [
        sameTemplate(annexStack(annex.name), made, text, template, `Run: ${setup}`),
        ...differences(made, annex, `Run: ${setup}`),
      ];
    }),
    piece("program", async () => {
      await stackMade();
      const sha256 = programOf(await needed(body(), "the annex's template"));
      if (!(await (await here.storage()).has(programKey(sha256))))
        return [wrong(`the node's program ${short(sha256)} is not in the bucket`, `Run: ${setup}`)];
      const local = await ports.localProgram();
      return [
        local === undefined || local === sha256
          ? ok(
              `the node's program is in the bucket, sha256 ${short(sha256)}${local === undefined ? "" : ", the one of this machine"}`,
            )
          : warning(
              `nodes run the program ${short(sha256)}, and this machine has ${short(local)}`,
              `Run: ${setup}`,
            ),
      ];
    }),
    piece("published", async () => {
      await Promise.all([stackMade(), here.setup()]);
      const ground = await findGround(ports, annex, site);
      await checkPublished(ports, ground);
      const current = await planPublication(ports, annex, site).catch(() => undefined);
      return [
        await credentialPublished(await here.storage(), annex, current && ports.sha256(current.credential)),
      ];
    }),
    piece("credential", () => credentialFound(ports, annex, site)),
    piece("image", async () => [await imageFound(ports, annex, await typesFound())]),
    piece("types", async () => {
      await types();
      const zones = [...new Set((await subnetsFound()).map((subnet) => subnet.zone))].sort();
      return offered(annex, zones, await ports.places.zonesOf(annex.instanceTypes));
    }),
    piece("subnets", async () => freeAddresses(annex, await subnets())),
    piece("security group", async () => {
      const id = (await stackMade()).outputs["SecurityGroup"] ?? "";
      const [group, wanted] = await Promise.all([ports.places.group(id), vpc()]);
      const remake = `Run updraft teardown --annex ${annex.name}, then ${setup}.`;
      if (group === undefined) return [wrong(`there is no security group ${id}`, remake)];
      return [
        group.vpcId === wanted
          ? ok(`${id} is in ${wanted}, as the subnets are`)
          : wrong(`${id} is in ${group.vpcId}, and the subnets are in ${wanted}`, `Run: ${setup}`),
        ...letsIn(annex, id, group.inbound),
      ];
    }),
    piece("route out", async () => {
      const found = await subnetsFound();
      const tables = await ports.places.routeTables(await vpc());
      return found.map((subnet) => wayOut(annex, subnet, tables));
    }),
    piece("quotas", async () => {
      const found = await typesFound();
      const { quotas, unknown } = demands(annex, found);
      const running = await ports.places.running();
      const names = [...new Set(running.map((one) => one.type))].filter((name) => name !== "");
      const facts = names.length === 0 ? [] : await ports.places.types(names);
      const cpusOf = new Map(facts.map((one) => [one.type, one.cpus]));
      const judged = await Promise.all(
        [...quotas.values()].map(async ({ quota, cpus }) =>
          judgeQuota({ annex, quota, cpus, running, cpusOf, limit: await ports.facts.quota(quota.code) }),
        ),
      );
      return [
        ...judged,
        ...unknown.map((one) =>
          warning(
            `which quota ${one} counts against is not known here`,
            "Look into Service Quotas yourself.",
          ),
        ),
      ];
    }),
    ...(annex.keyName === undefined ? [] : [keyPiece(ports, annex, annex.keyName, piece)]),
    piece("prices", async () => {
      const found = ports.imageId(annex.image).then((id) => launchable(ports.ec2, annex, id));
      const image = await needed(found, "the image");
      const price = hourlyPrice(annex, image, annex.instanceTypes, await ports.prices(annex.region));
      return [ok(`an instance costs at most ${usd(totalPrice(price))} USD per hour (by ${price.source})`)];
    }),
    ...addressPieces(ports, site, { piece, vpc }),
    piece("orders", async () => {
      await Promise.all([stackMade(), typesFound(), subnetsFound()]);
      const remedy =
        "Use credentials with Updraft's operator and hook policies, and run updraft setup again.";
      return mayOrder(await tryOrders(ports, annex, site), "these credentials", remedy);
    }),
    piece("for ordinary users", async () => {
      const made = annexSetup(await stackMade(), annex.name, site.pool);
      const { imageId, instanceTypes } = made.userPolicy ?? { imageId: "", instanceTypes: [] };
      const current = [await ports.imageId(annex.image), ...annex.instanceTypes].join(", ");
      const allowed = [imageId, ...instanceTypes].join(", ");
      return [
        ...userAccess(annex, made, ports.program).map(ok),
        ...(made.userPolicy === undefined || allowed === current
          ? []
          : [warning(`their policy is for ${allowed}, and the knobs say ${current}`, `Run: ${setup}`)]),
      ];
    }),
  ];
}

const short = (sha256: string): string => sha256.slice(0, 12);

/** The sha256 that an annex's user data names. */
function programOf(template: string): string {
  const found = /sha256='([0-9a-f]{64})'/.exec(template)?.[1];
  if (found !== undefined) return found;
  throw new UpdraftError(
    "config",
    "the user data of the annex's launch templates name no program",
    "Run updraft setup --annex again.",
  );
}

/** What the stack was made with and the knobs say otherwise now. */
function differences(stack: Stack, annex: AnnexKnobs, remedy: string): Found[] {
  const wanted = { PublicIp: String(annex.publicIp), KeyName: annex.keyName ?? "" };
  const knobs = { PublicIp: "PUBLIC_IP", KeyName: "KEY_NAME" };
  return (Object.keys(wanted) as (keyof typeof wanted)[]).flatMap((name) => {
    const made = stack.parameters[name] ?? "";
    if (made === wanted[name]) return [];
    const knob = knobName(annex.name, knobs[name]);
    return [
      wrong(`${knob} is not in effect: the stack has "${made}", the knob says "${wanted[name]}"`, remedy),
    ];
  });
}

/** Whether those who come in at the security group, as it is and not as its stack remembers it, are those of the knob. */
function letsIn(annex: AnnexKnobs, id: string, inbound: readonly string[]): Found[] {
  const knob = knobName(annex.name, "DIRECT_FROM");
  const setup = `Run: updraft setup --annex ${annex.name}`;
  const wanted = annex.directFrom.map(inboundRule);
  const missing = wanted.filter((rule) => !inbound.includes(rule));
  const surplus = inbound.filter((rule) => !wanted.includes(rule));
  // CloudFormation does not see what was changed behind its back.
  const found = [
    ...(missing.length === 0
      ? []
      : [
          wrong(
            `${id} does not let in ${missing.join(", ")}, as ${knob} wants`,
            `${setup}. If that finds nothing to change, add the rule to the security group.`,
          ),
        ]),
    ...(surplus.length === 0
      ? []
      : [
          warning(
            `${id} lets in ${surplus.join(", ")}, which ${knob} does not name`,
            `${setup}. If that finds nothing to change, take the rule out of the security group.`,
          ),
        ]),
  ];
  if (found.length > 0) return found;
  return [ok(`${id} lets in ${wanted.length === 0 ? "nobody" : `${wanted.join(", ")} and nobody else`}`)];
}

async function credentialPublished(
  storage: Storage,
  annex: AnnexKnobs,
  current: string | undefined,
): Promise<Found> {
  const bytes = await storage.get(manifestKey(annex.name));
  const manifest = parseManifest(new TextDecoder().decode(bytes));
  return typeof manifest === "string" || current === undefined || manifest.credential.sha256 === current
    ? ok("what nodes fetch is what the knobs say")
    : wrong(
        "nodes would fetch another credential than the pool has now",
        `Run as root: updraft publish ${annex.name}`,
      );
}

async function imageFound(ports: AnnexPorts, annex: AnnexKnobs, types: readonly TypeFacts[]): Promise<Found> {
  const knob = knobName(annex.name, "IMAGE_ID");
  const id = await ports.imageId(annex.image);
  const image = await ports.places.image(id);
  if (image === undefined)
    return wrong(`there is no image ${id} in ${annex.region} that this account may see`, `Correct ${knob}.`);
  const what = `${id} (${image.name === "" ? "without a name" : image.name})`;
  if (image.state !== "available")
    return wrong(`${what} is ${image.state}`, `Set ${knob} to an image that is available.`);
  const unfit = types.filter((one) => !one.architectures.includes(image.architecture)).map((one) => one.type);
  return unfit.length === 0
    ? ok(`${what} is available, for ${image.architecture}`)
    : wrong(
        `${what} is for ${image.architecture}, which ${unfit.join(", ")} cannot run`,
        `Set ${knob}, or ${knobName(annex.name, "INSTANCE_TYPES")}, so that they fit.`,
      );
}

function keyPiece(
  ports: AnnexPorts,
  annex: AnnexKnobs,
  name: string,
  piece: (name: string, look: Piece["look"]) => Piece,
): Piece {
  return piece("key pair", async () => [
    (await ports.places.hasKeyPair(name))
      ? ok(`there is a key pair ${name}`)
      : wrong(
          `there is no key pair ${name} in ${annex.region}`,
          `Correct ${knobName(annex.name, "KEY_NAME")}.`,
        ),
  ]);
}
