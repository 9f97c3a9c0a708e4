import { uniform } from "../../sandbox/cloud/random.ts";
import { imageId } from "../../sandbox/demo/annex.ts";
import { table } from "../table.ts";
import {
  ANY_PROGRAM,
  clear,
  employ,
  hookTick,
  updraftAs,
  updraftAsAlice,
  withAccount,
  type AccountWorld,
} from "./account-world.ts";
import type { Campaign, CampaignOptions } from "./campaign.ts";
import { HOSTILE, passed, refusalOf, target } from "./hostile.ts";
import { OTHER_CALLS, simulated } from "./other-calls.ts";
import { ANNEX } from "./pool.ts";
import { reportAsRole } from "./s3-as-role.ts";
import { queryRequest, signedRequest } from "./signed-request.ts";
import { results } from "./results.ts";
import { allStatements, type Statement } from "./statements.ts";

const NAME = "campaign-policy";
const REGION = "us-east-1";

/** What became of a run of the program with one statement switched off. */
export type PolicyResult = {
  readonly statement: string;
  readonly effect: "Allow" | "Deny";
  /** The command that failed, or the hostile call that went through; empty when none did. */
  readonly what: string;
  readonly said: string;
};

type Outcome = { readonly exitCode: number; readonly said: string };
type Step = { readonly what: string; run(world: AccountWorld): Promise<Outcome> };

const installer = (...args: readonly string[]): Step => command("installer", args);
const operator = (...args: readonly string[]): Step => command("operator", args);

function command(who: "installer" | "operator", args: readonly string[]): Step {
  return {
    what: `updraft ${args.slice(0, 3).join(" ")}`,
    async run(world) {
      const { exitCode, stderr } = await updraftAs(world, world[who], ...args);
      return { exitCode: exitCode ?? 1, said: complaint(stderr) };
    },
  };
}

function alice(...args: readonly string[]): Step {
  return {
    what: `alice: updraft ${args.slice(0, 3).join(" ")}`,
    async run(world) {
      const { exitCode, stderr } = await updraftAsAlice(world, ...args);
      return { exitCode: exitCode ?? 1, said: complaint(stderr) };
    },
  };
}

/** What a program said went wrong, with what a node reported and without progress and what EC2 has encoded. */
function complaint(stderr: string): string {
  const reported = stderr.split("\n").filter((line) => / reported: /.test(line));
  const at = stderr.lastIndexOf("updraft: ");
  const [said = ""] = (at < 0 ? stderr : stderr.slice(at + "updraft: ".length)).trim().split("\n");
  return [...reported, said].join("; ").replace(/ Encoded authorization failure message: \S+/g, "");
}

const SET_UP = [
  installer("setup", "--region", REGION),
  installer("setup", "--annex", ANNEX, "--node-program", ANY_PROGRAM),
];

const CREATE = ["create", ANNEX, "--count", "1", "--lease", "1h", "--yes"];

/** Longer than a node tries to boot before it reports why it cannot, and ends. */
const GIVES_UP = "7m";

/** A lease in the past, so that the enforcer finds something to do. */
const RENEW: Step = {
  what: "CreateTags htcondor:LeaseExpiration",
  async run({ sandbox, operator }) {
    const live = (await sandbox.instances()).filter(({ state }) => state !== "terminated");
    const answer = await signedRequest(
      sandbox,
      operator,
      queryRequest("ec2", {
        Action: "CreateTags",
        "ResourceId.1": live[0]?.instanceId ?? "",
        "Tag.1.Key": "htcondor:LeaseExpiration",
        "Tag.1.Value": "1",
      }),
    );
    return passed(answer) ? { exitCode: 0, said: "" } : { exitCode: 1, said: refusalOf(answer) };
  },
};

const TICK: Step = {
  what: "updraft-schedd",
  async run(world) {
    const { stdout } = await hookTick(world);
    const said = new RegExp(`^${ANNEX}_LastError = "(.+)"$`, "m").exec(stdout)?.[1] ?? "";
    const why = new RegExp(`^${ANNEX}_Reason = "(.+)"$`, "m").exec(stdout)?.[1] ?? "";
    const failed = said !== "" || /AccessDenied|not authorized|UnauthorizedOperation/.test(why);
    return { exitCode: failed ? 1 : 0, said: said || why };
  },
};

/** It finds fault with a sandbox in any case: here it counts what it was refused. */
const CHECK: Step = {
  what: "updraft check",
  async run(world) {
    const { stdout } = await updraftAs(world, world.operator, "check");
    const refused = stdout.split("\n").filter((line) => /AccessDenied|not authorized|is denied/.test(line));
    return { exitCode: refused.length > 0 ? 1 : 0, said: refused.map((line) => line.trim()).join("; ") };
  },
};

