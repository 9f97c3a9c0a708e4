import { readFile } from "node:fs/promises";
import { text as readStream } from "node:stream/consumers";
import { sha256 } from "../../adapters/archive.ts";
import { credentialFile, writeSecret } from "../../adapters/credential-file.ts";
import { run } from "../../adapters/run.ts";
import { createToken } from "../../adapters/token-create.ts";
import { parseAnnexName } from "../../core/annex.ts";
import {
  checkAnnexToken,
  DEFAULT_LIFETIME_SECONDS,
  describeToken,
  parseLifetime,
  revocation,
  tokenCommand,
  type AnnexToken,
} from "../../core/credential.ts";
import { UpdraftError } from "../../core/errors.ts";
import { annexKnobs, knobName, type Knobs } from "../../core/knobs.ts";
import { planPublication, writeAnnex } from "../../core/publish.ts";
import { SETTINGS, site as readSite, type Site } from "../../core/site.ts";
import { formatDuration } from "../../core/time.ts";
import { JSON_OUTPUT, type Options } from "../options.ts";
import { print, printJson } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws, clock, configured, local } from "./site.ts";
import { exclusively } from "./state.ts";

export const credential: Verb = {
  name: "credential",
  usage:
    "updraft credential create|rotate|show NAME [--lifetime 30d] [--key KEYID] [--file FILE | --from FILE] [--json]",
  summary:
    "make, replace or show the token by which an annex's nodes advertise themselves, and can do nothing else",
  options: [
    {
      name: "lifetime",
      value: "TIME",
      help: `how long the token is good for (${formatDuration(DEFAULT_LIFETIME_SECONDS)})`,
    },
    { name: "key", value: "KEYID", help: "HTCondor's signing key (SEC_TOKEN_ISSUER_KEY, as a rule POOL)" },
    {
      name: "file",
      value: "FILE",
      help: "write the token to this new file, to be carried to the access point; install nothing",
    },
    {
      name: "from",
      value: "FILE",
      help: "take the token from this file, or - for standard input, instead of making one here",
    },
    { name: "no-publish", help: "with rotate: leave what nodes fetch as it is" },
    JSON_OUTPUT,
  ],
  maxPositionals: 2,
  async run(options) {
    const [action, given] = options.positionals;
    if (action !== "create" && action !== "rotate" && action !== "show") {
      throw new UpdraftError(
        "usage",
        action === undefined ? "credential does not say what to do" : `there is no credential ${action}`,
        "Run: updraft credential create NAME, or rotate, or show",
      );
    }
    if (given === undefined) {
      throw new UpdraftError(
        "usage",
        `credential ${action} names no annex`,
        `Run: updraft credential ${action} NAME`,
      );
    }
    const annex = parseAnnexName(given);
    refuseContradictions(action, options);
    if (action === "show") return show(annex, options);
    const file = options.text("file");
    return file === undefined ? install(annex, action, options) : writeFor(annex, file, options);
  },
};

function refuseContradictions(action: "create" | "rotate" | "show", options: Options): void {
  const isGiven = (name: string): boolean => options.text(name) !== undefined || options.is(name);
  const refuse = (one: string, other: string): void => {
    if (!isGiven(one)) return;
    throw new UpdraftError("usage", `--${one} does not go with ${other}`, "See updraft credential --help.");
  };
  if (action === "show")
    for (const one of ["lifetime", "key", "file", "from", "no-publish"]) refuse(one, "show");
  if (action === "create") refuse("no-publish", "create, which publishes nothing");
  if (isGiven("file")) for (const one of ["from", "no-publish"]) refuse(one, "--file");
  if (isGiven("from")) for (const one of ["lifetime", "key"]) refuse(one, "--from");
}

/** Made here, or brought from where it could be made. */
async function obtain(annex: string, trustDomain: string, options: Options): Promise<string> {
  const from = options.text("from");
  if (from !== undefined) return from === "-" ? readStream(process.stdin) : readCarried(from);
  const lifetime = options.text("lifetime");
  const seconds = lifetime === undefined ? DEFAULT_LIFETIME_SECONDS : parseLifetime(lifetime);
  return createToken(run(), tokenCommand(annex, trustDomain, seconds, options.text("key")));
}

