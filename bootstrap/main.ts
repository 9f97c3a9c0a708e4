import { parseArgs } from "node:util";
import { messageOf, UpdraftError } from "../core/errors.ts";
import { ANNEX_NAME } from "../core/annex.ts";
import { HTCONDOR_SOURCE, HTCONDOR_SOURCE_RULE } from "../core/htcondor-source.ts";
import { BOOT_SECONDS } from "../core/node-boot.ts";
import { VERSION } from "../core/version.ts";
import { guard } from "./guard.ts";
import type { JoinOptions } from "./join-options.ts";

const HELP = `updraft-bootstrap: makes an EC2 instance an execute node of an HTCondor pool

  updraft-bootstrap join --annex NAME --bucket BUCKET --region REGION --role-id ID

The annex's launch template runs this at boot, as root; its user data has the right arguments. join
  1. asks the instance metadata service who this instance is and what its tags say (annex, lease, order),
  2. reads the annex's manifest from the bucket, and the configuration and credential that it names by sha256,
  3. writes them to /etc/condor, and mounts blank local disks of the instance below the jobs' scratch directories,
  4. closes the metadata service to everyone but root, starts the guard, then condor_master,
  5. waits until a collector accepts this node.
When that has not succeeded within --timeout seconds, it writes what went wrong to the console and to
reports/NAME/ in the bucket (updraft create and updraft status show it) and powers the instance off.

  --annex NAME         the annex that this instance belongs to; its tags and the manifest must agree
  --bucket BUCKET      the account's bucket
  --region REGION      the bucket's region
  --role-id ID         id of the instance's role; with the instance's id it names the report
  --s3-endpoint URL    an endpoint of S3 other than the region's own, such as a VPC interface endpoint
  --htcondor SOURCE    when the image has no HTCondor, install it from the package sources that it has (distribution), or
                       from this address of HTCondor's repository or a mirror of it, with its channel
  --timeout SECONDS    time for the whole boot (default ${BOOT_SECONDS})
  --started-at TIME    when user data began, in Unix seconds: published with the times of the boot
  --version            print the version

  updraft-bootstrap rejoin

The same once more, with the arguments that join was last given: after a reboot, when nobody runs user data again.
Where systemd runs, the service updraft-join does it. A join that is run again changes nothing that is as it should be,
and of two at once the second waits for the first.

  updraft-bootstrap guard

join starts it before HTCondor, and it stays: it reads the instance's tags and spot notice, says in node.json when the
node ends, drains HTCondor before, and powers the instance off at the end of its lease, or when it is released and no
slot is claimed, whatever becomes of HTCondor.

  updraft-bootstrap credential

The guard runs it every few minutes, and root may run it at any time: it reads the annex's manifest again, and when that
names another credential than the node has, installs it, verified, in one step. HTCondor uses it the next time that it
authenticates; the old one is good until its own end.
`;

export async function bootstrap(args: readonly string[]): Promise<number> {
  try {
    const [verb, ...rest] = args;
    switch (verb) {
      case "join":
        if (rest.includes("--help")) break;
        // What join needs and the guard does not stays unread, because the guard stays in memory.
        return await (await import("./join.ts")).join(joinOptions(rest));
      case "rejoin":
        if (rest.length > 0) break;
        return await rejoin();
      case "guard":
        if (rest.length > 0) break;
        return await guard();
      case "credential":
        if (rest.length > 0) break;
        await (await import("./credential-refresh.ts")).refreshCredential();
        return 0;
      case "--version":
        process.stdout.write(`updraft-bootstrap ${VERSION}\n`);
        return 0;
      case "--help":
        break;
      default:
        throw usage(verb === undefined ? "no verb is given" : `there is no verb ${verb}`);
    }
    process.stdout.write(HELP);
    return 0;
  } catch (error) {
    if (!(error instanceof UpdraftError)) throw error;
    process.stderr.write(`updraft-bootstrap: ${error.message}\n${error.remedy}\n`);
    return error.exitStatus;
  }
}

async function rejoin(): Promise<number> {
  const [{ join }, { keptJoinOptions }] = await Promise.all([
    import("./join.ts"),
    import("./join-options.ts"),
  ]);
  return join(await keptJoinOptions());
}

function joinOptions(args: readonly string[]): JoinOptions {
  const string = { type: "string" } as const;
  let given: Partial<Record<string, string>>;
  try {
    given = parseArgs({
      args: [...args],
      options: {
        annex: string,
        bucket: string,
        region: string,
        "role-id": string,
        "s3-endpoint": string,
        htcondor: string,
        timeout: string,
        "started-at": string,
      },
    }).values;
  } catch (error) {
    throw usage(messageOf(error));
  }
  const option = (name: string, pattern: RegExp, expected: string): string => {
    const value = given[name];
    if (value === undefined) throw usage(`--${name} is missing`);
    if (!pattern.test(value)) throw usage(`--${name} "${value}" is not ${expected}`);
    return value;
  };
  const optional = (name: string, pattern: RegExp, expected: string): string | undefined =>
    given[name] === undefined ? undefined : option(name, pattern, expected);

  const annex = option("annex", ANNEX_NAME, "a name of an annex");
  const endpoint = optional(
    "s3-endpoint",
    /^https?:\/\/[^\s/]+\/?$/,
    "an address such as https://s3.example.org",
  );
  const htcondorSource = optional("htcondor", HTCONDOR_SOURCE, HTCONDOR_SOURCE_RULE);
  const startedAt = optional("started-at", /^\d{9,12}(\.\d{1,9})?$/, "a time in Unix seconds");
  return {
    annex,
    bucket: option("bucket", /^[a-z0-9][a-z0-9.-]{2,62}$/, "the name of a bucket"),
    region: option("region", /^[a-z]{2}(-[a-z0-9]+)+$/, "an AWS region"),
    roleId: option("role-id", /^[A-Za-z0-9_-]{1,128}$/, "the id of a role"),
    timeoutSeconds: Number(
      optional("timeout", /^[1-9]\d{0,3}$/, "a number of seconds from 1 to 9999") ?? BOOT_SECONDS,
    ),
    ...(endpoint !== undefined && { s3Endpoint: endpoint }),
    ...(htcondorSource !== undefined && { htcondorSource }),
    ...(startedAt !== undefined && { startedAt: Number(startedAt) }),
  };
}

function usage(message: string): UpdraftError {
  return new UpdraftError("usage", message, "updraft-bootstrap --help says how it is used.");
}
