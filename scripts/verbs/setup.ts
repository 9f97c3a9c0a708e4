import { readFile } from "node:fs/promises";
import { join, dirname } from "node:path";
import { sha256 } from "../../adapters/archive.ts";
import { configuredEndpoint } from "../../adapters/s3.ts";
import { UpdraftError, messageOf } from "../../core/errors.ts";
import { annexKnobs } from "../../core/knobs.ts";
import { setUpAccount, setUpAnnex } from "../../core/setup.ts";
import { parseRegion } from "../../core/request.ts";
import { ACCOUNT_STACK, NO_BOUNDARY, annexStack } from "../../core/stacks.ts";
import { formatDuration, parseDuration } from "../../core/time.ts";
import { JSON_OUTPUT, type Options } from "../options.ts";
import { print, printJson, report } from "../output.ts";
import type { Verb } from "../verb.ts";
import { accessPoint, aws } from "./site.ts";

/** Where the packages install the node's program, and where the build leaves it. */
export const NODE_PROGRAM = "/usr/libexec/updraft/node/updraft-bootstrap";
const BUILT_NODE_PROGRAM = "../dist/node/updraft-bootstrap";

export type Templates = {
  account(): object;
  annex(p: {
    annex: string;
    bucket: string;
    region: string;
    programSha256: string;
    bootSeconds: number;
    htcondorSource?: string;
    s3Endpoint?: string;
    directFrom: readonly string[];
  }): object;
  policy(name: SetupPolicyName, terms: { region: string | undefined; boundary: string | undefined }): object;
};

const POLICIES = ["account", "annex"] as const;
type SetupPolicyName = (typeof POLICIES)[number];

export function setup(templates: Templates): Verb {
  return {
    name: "setup",
    usage:
      "updraft setup --region REGION | updraft setup --annex NAME | updraft setup --print-policy account|annex",
    summary: "make what an account and region, or an annex, needs in AWS; can be run again at any time",
    options: [
      {
        name: "region",
        value: "REGION",
        help: "set up the account in this region: bucket, lease enforcer, policies",
      },
      { name: "annex", value: "NAME", help: "set up an annex: role, security group, launch templates" },
      {
        name: "boundary",
        value: "ARN",
        help: "permissions boundary for every role that is made; none: without",
      },
      {
        name: "max-lease",
        value: "TIME",
        help: "longest lease that the enforcer believes (with --region; 7d)",
      },
      {
        name: "email",
        value: "ADDRESS",
        help: "who is told when the enforcer does not run (with --region); none: nobody",
      },
      {
        name: "print-policy",
        value: "WHICH",
        help: "print a policy, account or annex, that whoever runs setup and teardown needs (with --region: for it alone; with --boundary: that demands it)",
      },
      { name: "node-program", value: "PATH", help: `the node's program (with --annex; ${NODE_PROGRAM})` },
      JSON_OUTPUT,
    ],
    maxPositionals: 0,
    async run(options) {
      const region = options.text("region");
      const annex = options.text("annex");
      const wanted = options.text("print-policy");
      if (wanted !== undefined) {
        print(JSON.stringify(templates.policy(policyName(wanted), policyTerms(options)), null, 2));
        return;
      }
      if ((region === undefined) === (annex === undefined)) {
        throw new UpdraftError(
          "usage",
          "setup needs either --region or --annex, not both",
          "Run updraft setup --region REGION first, then updraft setup --annex NAME.",
        );
      }
      const [misplaced, where] = region === undefined ? [OF_REGION, "--region"] : [OF_ANNEX, "--annex"];
      const surplus = misplaced.find((name) => options.text(name) !== undefined);
      if (surplus !== undefined) {
        throw new UpdraftError("usage", `--${surplus} goes with ${where}`, "See updraft setup --help.");
      }
      if (region !== undefined) await setupRegion(region, options, templates);
      else await setupAnnex(annex ?? "", options, templates);
    },
  };
}

function policyName(text: string): SetupPolicyName {
  const found = POLICIES.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UpdraftError(
    "usage",
    `there is no policy "${text}" to print`,
    `Give one of ${POLICIES.join(", ")}; those of operator and hook are made by setup --region.`,
  );
}

function policyTerms(options: Options): { region: string | undefined; boundary: string | undefined } {
  const wrong = ["annex", ...OF_REGION, ...OF_ANNEX].find((name) => options.text(name) !== undefined);
  if (wrong !== undefined) {
    throw new UpdraftError(
      "usage",
      `--${wrong} does not go with --print-policy`,
      "See updraft setup --help.",
    );
  }
  const region = options.text("region");
  const given = boundary(options.text("boundary"));
  return {
    region: region === undefined ? undefined : parseRegion(region),
    boundary: given === NO_BOUNDARY ? undefined : given,
  };
}

