import { UpdraftError } from "../errors.ts";
import type { Stack, Storage } from "../ports.ts";
import { ACCOUNT_STACK, accountSetup, type AccountSetup } from "../stacks.ts";
import { SWEEP_KEY } from "../storage.ts";
import { formatDuration, type UnixTime } from "../time.ts";
import { SWEEP_SECONDS, parseLastSweep } from "../veto.ts";
import { needed, ok, once, warning, wrong, type Found, type Piece } from "./findings.ts";
import type { AccountFacts } from "./ports.ts";

export type AccountPorts = {
  readonly facts: AccountFacts;
  stack(name: string): Promise<Stack | undefined>;
  storage(bucket: string, account: string): Storage;
  now(): UnixTime;
};

/** What the pieces of a region and of its annexes share. */
export type Region = {
  readonly name: string;
  identity(): Promise<{ readonly account: string; readonly arn: string }>;
  stack(): Promise<Stack>;
  setup(): Promise<AccountSetup>;
  storage(): Promise<Storage>;
};

const STACK = "the account's stack";
const CREDENTIALS = "an AWS account";

export function region(name: string, ports: AccountPorts): Region {
  const identity = once(ports.facts.identity);
  const stack = once(async () => {
    const found = await ports.stack(ACCOUNT_STACK);
    accountSetup(found, name);
    return found as Stack;
  });
  const setup = async (): Promise<AccountSetup> => accountSetup(await needed(stack(), STACK), name);
  return {
    name,
    identity,
    stack,
    setup,
    async storage() {
      const [{ bucket }, { account }] = await Promise.all([setup(), needed(identity(), CREDENTIALS)]);
      return ports.storage(bucket, account);
    },
  };
}

/** The denials that keep the bucket's contents from others. */
const DENIALS = ["TlsOnly", "CredentialsForNodesOnly", "ClaimOnce"];

