import assert from "node:assert/strict";
import { test } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import { parseOptions } from "../../scripts/options.ts";
import type { Verb } from "../../scripts/verb.ts";
import { create, plan } from "../../scripts/verbs/create.ts";
import { deleteVerb } from "../../scripts/verbs/delete.ts";
import { list } from "../../scripts/verbs/list.ts";
import { publish } from "../../scripts/verbs/publish.ts";
import { renew } from "../../scripts/verbs/renew.ts";
import { resize } from "../../scripts/verbs/resize.ts";
import { status } from "../../scripts/verbs/status.ts";

// There is no HTCondor here, so whatever gets past its options fails with status 3.
process.env["PATH"] = "/nowhere";

/** How a verb refuses these arguments. */
async function refusal(verb: Verb, args: readonly string[]): Promise<UpdraftError> {
  try {
    await verb.run(parseOptions(args, verb));
  } catch (error) {
    assert.ok(error instanceof UpdraftError, `${verb.name} ${args.join(" ")}: ${String(error)}`);
    assert.ok(error.remedy.length > 0);
    assert.doesNotMatch(error.message, /\p{Cc}/u);
    return error;
  }
  throw new Error(`${verb.name} ${args.join(" ")} was taken`);
}

const LEASES: [string, RegExp][] = [
  ["soon", /lease "soon" is neither a duration nor a time/],
  ["0", /ends in the past/],
  ["-1h", /ends in the past/],
  ["59s", /shorter than 1m/],
  ["2001-01-01T00:00Z", /ends in the past/],
  ["2030-02-30", /neither a duration nor a time/],
  ["", /neither a duration nor a time/],
];
const ORDER: Record<string, [string, RegExp][]> = {
  lease: LEASES,
  idle: [
    ["0", /idle time "0" is not a duration/],
    ["-5m", /idle time "-5m"/],
    ["x", /idle time "x"/],
  ],
  type: [
    ["large", /--type large: expected instance types/],
    ["m5.large;reboot", /expected instance types/],
    ["", /expected instance types/],
  ],
  project: [
    ["a b", /project "a b" cannot be a tag/],
    ["a/b", /project "a\/b" cannot be a tag/],
    ["", /project "" cannot be a tag/],
  ],
};
const WAIT: Record<string, [string, RegExp][]> = { timeout: [["x", /timeout "x" is not a duration/]] };
const COUNT: [string, RegExp][] = [
  ["1e9", /is not a whole number/],
  ["1.5", /is not a whole number/],
  ["", /is not a whole number/],
  ["-1", /orders nothing/],
];

type Table = { verb: Verb; args: readonly string[]; bad: Record<string, [string, RegExp][]> };

const TABLE: readonly Table[] = [
  { verb: plan, args: ["burst", "--count", "1"], bad: { ...ORDER, count: [...COUNT, ["0", /nothing/]] } },
  {
    verb: create,
    args: ["burst", "--count", "1"],
    bad: { ...ORDER, ...WAIT, count: [...COUNT, ["0", /count 0 orders nothing/]] },
  },
  { verb: resize, args: ["burst", "--count", "1"], bad: { ...ORDER, ...WAIT, count: COUNT } },
  {
    verb: renew,
    args: ["burst"],
    bad: {
      lease: LEASES,
      until: [
        ["8h", /"8h" is not a time/],
        ["2001-01-01T00:00Z", /ends in the past/],
      ],
      instance: [
        ["burst", /"burst" is not the id of an instance/],
        ["i-1;x", /is not the id of an instance/],
        ["", /is not the id of an instance/],
      ],
    },
  },
  { verb: list, args: [], bad: {} },
  {
    verb: status,
    args: ["burst", "--history"],
    bad: { since: [["yesterday", /since "yesterday" is neither a duration nor a time/]] },
  },
  { verb: publish, args: ["burst"], bad: {} },
  { verb: deleteVerb, args: ["burst"], bad: {} },
];

test("every option that takes a value refuses a bad one with status 2 and says which", async () => {
  for (const { verb, args, bad } of TABLE) {
    const valued = verb.options.filter((row) => row.value !== undefined).map((row) => row.name);
    assert.deepEqual(Object.keys(bad).sort(), valued.sort(), verb.name);
    for (const [option, cases] of Object.entries(bad)) {
      for (const [value, words] of cases) {
        const error = await refusal(verb, [...args, `--${option}=${value}`]);
        assert.match(error.message, words, `${verb.name} --${option}=${value}`);
        assert.equal(error.exitStatus, 2);
      }
      assert.match((await refusal(verb, [...args, `--${option}`])).message, /needs a value/);
    }
  }
});

test("every switch takes no value, and every option is told apart from a misspelt one", async () => {
  for (const { verb, args } of TABLE) {
    for (const row of verb.options) {
      if (row.value === undefined) {
        const error = await refusal(verb, [...args, `--${row.name}=yes`]);
        assert.match(error.message, new RegExp(`--${row.name} takes no value`), verb.name);
      }
      const misspelt = await refusal(verb, [...args, `--${row.name}x`]);
      assert.match(misspelt.message, new RegExp(`there is no option --${row.name}x`), verb.name);
      assert.match(misspelt.remedy, new RegExp(`Did you mean --${row.name}\\?`), verb.name);
    }
  }
});

test("options that contradict each other are refused together", async () => {
  const cases: [Verb, string[], RegExp][] = [
    [create, ["--wait", "--no-wait"], /--wait and --no-wait contradict/],
    [create, ["--no-wait", "--timeout", "5m"], /--no-wait and --timeout contradict/],
    [resize, ["--wait", "--no-wait"], /--wait and --no-wait contradict/],
    [renew, ["--lease", "8h", "--until", "2999-01-01T00:00Z"], /--lease and --until contradict/],
    [status, ["--watch", "--json"], /--watch and --json contradict/],
    [status, ["--watch"], /--watch and --history contradict/],
  ];
  for (const [verb, given, words] of cases) {
    const { args } = TABLE.find((row) => row.verb === verb) ?? { args: [] };
    const error = await refusal(verb, [...args, ...given]);
    assert.match(error.message, words);
    assert.equal(error.exitStatus, 2);
  }
});

test("what is no annex's name is refused by every verb that takes one, and a name too many too", async () => {
  for (const { verb, args } of TABLE) {
    const surplus = await refusal(verb, [...args, "surplus"]);
    assert.match(surplus.message, /"surplus" is one argument too many/, verb.name);
    if (verb.maxPositionals === 0) continue;
    for (const name of ["Burst", "bur st", "../burst", "burst\u001b[2J", "b".repeat(200), "burst;id", ""]) {
      const error = await refusal(verb, [name, ...args.slice(1)]);
      assert.match(error.message, /is not the name of an annex$/, verb.name);
      assert.equal(error.exitStatus, 2);
    }
    if (verb !== status) {
      assert.match((await refusal(verb, args.slice(1))).message, /names no annex/, verb.name);
    }
  }
});

test("what is right gets as far as HTCondor", async () => {
  for (const { verb, args } of TABLE) assert.equal((await refusal(verb, args)).kind, "config", verb.name);
});
