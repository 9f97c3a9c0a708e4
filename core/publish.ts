import { ANNEX_CONFIG_FILE, annexConfig } from "./annex-config.ts";
import { checkAnnexToken } from "./credential.ts";
import { UpdraftError } from "./errors.ts";
import type { Owner } from "./instance.ts";
import { knobName, type AnnexKnobs } from "./knobs.ts";
import { formatManifest, parseManifest, type Manifest } from "./manifest.ts";
import { checkOwner, formatOwner } from "./owner.ts";
import type { Clock, CloudFormation, Storage } from "./ports.ts";
import type { Site } from "./site.ts";
import {
  ACCOUNT_STACK,
  accountSetup,
  annexSetup,
  annexStack,
  type AccountSetup,
  type AnnexSetup,
} from "./stacks.ts";
import { annexPrefix, configKey, credentialKey, manifestKey, ownerKey } from "./storage.ts";
import type { UnixTime } from "./time.ts";

/** What it takes to look at an annex's set-up and its prefix in the bucket. */
export type SetupPorts = {
  readonly cloudFormation: Pick<CloudFormation, "stack">;
  storage(bucket: string, account: string): Storage;
  /** The AWS account of the credentials in use. */
  account(): Promise<string>;
};

export type ConfigPorts = {
  /** Files of the annex's own configuration directory, by name. */
  configFiles(): Promise<Readonly<Record<string, string>>>;
  archive(files: Readonly<Record<string, string>>): Uint8Array;
  sha256(bytes: Uint8Array): string;
};

export type PublishPorts = SetupPorts &
  ConfigPorts & {
    readonly clock: Clock;
    /** What nodes authenticate by, as it is stored; it goes nowhere but into the bucket. */
    credential(): Promise<Uint8Array>;
  };

/** What set-up made for an annex, checked to be this pool's and schedd's. */
export type SetUp = {
  readonly account: string;
  readonly accountSetup: AccountSetup;
  readonly annexSetup: AnnexSetup;
};

/** An annex, whose it is, and what set-up made for it. */
export type Ground = SetUp & {
  readonly annex: AnnexKnobs;
  readonly site: Site;
  readonly owner: Owner;
  /** When what nodes authenticate by ends, as far as that has been looked at. */
  readonly credentialExpires?: UnixTime | undefined;
};

/** What a node of the annex will fetch. */
export type Publication = Ground & {
  readonly credential: Uint8Array;
  readonly configFiles: Readonly<Record<string, string>>;
};

/** Without the right to list, as the hook is, S3 says "denied" of an object that is not there. */
export async function getReadable(storage: Storage, key: string): Promise<Uint8Array | undefined> {
  try {
    return await storage.get(key);
  } catch (error) {
    if (error instanceof UpdraftError && error.kind === "denied") return undefined;
    throw error;
  }
}

export const ownerOf = (annex: AnnexKnobs, site: Site): Owner => ({
  annex: annex.name,
  pool: site.pool,
  schedd: site.schedd,
});

/** Refuses an annex that is not set up, or that is another pool's or schedd's. */
export async function findGround(ports: SetupPorts, annex: AnnexKnobs, site: Site): Promise<Ground> {
  return { annex, site, owner: ownerOf(annex, site), ...(await findSetUp(ports, annex, site)) };
}

/** The same without what was known before. */
export async function findSetUp(ports: SetupPorts, annex: AnnexKnobs, site: Site): Promise<SetUp> {
  const account = await ports.account();
  const [accountStack, stack] = await Promise.all([
    ports.cloudFormation.stack(ACCOUNT_STACK),
    ports.cloudFormation.stack(annexStack(annex.name)),
  ]);
  const ofAccount = accountSetup(accountStack, annex.region);
  const ofAnnex = annexSetup(stack, annex.name, site.pool);
  const claim = await getReadable(ports.storage(ofAccount.bucket, account), ownerKey(annex.name));
  if (claim !== undefined) {
    const owner = ownerOf(annex, site);
    checkOwner(new TextDecoder().decode(claim), { ...owner, account, region: annex.region });
  }
  return { account, accountSetup: ofAccount, annexSetup: ofAnnex };
}

/** Checks everything that can be checked before anything is written. */
export async function planPublication(
  ports: PublishPorts,
  annex: AnnexKnobs,
  site: Site,
): Promise<Publication> {
  const credential = await ports.credential();
  const credentialExpires =
    annex.credential === "password"
      ? undefined
      : checkAnnexToken(new TextDecoder().decode(credential), annex.name, site.trustDomain, ports.clock.now())
          .expires;
  const configFiles = checkConfigFiles(await ports.configFiles(), annex);
  const ground = await findGround(ports, annex, site);
  checkReached(ground);
  return { ...ground, credential, credentialExpires, configFiles };
}

/** Nobody could give a job to nodes that neither call back nor are let be called, and they would cost money. */
function checkReached({ annex, annexSetup }: Ground): void {
  const wanted = annex.directFrom.join(",");
  if (annexSetup.directFrom === wanted) return;
  const said = (blocks: string): string => (blocks === "" ? "nobody" : blocks);
  throw new UpdraftError(
    "config",
    `${knobName(annex.name, "DIRECT_FROM")} is not in effect: the annex's security group lets in ${said(annexSetup.directFrom)}, the knob says ${said(wanted)}`,
    `Run: updraft setup --annex ${annex.name}`,
  );
}

const CONFIG_FILE_NAME = /^[0-9A-Za-z._-]+\.config$/;