/** The account's pieces in one region. `template` is the one that this version would make the stack of. */
export function accountPieces(here: Region, ports: AccountPorts, template: object): Piece[] {
  const { facts } = ports;
  const remedy = `Run: updraft setup --region ${here.name}`;
  const piece = (name: string, look: Piece["look"]): Piece => ({ of: here.name, name, look });
  const output = async (key: string): Promise<string> =>
    (await needed(here.stack(), STACK)).outputs[key] ?? "";
  /** Of the ARN of a function its name, which is that of its rule as well. */
  const enforcer = async (): Promise<string> => (await output("Enforcer")).replace(/^.*:/, "");

  return [
    piece("credentials", async () => {
      const { account, arn } = await here.identity();
      if (!arn.endsWith(":root")) return [ok(`${arn}, of account ${account}`)];
      return [
        warning(
          `these are the root user's credentials, of account ${account}`,
          "Use an IAM user or role with Updraft's operator and hook policies.",
        ),
      ];
    }),
    piece("stack", async () => {
      const stack = await here.stack();
      return [sameTemplate(ACCOUNT_STACK, stack, await facts.template(ACCOUNT_STACK), template, remedy)];
    }),
    piece("bucket", async () => {
      const { bucket } = await here.setup();
      const { account } = await needed(here.identity(), CREDENTIALS);
      const { publicAccessBlocked, encrypted, denials } = await facts.bucket(bucket, account);
      const missing = DENIALS.filter((sid) => !denials.includes(sid));
      const faults = [
        ...(publicAccessBlocked ? [] : ["public access is not blocked"]),
        ...(encrypted ? [] : ["it is not encrypted"]),
        ...(missing.length === 0 ? [] : [`its policy lacks ${missing.join(", ")}`]),
      ];
      // The stack's template has not changed, so only what differs from it is changed by running set-up again.
      const mend = `Somebody has changed it by hand: undo that, or tear the region down and set it up again.`;
      return faults.length === 0
        ? [ok(`${bucket} is private, encrypted and has its policy`)]
        : faults.map((fault) => wrong(`${bucket}: ${fault}`, mend));
    }),
    piece("enforcer", async () => {
      const name = await enforcer();
      const state = await facts.functionState(name);
      if (state === "Active" || state === "Inactive") return [ok(`function ${name} is there`)];
      return [
        state === undefined
          ? wrong(`there is no function ${name}: nothing in the account ends a lease`, REMADE(here.name))
          : wrong(`function ${name} is ${state}`, "Look at it in Lambda's console; it must become Active."),
      ];
    }),
    piece("schedule", async () => {
      const name = await enforcer();
      const arn = await output("Enforcer");
      const rule = await facts.rule(name);
      if (rule === undefined)
        return [wrong(`there is no rule ${name} that runs the enforcer`, REMADE(here.name))];
      if (!rule.enabled)
        return [
          wrong(
            `rule ${name} is switched off: the enforcer does not run`,
            `Run: aws events enable-rule --name ${name}`,
          ),
        ];
      return rule.targets.includes(arn)
        ? [ok(`rule ${name} is on and runs the enforcer`)]
        : [wrong(`rule ${name} does not run the enforcer`, REMADE(here.name))];
    }),
    piece("sweep", async () => [lastSweep(await (await here.storage()).get(SWEEP_KEY), ports.now())]),
    piece("alarm", async () => {
      await here.setup();
      const name = `${ACCOUNT_STACK}-no-complete-sweep`;
      const alarm = await facts.alarm(name);
      if (alarm === undefined) return [wrong(`there is no alarm ${name}`, REMADE(here.name))];
      if (!alarm.actionsEnabled)
        return [
          wrong(
            `alarm ${name} tells nobody: its actions are switched off`,
            `Run: aws cloudwatch enable-alarm-actions --alarm-names ${name}`,
          ),
        ];
      if (alarm.state !== "ALARM") return [ok(`alarm ${name} is ${alarm.state}`)];
      return [
        warning(
          `alarm ${name} is in ALARM: within its last five minutes sweeps were missing`,
          "It does so for some minutes after set-up. Else see what is told of the sweep.",
        ),
      ];
    }),
    piece("topic", async () => {
      const subscriptions = await facts.subscriptions(await output("Topic"));
      const confirmed = subscriptions.filter((one) => one.confirmed);
      const pending = subscriptions.filter((one) => !one.confirmed);
      if (subscriptions.length === 0)
        return [
          warning(
            "nobody is told when the enforcer fails",
            `Run: updraft setup --region ${here.name} --email ADDRESS`,
          ),
        ];
      return [
        ...(confirmed.length === 0 ? [] : [ok(`tells ${confirmed.map((one) => one.endpoint).join(", ")}`)]),
        ...pending.map((one) =>
          warning(
            `${one.endpoint} has not confirmed its subscription, so it is told nothing`,
            "Follow the link in the mail of AWS.",
          ),
        ),
      ];
    }),
  ];
}

/** CloudFormation takes what it made for being there still, and makes it anew only with the whole stack. */
const REMADE = (region: string): string =>
  `CloudFormation does not bring back what was deleted by hand: run updraft teardown --region ${region}, then updraft setup --region ${region}.`;

function lastSweep(mark: Uint8Array | undefined, now: UnixTime): Found {
  const swept = parseLastSweep(mark);
  const look =
    "Run `updraft sweep --dry-run`, which says what the enforcer says, and see what is told of the schedule.";
  if (swept === undefined) return wrong("the enforcer has not completed any sweep", look);
  const age = Math.max(0, now - swept);
  return age > SWEEP_SECONDS
    ? wrong(`the enforcer's last complete sweep was ${formatDuration(age)} ago`, look)
    : ok(`the enforcer's last complete sweep was ${formatDuration(age)} ago`);
}

/** Whether a stack is of the template that this version would make it of. */
export function sameTemplate(
  name: string,
  stack: Stack,
  body: string,
  template: object,
  remedy: string,
): Found {
  return canonical(body) === JSON.stringify(template)
    ? ok(`stack ${name} is ${stack.status}, of this version`)
    : warning(`stack ${name} was made by another version of Updraft`, remedy);
}

function canonical(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body));
  } catch (error) {
    throw new UpdraftError(
      "failed",
      "CloudFormation shows a template that is no JSON",
      "Run updraft setup again.",
      error,
    );
  }
}