/** What a node does that cannot boot. */
const REPORT: Step = {
  what: "the node's report",
  async run({ sandbox }) {
    const { instances = [], buckets = [] } = await sandbox.inventory();
    const script = `${reportAsRole(buckets[0] ?? "", ANNEX)}; cat /tmp/s3.out`;
    const told = await sandbox.machine(instances[0] ?? "").run(["sh", "-c", script]);
    const [status = "", ...body] = told.split("\n");
    return {
      exitCode: status === "200" ? 0 : 1,
      said: refusalOf({ status: Number(status), body: body.join("") }),
    };
  },
};

/** What the enforcer logged that is not as it should be; it goes on after most failures. */
const SWEEP: Step = {
  what: "updraft-enforcer",
  async run({ sandbox }) {
    const since = Date.now() / 1000;
    const { error, payload } = await sandbox.invoke("updraft-enforcer", {});
    const refused = (await sandbox.requests()).filter(
      ({ time, principal, status }) =>
        time >= since && principal.includes("EnforcerRole") && [400, 403].includes(status),
    );
    const said =
      error === undefined ? refused.map(({ service, action }) => `${service}:${action} refused`) : [payload];
    return { exitCode: said.length > 0 ? 1 : 0, said: [...new Set(said)].join("; ") };
  },
};

/** As if nobody had ever bought spot instances in the account. */
const NO_SPOT_ROLE: Step = {
  what: "DeleteRole",
  async run({ sandbox }) {
    const form = { Action: "DeleteRole", RoleName: "AWSServiceRoleForEC2Spot" };
    await signedRequest(sandbox, await sandbox.administrator(), queryRequest("iam", form));
    return { exitCode: 0, said: "" };
  },
};

/** Gives people the policies that teardown takes away again. */
const EMPLOY: Step = {
  what: "AttachUserPolicy",
  async run(world) {
    await employ(world);
    return { exitCode: 0, said: "" };
  },
};

const LIFE = [
  NO_SPOT_ROLE,
  ...SET_UP,
  EMPLOY,
  installer("teardown", "--annex", ANNEX, "--yes"),
  installer("teardown", "--region", REGION, "--yes"),
];

/** The commands in which a policy's statements must show, in the order in which they are given. */
const FLOWS: Readonly<Record<string, readonly Step[]>> = {
  "setup-account": LIFE,
  "setup-annex": LIFE,
  HookPolicy: [operator(...CREATE, "--no-wait"), TICK, RENEW],
  OperatorPolicy: [
    operator(...CREATE, "--no-wait"),
    operator("status", ANNEX),
    operator("sweep"),
    CHECK,
    operator("delete", ANNEX, "--yes"),
  ],
  UserPolicy: [
    alice(...CREATE, "--no-wait"),
    alice("status", ANNEX),
    alice("renew", ANNEX, "--lease", "2h", "--yes"),
    alice("delete", ANNEX, "--yes"),
  ],
  enforcer: [operator(...CREATE, "--no-wait"), RENEW, SWEEP],
  node: [operator(...CREATE, "--timeout", GIVES_UP), REPORT],
};

/** A role's trust shows where the role is first used. */
const TRUST: Readonly<Record<string, readonly Step[]>> = { Lambda: SET_UP, Ec2: FLOWS["node"] ?? [] };

/** What must stand before a statement is switched off: nothing, everything, or everything for a node that boots. */
type Ground = "nothing" | "annex" | "node";

function groundOf({ policy, sid }: Statement): Ground {
  // An alarm speaks when it is made, and then only when its state changes.
  if (policy.startsWith("setup-") || sid === "Lambda" || sid === "Alarms") return "nothing";
  return policy === "node" || sid === "Ec2" ? "node" : "annex";
}

/** Runs what each statement is for with the statement switched off, and says what failed and how. */
export async function withoutEach(
  world: AccountWorld,
  statements: readonly Statement[],
  found: (result: PolicyResult) => void,
): Promise<void> {
  let ground: Ground = "nothing";
  let ready = world;
  for (const statement of statements) {
    const wanted = groundOf(statement);
    if (wanted !== ground) {
      if (ground !== "nothing") await clear(world);
      if (wanted !== "nothing") ready = await working(world, wanted);
      ground = wanted;
    }
    const result = await without(ready, statement);
    await world.sandbox.settings(NOTHING_IGNORED);
    if (ground === "nothing") await clear(world);
    else await world.sandbox.accessPoint.run(["updraft", "delete", ANNEX, "--yes"], { timeoutSeconds: 300 });
    found(result);
  }
  if (ground !== "nothing") await clear(world);
}