function checkConfigFiles(
  files: Readonly<Record<string, string>>,
  annex: AnnexKnobs,
): Readonly<Record<string, string>> {
  const wrong = Object.keys(files).find((name) => !CONFIG_FILE_NAME.test(name) || name === ANNEX_CONFIG_FILE);
  if (wrong === undefined) return files;
  throw new UpdraftError(
    "config",
    wrong === ANNEX_CONFIG_FILE
      ? `${wrong} is the name of a file that Updraft writes itself`
      : `${wrong} is not a name for a file in a node's config.d`,
    `Rename it in ${annex.configDirectory ?? "the directory"}: letters, digits, dots, hyphens, then .config.`,
  );
}

/** The configuration archive that the knobs make. */
function configArchive(
  ports: ConfigPorts,
  annex: AnnexKnobs,
  site: Site,
  configFiles: Readonly<Record<string, string>>,
): Uint8Array {
  return ports.archive({ ...configFiles, [ANNEX_CONFIG_FILE]: annexConfig(annex, site) });
}

/**
 * Throws unless what nodes fetch is what the knobs say now: with another START they would refuse the very jobs that
 * they are ordered for. The manifest that they fetch.
 */
export async function checkPublished(ports: SetupPorts & ConfigPorts, ground: Ground): Promise<Manifest> {
  const { annex, site } = ground;
  const storage = ports.storage(ground.accountSetup.bucket, ground.account);
  const remedy = `Run as root: updraft publish ${annex.name}`;
  const stored = await getReadable(storage, manifestKey(annex.name));
  if (stored === undefined) {
    throw new UpdraftError(
      "config",
      `annex ${annex.name} is not published: nothing in the bucket tells nodes how to join (or these credentials may not read it)`,
      remedy,
    );
  }
  const manifest = parseManifest(new TextDecoder().decode(stored));
  const archive = configArchive(ports, annex, site, checkConfigFiles(await ports.configFiles(), annex));
  if (typeof manifest === "string") throw staleManifest(manifest);
  const stale =
    manifest.pool !== site.pool || manifest.collectors !== site.collectors
      ? "its pool or collectors are others"
      : manifest.configSha256 !== ports.sha256(archive)
        ? "the knobs have changed since"
        : undefined;
  if (stale !== undefined) throw staleManifest(stale);
  return manifest;

  function staleManifest(why: string): UpdraftError {
    return new UpdraftError("config", `what is published for annex ${annex.name} is stale: ${why}`, remedy);
  }
}

/**
 * Writes the annex's prefix: the owner first, what nodes fetch next, and the manifest, which names it, last. A plan
 * without a credential is one of an ordinary user, who publishes nothing.
 */
export async function writeAnnex(ports: PublishPorts, plan: Ground & Partial<Publication>): Promise<void> {
  const { annex, site, owner, credential, credentialExpires, configFiles } = plan;
  if (credential === undefined || configFiles === undefined) return;
  const storage = ports.storage(plan.accountSetup.bucket, plan.account);
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

  const claim = { ...owner, account: plan.account, region: annex.region };
  if (!(await storage.putIfAbsent(ownerKey(annex.name), encode(formatOwner(claim))))) {
    checkOwner(
      new TextDecoder().decode((await storage.get(ownerKey(annex.name))) ?? new Uint8Array()),
      claim,
    );
  }

  const archive = configArchive(ports, annex, site, configFiles);
  const manifest: Manifest = {
    annex: annex.name,
    pool: site.pool,
    collectors: site.collectors,
    maxLeaseSeconds: plan.accountSetup.maxLeaseSeconds,
    drainSeconds: plan.annex.drainSeconds,
    allowOpenMetadata: plan.annex.allowOpenMetadata,
    direct: plan.annex.directFrom.length > 0,
    configSha256: ports.sha256(archive),
    credential: {
      kind: annex.credential,
      sha256: ports.sha256(credential),
      ...(credentialExpires !== undefined && { expires: credentialExpires }),
    },
  };
  const text = formatManifest(manifest);
  const readBack = parseManifest(text);
  if (typeof readBack === "string") {
    throw new UpdraftError(
      "config",
      `a node could not read this annex's manifest: ${readBack}`,
      "Correct the knob that it names: COLLECTOR_HOST holds names or addresses, separated by commas.",
    );
  }
  await prune(storage, annex.name, ports.clock.now());
  await storage.put(configKey(annex.name, manifest.configSha256), archive);
  await storage.put(credentialKey(annex.name, manifest.credential.sha256), credential);
  const stored = await storage.get(manifestKey(annex.name));
  // The manifest's age tells how long what it does not name has been replaced, so the same text is not written again.
  if (stored === undefined || new TextDecoder().decode(stored) !== text) {
    await storage.put(manifestKey(annex.name), encode(text));
  }
}

/** A replaced object lives on for an hour: a node that booted meanwhile may still be about to fetch it. */
const REPLACED_SECONDS = 3600;

async function prune(storage: Storage, annex: string, now: UnixTime): Promise<void> {
  const stored = await storage.get(manifestKey(annex));
  if (stored === undefined) return;
  const manifest = parseManifest(new TextDecoder().decode(stored));
  if (typeof manifest === "string") return;
  const objects = await storage.list(annexPrefix(annex));
  const written = objects.find((object) => object.key === manifestKey(annex))?.modified ?? now;
  if (now - written < REPLACED_SECONDS) return;
  const named = new Set([
    ownerKey(annex),
    manifestKey(annex),
    configKey(annex, manifest.configSha256),
    credentialKey(annex, manifest.credential.sha256),
  ]);
  await storage.remove(
    objects
      .filter((object) => !named.has(object.key) && now - object.modified >= REPLACED_SECONDS)
      .map((object) => object.key),
  );
}