async function setupRegion(region: string, options: Options, templates: Templates): Promise<void> {
  const ports = aws(parseRegion(region));
  const { changed, setup } = await setUpAccount(
    ports,
    {
      region,
      boundary: boundary(options.text("boundary")),
      maxLeaseSeconds: maxLease(options.text("max-lease")),
      alarmEmail: email(options.text("email")),
    },
    templates.account(),
  );
  tell(options, ACCOUNT_STACK, changed, {
    region,
    bucket: setup.bucket,
    maxLease: formatDuration(setup.maxLeaseSeconds),
    ...(setup.hookPolicy !== undefined && { hookPolicy: setup.hookPolicy }),
  });
}

const OF_REGION = ["max-lease", "email"];
const OF_ANNEX = ["node-program"];
const NONE = "none";

function boundary(text: string | undefined): string | undefined {
  if (text === NONE) return NO_BOUNDARY;
  if (text === undefined || /^arn:aws[a-z-]*:iam::(\d{12}|aws):policy\/[\w+=,.@/-]+$/.test(text)) return text;
  throw new UpdraftError(
    "usage",
    `the boundary "${text}" is not the ARN of a policy`,
    `Give one such as arn:aws:iam::123456789012:policy/boundary, or ${NONE}.`,
  );
}

function email(text: string | undefined): string | undefined {
  if (text === NONE) return "";
  if (text === undefined || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)) return text;
  throw new UpdraftError(
    "usage",
    `"${text}" is not an e-mail address`,
    `Give one such as admin@example.org, or ${NONE}.`,
  );
}

function maxLease(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = parseDuration(text);
  if (seconds !== undefined && seconds >= 3600 && seconds <= 31_536_000) return seconds;
  throw new UpdraftError(
    "usage",
    `the longest lease cannot be "${text}"`,
    "Give a duration from 1h to 365d.",
  );
}

async function setupAnnex(name: string, options: Options, templates: Templates): Promise<void> {
  const { site, knobs } = await accessPoint();
  const annex = annexKnobs(knobs, name);
  const bytes = await nodeProgram(options.text("node-program"));
  // The node must use the S3 endpoint that the operator uses, as with an interface endpoint in the VPC.
  const s3Endpoint = await configuredEndpoint(annex.region);
  const { changed, uploaded, ...facts } = await setUpAnnex(aws(annex.region), annex, site, {
    boundary: boundary(options.text("boundary")),
    program: { bytes, sha256: sha256(bytes) },
    template: (p) =>
      templates.annex({
        annex: annex.name,
        region: annex.region,
        bootSeconds: annex.bootSeconds,
        directFrom: annex.directFrom,
        ...p,
        ...(annex.htcondorSource !== undefined && { htcondorSource: annex.htcondorSource }),
        ...(s3Endpoint !== undefined && { s3Endpoint }),
      }),
  });
  tell(options, annexStack(name), changed || uploaded, { region: annex.region, ...facts });
}

/** How every executable of Linux begins. */
const ELF = [0x7f, 0x45, 0x4c, 0x46];

async function nodeProgram(given: string | undefined): Promise<Uint8Array> {
  const built = join(dirname(process.argv[1] ?? ""), BUILT_NODE_PROGRAM);
  for (const path of given === undefined ? [NODE_PROGRAM, built] : [given]) {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      throw new UpdraftError(
        "config",
        `could not read ${path}: ${messageOf(error)}`,
        "Name the file dist/node/updraft-bootstrap of the build, and check its permissions.",
        error,
      );
    }
    // Nodes fetch and run whatever is uploaded.
    if (ELF.every((byte, i) => bytes[i] === byte)) return bytes;
    throw new UpdraftError(
      "config",
      `${path} is not an executable of Linux`,
      "Name the file dist/node/updraft-bootstrap of the build.",
    );
  }
  throw new UpdraftError(
    "config",
    `there is no node program at ${given ?? NODE_PROGRAM}`,
    "Install Updraft's package completely, or name the file with --node-program.",
  );
}

function tell(options: Options, stack: string, changed: boolean, facts: Record<string, string>): void {
  if (options.is("json")) {
    printJson({ stack, changed, ...facts });
    return;
  }
  const text = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  print(`stack ${stack}: ${changed ? "done" : "nothing to change"} (${text.join(", ")})`);
  if (stack === ACCOUNT_STACK) report("next: updraft setup --annex NAME");
}
