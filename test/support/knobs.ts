import { readKnobs, type AnnexKnobs, type Setting } from "../../core/knobs.ts";
import type { Site } from "../../core/site.ts";

/** The least that an annex needs. */
export const GOOD_KNOBS = {
  UPDRAFT_ANNEXES: "burst",
  UPDRAFT_burst_REGION: "us-east-1",
  UPDRAFT_burst_SUBNETS: "subnet-0123456789abcdef0",
  UPDRAFT_burst_IMAGE_ID: "ami-0123456789abcdef0",
  UPDRAFT_burst_INSTANCE_TYPES: "m7i.large, m6i.large",
  UPDRAFT_burst_OWNERS: "*",
};

/** Settings as condor_config_val shows them; undefined takes a knob away. */
export function settings(changes: Readonly<Record<string, string | undefined>> = {}): Setting[] {
  return Object.entries({ ...GOOD_KNOBS, ...changes }).flatMap(([name, value], i) =>
    value === undefined ? [] : [{ name, value, source: `/etc/condor/config.d/50.config, line ${i + 1}` }],
  );
}

export function annex(changes: Partial<AnnexKnobs> = {}): AnnexKnobs {
  const [only] = readKnobs(settings({ UPDRAFT_burst_CREDENTIAL: "password" })).knobs.annexes;
  if (only === undefined) throw new Error("the good knobs are not good");
  return { ...only, ...changes };
}

export const SITE: Site = {
  pool: "pool.test",
  schedd: "cm.pool.test",
  userDomain: "pool.test",
  condorHost: "cm.pool.test",
  collectors: "cm.pool.test",
  passwordFile: "/etc/condor/passwords.d/POOL",
  negotiatorIntervalSeconds: 60,
  updateIntervalSeconds: 300,
  trustDomain: "pool.test",
  spool: "/var/lib/condor/spool",
  scheddAdFile: "/var/lib/condor/spool/.schedd_classad",
  environment: {},
};
