import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const MAIN = fileURLToPath(new URL("../../scripts/main.ts", import.meta.url));

/** Runs updraft from source where there is no HTCondor, no AWS and no terminal. */
function updraft(...args: string[]): { status: number | null; out: string; err: string } {
  const result = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: "utf8",
    env: { PATH: "/nowhere", HOME: "/nonexistent", AWS_EC2_METADATA_DISABLED: "true" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
  return { status: result.status, out: result.stdout, err: result.stderr };
}

test("help names every verb, and each verb's help every option", () => {
  const { status, out } = updraft("--help");
  assert.equal(status, 0);
  for (const verb of [
    "setup",
    "plan",
    "create",
    "list",
    "status",
    "resize",
    "renew",
    "delete",
    "teardown",
    "version",
  ]) {
    assert.match(out, new RegExp(`^  ${verb} `, "m"));
  }
  const create = updraft("create", "--help");
  assert.equal(create.status, 0);
  for (const option of [
    "--count N",
    "--lease TIME",
    "--idle TIME",
    "--type TYPE",
    "--yes",
    "--dry-run",
    "--json",
    "--no-wait",
  ]) {
    assert.ok(create.out.includes(option), option);
  }
});

test("help VERB is the verb's help", () => {
  assert.deepEqual(updraft("help", "create"), updraft("create", "--help"));
  assert.deepEqual(updraft("--help", "setup"), updraft("setup", "-h"));
});

test("without a verb it shows its help and fails", () => {
  const { status, out } = updraft();
  assert.equal(status, 2);
  assert.match(out, /usage: updraft VERB/);
});

test("the version is printed, also as JSON", () => {
  assert.match(updraft("version").out, /^updraft \d+\.\d+\.\d+\n$/);
  assert.deepEqual(Object.keys(JSON.parse(updraft("version", "--json").out) as object), ["version", "node"]);
  assert.equal(updraft("--version").status, 0);
});

test("what nobody can mean is refused with status 2, one sentence and a remedy", () => {
  const cases: [string[], RegExp][] = [
    [["stauts"], /there is no verb stauts\n {2}Did you mean status\?/],
    [["zzzzzzzz"], /there is no verb zzzzzzzz\n {2}See updraft --help/],
    [["create"], /create names no annex/],
    [["create", "burst"], /create has no --count/],
    [["create", "burst", "--count"], /--count needs a value\n {2}See updraft create --help\./],
    [["create", "burst", "--cuont", "3"], /no option --cuont\n {2}Did you mean --count\?/],
    [["create", "burst", "extra", "--count", "3"], /"extra" is one argument too many/],
    [["create", "burst", "--count", "0"], /count 0 orders nothing/],
    [["create", "burst", "--count", "-1"], /count -1 orders nothing/],
    [["create", "burst", "--count=-1"], /count -1 orders nothing/],
    [["create", "burst", "--count", "1e9"], /count "1e9" is not a whole number/],
    [["create", "burst", "--count", "3", "--lease", "-1h"], /lease "-1h" ends in the past/],
    [["create", "burst", "--count", "3", "--lease", "2001-01-01T00:00Z"], /ends in the past/],
    [["create", "burst", "--count", "3", "--lease", "soon"], /neither a duration nor a time/],
    [["create", "burst", "--count", "3", "--idle", "x"], /idle time "x" is not a duration/],
    [["create", "burst", "--count", "3", "--type", "large"], /--type large: expected instance types/],
    [["create", "burst", "--count", "3", "--timeout", "x"], /timeout "x" is not a duration/],
    [["--dry-run"], /a verb comes first, not --dry-run/],
    [["--verison"], /not --verison\n {2}Did you mean version\?/],
    [["help", "craete"], /no verb craete\n {2}Did you mean create\?/],
    [["create", "burst", "--count", "1", "--yes=true"], /--yes takes no value/],
    [["create", "burst", "--count", "1", "--wait", "--no-wait"], /contradict each other/],
    [["create", "burst", "-x"], /no option -x/],
    [["status", "--annex", "burst"], /no option --annex\n {2}Did you mean updraft status NAME\?/],
    [["setup", "burst"], /one argument too many\n {2}Did you mean --annex burst\?/],
    [["setup", "--region", "--annex", "burst"], /--region needs a value/],
    [["setup", "--annex", "burst", "--max-lease", "8h"], /--max-lease goes with --region/],
    [["setup", "--region", "us-east-1", "--node-program", "/x"], /--node-program goes with --annex/],
    [["setup", "--region", "us-east-1", "--email", "me"], /"me" is not an e-mail address/],
    [["setup", "--region", "us-east-1", "--boundary", "admin"], /"admin" is not the ARN of a policy/],
    [["teardown", "--region", "mars", "--yes"], /"mars" is not an AWS region/],
    [["delete"], /delete names no annex/],
    [["setup"], /either --region or --annex/],
    [["setup", "--region", "us-east-1", "--annex", "burst"], /either --region or --annex/],
    [["setup", "--region", "mars"], /"mars" is not an AWS region/],
    [["setup", "--region", "us-east-1", "--max-lease", "1s"], /longest lease cannot be "1s"/],
    [["teardown"], /either --annex or --region/],
    [["teardown", "--region", "us-east-1"], /this is no terminal\n {2}Give --yes/],
  ];
  for (const [args, message] of cases) {
    const { status, out, err } = updraft(...args);
    assert.equal(status, 2, args.join(" "));
    assert.match(err, message);
    assert.match(err, /^updraft: .*\n {2}.*\n$/, args.join(" "));
    assert.equal(out, "");
  }
});

test("without HTCondor there is one clear error with status 3", () => {
  for (const args of [
    ["status"],
    ["create", "burst", "--count", "3"],
    ["delete", "burst"],
    ["setup", "--annex", "burst"],
  ]) {
    const { status, err } = updraft(...args);
    assert.equal(status, 3, args.join(" "));
    assert.match(
      err,
      /^updraft: no HTCondor on PATH: there is no program condor_config_val\n {2}Run this on the access point/,
    );
  }
});

test("without AWS credentials there is one clear error with status 4", () => {
  const { status, err } = updraft("teardown", "--region", "us-east-1", "--yes");
  assert.equal(status, 4);
  assert.match(
    err,
    /^updraft: could not list the instances: there are no AWS credentials\n {2}Set AWS_PROFILE/,
  );
});

test("with --json an error is JSON too", () => {
  const { status, out } = updraft("status", "--json");
  assert.equal(status, 3);
  const { error } = JSON.parse(out) as { error: Record<string, unknown> };
  assert.deepEqual([error["kind"], error["exitStatus"]], ["config", 3]);
  assert.match(String(error["message"]), /no HTCondor on PATH/);
  assert.ok(String(error["remedy"]).length > 0);
});