async function readCarried(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UpdraftError("usage", `could not read ${path}`, "Give the file that --file wrote.", error);
  }
}

/** For an access point elsewhere: this machine needs no knob of the annex. */
async function writeFor(annex: string, file: string, options: Options): Promise<void> {
  const { trustDomain } = readSite(await configured().settings(SETTINGS));
  const token = await obtain(annex, trustDomain, options);
  const facts = checkAnnexToken(token, annex, trustDomain, clock.now());
  await writeSecret(file, token);
  tell(annex, facts, token, file, options, [
    `next, on the access point: updraft credential create ${annex} --from FILE (or rotate), and remove both files`,
  ]);
}

async function install(annex: string, action: "create" | "rotate", options: Options): Promise<void> {
  const { site, knobs } = await accessPoint();
  const { credential: kind } = annexKnobs(knobs, annex);
  if (kind !== "idtoken") {
    throw new UpdraftError(
      "config",
      `annex ${annex} authenticates by ${kind}`,
      `Set ${knobName(annex, "CREDENTIAL")} = idtoken, which is the default.`,
    );
  }
  const store = credentialFile(knobs.credentialDirectory, annex);
  if (action === "create" && (await store.exists())) {
    throw new UpdraftError(
      "config",
      `annex ${annex} has a token already, in ${store.path}`,
      `Look at it with updraft credential show ${annex}, or replace it: updraft credential rotate ${annex}`,
    );
  }
  const replaced = await previous(annex, site, knobs);
  const token = await obtain(annex, site.trustDomain, options);
  const facts = checkAnnexToken(token, annex, site.trustDomain, clock.now());
  await store.write(token);
  const lines = [];
  if (replaced !== undefined) lines.push(...revocation(replaced, facts));
  const publish = action === "rotate" && !options.is("no-publish");
  if (publish) {
    await publishRotated(annex, site, knobs);
    lines.push("published: living nodes take it over within some minutes");
  } else {
    lines.push(`next: updraft publish ${annex}, or updraft create ${annex}, which publishes too`);
  }
  tell(annex, facts, token, store.path, options, lines, { published: publish, replaced });
}

/** What is there now, if it can be read. */
async function previous(annex: string, site: Site, knobs: Knobs): Promise<AnnexToken | undefined> {
  try {
    const bytes = await credentialFile(knobs.credentialDirectory, annex).read();
    return checkAnnexToken(new TextDecoder().decode(bytes), annex, site.trustDomain, clock.now());
  } catch (error) {
    if (error instanceof UpdraftError) return undefined;
    throw error;
  }
}

async function publishRotated(name: string, site: Site, knobs: Knobs): Promise<void> {
  const annex = annexKnobs(knobs, name);
  const ports = { ...aws(annex.region), ...local(annex, site, knobs) };
  try {
    const publication = await planPublication(ports, annex, site);
    await exclusively(site, knobs, () => writeAnnex(ports, publication));
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    throw new UpdraftError(
      error.kind,
      `the new token is in its file, and nodes still fetch the old one: ${error.message}`,
      `${error.remedy} Then run: updraft publish ${name}`,
      error,
    );
  }
}

async function show(annex: string, options: Options): Promise<void> {
  const { site, knobs } = await accessPoint();
  const store = credentialFile(knobs.credentialDirectory, annex);
  const token = new TextDecoder().decode(await store.read());
  tell(annex, checkAnnexToken(token, annex, site.trustDomain, clock.now()), token, store.path, options, []);
}

/** Everything that a token says of itself, and its sha256; never the token. */
function tell(
  annex: string,
  token: AnnexToken,
  text: string,
  path: string,
  options: Options,
  next: readonly string[],
  more: object = {},
): void {
  const digest = sha256(new TextEncoder().encode(text));
  if (options.is("json")) printJson({ annex, path, sha256: digest, token, ...more });
  else
    print([...describeToken(token, clock.now()), `sha256: ${digest}`, `file: ${path}`, ...next].join("\n"));
}
