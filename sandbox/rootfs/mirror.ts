import { run } from "../run.ts";

/** Debian's keys, in the same place here and in what we build. */
export const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** How this machine reaches Debian's archive. */
export type Mirror = {
  /** Lines for sources.list; none for mmdebstrap's own choice. */
  readonly sources: readonly string[];
  /** apt's options for the way there: proxies, and checks that a mirror of old states cannot pass. */
  readonly aptOptions: readonly string[];
};

export async function mirror(suite: string): Promise<Mirror> {
  const format = "$(CREATED_BY)|$(ORIGIN)|$(LABEL)|$(REPO_URI)";
  const [targets, options] = await Promise.all([
    run(["apt-get", "indextargets", "--format", format]).catch(() => ""),
    run(["apt-config", "dump"]).catch(() => ""),
  ]);
  return { sources: sourcesOf(targets, suite), aptOptions: aptOptionsOf(options) };
}

/** The archive that /etc/apt already names, with the suite that we want from it. */
export function sourcesOf(targets: string, suite: string): string[] {
  const archive = (label: string) =>
    targets
      .split("\n")
      .map((line) => line.split("|"))
      .find(([kind, origin, found]) => kind === "Packages" && origin === "Debian" && found === label)?.[3];
  const main = archive("Debian");
  const security = archive("Debian-Security");
  if (main === undefined) return [];
  const sources = [`deb [signed-by=${KEYRING}] ${main} ${suite} main`];
  if (security !== undefined) sources.push(`deb [signed-by=${KEYRING}] ${security} ${suite}-security main`);
  return sources;
}

export function aptOptionsOf(dump: string): string[] {
  return dump
    .split("\n")
    .filter((line) => /^Acquire::(https?::Proxy(::\S+)?|Check-(Valid-Until|Date)) "[^"]+";$/.test(line));
}
