import { userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { archive, sha256 } from "../../adapters/archive.ts";
import { bucket } from "../../adapters/bucket.ts";
import { cloudFormation } from "../../adapters/cloudformation.ts";
import { checkReadable } from "../../adapters/condor-config.ts";
import { credentialFile } from "../../adapters/credential-file.ts";
import { condor, type Condor } from "../../adapters/condor.ts";
import { ec2 } from "../../adapters/ec2.ts";
import { ec2Ground } from "../../adapters/ec2-ground.ts";
import { readConfigFiles, readSecretFile } from "../../adapters/files.ts";
import { iam } from "../../adapters/iam.ts";
import { run } from "../../adapters/run.ts";
import { s3 } from "../../adapters/s3.ts";
import { disableRule } from "../../adapters/schedule.ts";
import { imageId } from "../../adapters/ssm.ts";
import { checkOwnStateDirectory, sharesState } from "../../adapters/state-directory.ts";
import { identity } from "../../adapters/sts.ts";
import { readAccessPoint } from "../../core/access-point.ts";
import { parseAnnexName } from "../../core/annex.ts";
import { UpdraftError } from "../../core/errors.ts";
import { knobName, type AnnexKnobs, type Knobs } from "../../core/knobs.ts";
import { localName } from "../../core/local-name.ts";
import type { Clock } from "../../core/ports.ts";
import type { Site } from "../../core/site.ts";
import type { Options } from "../options.ts";
import { report } from "../output.ts";
import { ownDirectory, uid } from "./state.ts";

export const clock: Clock = { now: () => Date.now() / 1000, sleep: (seconds) => delay(seconds * 1000) };

/** HTCondor as the schedd is configured that is meant. */
export const configured = (): Condor => condor(run(), localName(process.env));

/** This access point: its pool and every knob. An ordinary user's journal is their own. */
export async function accessPoint(): Promise<{ condor: Condor; site: Site; knobs: Knobs }> {
  const here = configured();
  if (uid() !== 0) await checkReadable(run());
  return { condor: here, ...(await asPerson(await readAccessPoint(here))) };
}

type AccessPoint = { readonly site: Site; readonly knobs: Knobs };

/** The access point as who runs this sees it: an ordinary user has a journal of their own. */
export async function asPerson({ site, knobs }: AccessPoint): Promise<AccessPoint> {
  if (await sharesState(knobs.stateDirectory, site.spool, uid())) return { site, knobs };
  await checkOwnStateDirectory(ownDirectory(), uid());
  return {
    site: { ...site, person: { user: `${userInfo().username}@${site.userDomain}` } },
    knobs: { ...knobs, stateDirectory: ownDirectory() },
  };
}

/** The neighbours in AWS of one region. */
export function aws(region: string) {
  return {
    clock,
    ec2: ec2(region),
    cloudFormation: cloudFormation(region, clock, report),
    storage: (bucket: string, account: string) => s3(region, bucket, account),
    bucket: (name: string, account: string) => bucket(region, name, account),
    ground: ec2Ground(region),
    iam: iam(region),
    disableRule: (name: string) => disableRule(region, name),
    account: async () => (await identity(region)).account,
    imageId: (image: string) => imageId(region, image),
    report,
  };
}

/** What publishing an annex needs of this machine. */
export function local(annex: AnnexKnobs, site: Site, { credentialDirectory }: Knobs) {
  return {
    credential: () =>
      annex.credential === "password"
        ? readSecretFile(site.passwordFile)
        : credentialFile(credentialDirectory, annex.name).read(),
    configFiles: async () =>
      annex.configDirectory === undefined
        ? {}
        : await readConfigFiles(annex.configDirectory, knobName(annex.name, "CONFIG_DIR")),
    archive,
    sha256,
  };
}

/** Who gives this command: the person behind sudo rather than root. */
export function user(): string {
  return (uid() === 0 ? process.env["SUDO_USER"] : undefined) ?? userInfo().username;
}

/** The annex that a verb is given as its argument; `form` is how the verb is called. */
export function annexName(options: Options, form: string): string {
  const [name] = options.positionals;
  if (name !== undefined) return parseAnnexName(name);
  throw new UpdraftError("usage", `${form.split(" ")[0] ?? ""} names no annex`, `Run: updraft ${form}`);
}