async function without(world: AccountWorld, statement: Statement): Promise<PolicyResult> {
  const { name, effect, policy, sid, ignore } = statement;
  const facts = { statement: name, effect };
  if (effect === "Deny") return { ...facts, ...(await hostile(world, statement)) };
  await world.sandbox.settings({ ignoredStatements: [ignore] });
  if (name === "topic/Alarms") return { ...facts, ...(await silentAlarm(world)) };
  for (const { what, run } of (policy === "trust" ? TRUST[sid] : FLOWS[policy]) ?? []) {
    const { exitCode, said } = await run(world);
    if (exitCode !== 0) return { ...facts, what, said };
  }
  return { ...facts, ...(await otherwise(world, name)) };
}

/** A statement that this life of an annex does not need: a call that other verbs make. */
async function otherwise({ sandbox }: AccountWorld, name: string) {
  const other = OTHER_CALLS.find(({ statement }) => statement === name);
  if (other === undefined) return { what: "", said: "" };
  const { user, action, resource } = other;
  const { outcome } = await simulated(sandbox, other);
  if (outcome === "allow") return { what: "", said: "" };
  return { what: `${action}, simulated`, said: `${user}: ${outcome} on ${resource}` };
}

/** Everything set up; with the node's own program when a node shall boot. */
async function working(world: AccountWorld, ground: Ground): Promise<AccountWorld> {
  const administrator = await world.sandbox.administrator();
  const steps = [
    ["setup", "--region", REGION],
    ["setup", "--annex", ANNEX, ...(ground === "node" ? [] : ["--node-program", ANY_PROGRAM])],
  ];
  for (const args of steps) {
    const { exitCode, stderr } = await updraftAs(world, administrator, ...args);
    if (exitCode !== 0) throw new Error(`updraft ${args.join(" ")}: ${stderr}`);
  }
  // An ordinary user orders only what root has published.
  await world.sandbox.accessPoint.run(["updraft", "publish", ANNEX]);
  return employ(world);
}

async function hostile(world: AccountWorld, statement: Statement) {
  const { name, ignore } = statement;
  const found = HOSTILE.find(({ statement }) => statement === name);
  if (found === undefined) return { what: "", said: "no hostile call is known" };
  const waiting = groundOf(statement) === "node" ? [] : ["--no-wait"];
  await updraftAs(world, world.operator, ...CREATE, ...waiting);
  const aim = await target(world, imageId("htcondor-updraft"));
  const refused = await found.attempt(world, aim);
  await world.sandbox.settings({ ignoredStatements: [ignore] });
  const let_ = await found.attempt(world, aim);
  return {
    what: passed(let_) && !passed(refused) ? `${found.what}: passes` : "",
    said: `with it: ${refusalOf(refused)}`,
  };
}

const ALARM_WAIT_MS = 20_000;

/** An alarm that may not publish does so silently: only the log of decisions tells. */
async function silentAlarm(world: AccountWorld) {
  const { sandbox } = world;
  await SET_UP[0]?.run(world);
  for (const deadline = Date.now() + ALARM_WAIT_MS; Date.now() < deadline;) {
    const told = (await sandbox.authorizations()).find(
      ({ principal, outcome }) => principal === "cloudwatch.amazonaws.com" && outcome === "implicit-deny",
    );
    if (told !== undefined)
      return { what: "the alarm's message", said: `${told.action} on ${told.resource}: ${told.outcome}` };
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return { what: "", said: "" };
}

export function policyTable(results: readonly PolicyResult[]): string {
  return table(
    ["statement removed", "effect", "what failed", "what was said"],
    results.map(({ statement, effect, what, said }) => [
      statement,
      effect,
      what === "" ? "nothing" : what,
      said,
    ]),
  );
}

/** So many statements, drawn by the seed; all of them when there are no more. */
export function someStatements(size: number, seed: number): Statement[] {
  const random = uniform(seed);
  const left = allStatements();
  if (size >= left.length) return left;
  return Array.from(
    { length: size },
    () => left.splice(Math.floor(random() * left.length), 1)[0] as Statement,
  );
}

const NOTHING_IGNORED = { ignoredStatements: [] };
const KNOBS = { PURCHASE: "spot", MIN_WAIT: "1s" };

async function run({ size, seed, out }: CampaignOptions): Promise<string> {
  const done = results<PolicyResult>(out);
  const left = someStatements(size, seed).filter(
    ({ name }) => !done.rows.some(({ statement }) => statement === name),
  );
  if (left.length > 0)
    await withAccount(NAME, KNOBS, {}, (world) =>
      withoutEach(world, left, (result) => {
        done.add(result);
        const { statement, what, said } = result;
        console.log(`${statement}: ${what === "" ? "nothing failed" : `${what}: ${said}`}`);
      }),
    );
  return policyTable(done.rows);
}

export const policy: Campaign = {
  name: "policy",
  summary: "every statement of every policy switched off: what fails, and what is said",
  fullSize: allStatements().length,
  run,
};
