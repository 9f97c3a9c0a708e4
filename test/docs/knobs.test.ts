import assert from "node:assert/strict";
import { test } from "node:test";
import { ANNEX_KNOBS, GLOBAL_KNOBS, knobName, readKnobs, type AnnexKnobs } from "../../core/knobs.ts";
import { read, tableRows } from "./text.ts";

const PAGE = read("docs/knobs.md");
const DROP_IN = read("condor-config/access-point.config");

/** Knobs that are of no use without another. */
const BESIDE: Readonly<Record<string, readonly [knob: string, value: string]>> = {
  DIRECT_FROM: ["PUBLIC_IP", "true"],
};

/** The knobs of an annex when, of those that may be left out, only this one is written, and what stands beside `next`. */
function annexWith(knob?: string, value?: string, next = knob): AnnexKnobs {
  const required = ANNEX_KNOBS.filter((one) => one.required).map((one) => [one.knob, one.example] as const);
  const beside = BESIDE[next ?? ""];
  const written = new Map(beside === undefined ? required : [...required, beside]);
  if (knob !== undefined && value !== undefined) written.set(knob, value);
  const settings = [...written].map(([name, text]) => ({
    name: knobName("burst", name),
    value: text,
    source: "test",
  }));
  const { knobs, problems } = readKnobs([
    { name: "UPDRAFT_ANNEXES", value: "burst", source: "test" },
    ...settings,
  ]);
  assert.deepEqual(problems, [], `${knob ?? ""} = ${value ?? ""}`);
  const [annex] = knobs.annexes;
  assert.ok(annex);
  return annex;
}

/** What is documented as a knob's default is its default when writing it changes nothing. */
function checkDefault(knob: string, documented: string, example: string, where: string): void {
  const row = ANNEX_KNOBS.find((one) => one.knob === knob);
  assert.ok(row, `${where}: there is no knob _${knob}`);
  assert.equal(documented === "required", row.required, `${where}: _${knob} is ${documented}`);
  const withExample = annexWith(knob, example);
  if (row.required) return;
  if (documented !== "none") {
    assert.deepEqual(annexWith(knob, documented), annexWith(), `${where}: default of _${knob}`);
    return;
  }
  const without = annexWith(undefined, undefined, knob);
  const fields = (Object.keys(withExample) as (keyof AnnexKnobs)[]).filter(
    (field) => JSON.stringify(withExample[field]) !== JSON.stringify(without[field]),
  );
  for (const field of fields)
    assert.ok(
      ["undefined", "{}", "[]"].includes(JSON.stringify(without[field]) ?? "undefined"),
      `${where}: ${field}`,
    );
  assert.equal(fields.length, 1, `${where}: the example of _${knob} is as if it were not written`);
}

const plain = (cell: string | undefined): string => (cell ?? "").replace(/^`(.*)`$/, "$1");

test("every knob of an annex is in the knobs' page once, with its default and an example that is taken", () => {
  const rows = tableRows(PAGE, "knob").filter(([knob]) => knob?.startsWith("`_"));
  assert.deepEqual(
    rows.map(([knob]) => plain(knob).slice(1)).sort(),
    ANNEX_KNOBS.map(({ knob }) => knob).sort(),
  );
  for (const [knob, , otherwise, example] of rows)
    checkDefault(plain(knob).slice(1), plain(otherwise), plain(example), "docs/knobs.md");
});

test("every knob of the access point is in the knobs' page", () => {
  const rows = tableRows(PAGE, "knob").filter(([knob]) => knob?.startsWith("`UPDRAFT_"));
  assert.deepEqual(
    rows.map(([knob]) => plain(knob)),
    GLOBAL_KNOBS.map((knob) => `UPDRAFT_${knob}`),
  );
});

test("the drop-in has every knob once, with its default and an example that is taken", () => {
  const found: string[] = [];
  let comment = "";
  for (const line of DROP_IN.split("\n")) {
    const knob = /^# UPDRAFT_burst_([A-Z_]+) = (.*)$/.exec(line);
    if (knob !== null) {
      const [, name = "", example = ""] = knob;
      found.push(name);
      const said = /Default: ([^,;]*?)(?:[,;]|\.(?: |$))/.exec(comment.trim())?.[1];
      checkDefault(name, said ?? "required", example, "condor-config/access-point.config");
      comment = "";
    } else if (line.startsWith("# ")) comment += `${line.slice(2)} `;
    else comment = "";
  }
  assert.deepEqual(found.sort(), ANNEX_KNOBS.map(({ knob }) => knob).sort());
  for (const knob of GLOBAL_KNOBS) assert.match(DROP_IN, new RegExp(`^# UPDRAFT_${knob} = `, "m"));
});
