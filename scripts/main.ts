import { UpdraftError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import { askAdministrator } from "../core/user-access.ts";
import { userData } from "../core/user-data.ts";
import { accountTemplate } from "../lambda/account.template.ts";
import { annexTemplate } from "../lambda/annex.template.ts";
import { setupPolicy } from "../lambda/setup-policies.ts";
import { asset } from "./assets.ts";
import { optionHelp, parseOptions, type Options } from "./options.ts";
import { fail, print } from "./output.ts";
import type { Verb } from "./verb.ts";
import { check } from "./verbs/check.ts";
import { credential } from "./verbs/credential.ts";
import { create, plan } from "./verbs/create.ts";
import { deleteVerb } from "./verbs/delete.ts";
import { history } from "./verbs/history.ts";
import { list } from "./verbs/list.ts";
import { model } from "./verbs/model.ts";
import { prices } from "./verbs/prices.ts";
import { publish } from "./verbs/publish.ts";
import { renew } from "./verbs/renew.ts";
import { resize } from "./verbs/resize.ts";
import { setup, type Templates } from "./verbs/setup.ts";
import { simulate } from "./verbs/simulate.ts";
import { status } from "./verbs/status.ts";
import { sweep } from "./verbs/sweep.ts";
import { teardown } from "./verbs/teardown.ts";
import { uid } from "./verbs/state.ts";
import { version } from "./verbs/version.ts";

const TEMPLATES: Templates = {
  account: () => accountTemplate(asset("lambda.js")),
  annex: ({ directFrom, ...p }) => annexTemplate((roleId) => userData({ ...p, roleId }), directFrom),
  policy: setupPolicy,
};

const VERBS: readonly Verb[] = [
  setup(TEMPLATES),
  check(TEMPLATES),
  credential,
  publish,
  plan,
  create,
  list,
  status,
  resize,
  renew,
  sweep,
  deleteVerb,
  prices,
  history,
  model,
  simulate,
  teardown,
  version,
];

function help(): string {
  const width = Math.max(...VERBS.map((verb) => verb.name.length));
  return [
    "updraft lifts an HTCondor pool into Amazon EC2.",
    "",
    "usage: updraft VERB [OPTION]…",
    "",
    ...VERBS.map((verb) => `  ${verb.name.padEnd(width)}  ${verb.summary}`),
    "",
    "updraft VERB --help tells more. Exit status: 0 done, 1 failed, 2 usage, 3 configuration, 4 denied, 5 no capacity.",
  ].join("\n");
}

async function updraft(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    print(rest[0] === undefined ? help() : verbHelp(findVerb(rest[0])));
    if (name === undefined) process.exitCode = 2;
    return;
  }
  const verb = findVerb(name === "--version" ? "version" : name);
  if (rest.includes("--help") || rest.includes("-h")) print(verbHelp(verb));
  else await run(verb, parseOptions(rest, verb));
}

/** Whoever is not root may lack what an administrator can allow. */
async function run(verb: Verb, options: Options): Promise<void> {
  const [annex] = options.positionals;
  try {
    await verb.run(options);
  } catch (error) {
    const foreseen = error instanceof UpdraftError && annex !== undefined && uid() !== 0;
    throw foreseen ? askAdministrator(error, annex) : error;
  }
}

function findVerb(name: string): Verb {
  const verb = VERBS.find((verb) => verb.name === name);
  if (verb !== undefined) return verb;
  const guess = nearest(
    name.replace(/^-+/, ""),
    VERBS.map((verb) => verb.name),
  );
  throw new UpdraftError(
    "usage",
    name.startsWith("-") ? `a verb comes first, not ${name}` : `there is no verb ${name}`,
    guess === undefined ? "See updraft --help." : `Did you mean ${guess}? See updraft --help.`,
  );
}

function verbHelp(verb: Verb): string {
  return `usage: ${verb.usage}\n\n${verb.summary}\n\n${optionHelp(verb.options)}`;
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  try {
    await updraft(args);
  } catch (error) {
    fail(error, args.includes("--json"));
  }
}

// The bundle is CommonJS, which has no await at the top.
void main();
