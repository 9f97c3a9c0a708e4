import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { steps } from "../support/transcript.ts";
import { help, verbs } from "./program.ts";
import { codeLines, PAGES, read, ROOT, section } from "./text.ts";

const VERBS = verbs();
const COMMANDS = read("docs/commands.md");
const SANDBOX = read("sandbox/main.ts");
const MAN = read("docs/man/updraft.1").replaceAll("\\-", "-");

/** An option as a word, so that --wait is not found in --no-wait. */
const named = (text: string, option: string): boolean =>
  new RegExp(`(?<![\\w-])${option}(?![\\w-])`).test(text);

test("every verb has its section in the commands' page, with every one of its options", () => {
  assert.ok(VERBS.length >= 6);
  for (const { verb, options } of VERBS) {
    const text = section(COMMANDS, `## ${verb}`);
    assert.notEqual(text, "", `${verb} has no section`);
    for (const option of options.filter((one) => one !== "--help" && one !== "-h"))
      assert.ok(named(text, option), `${verb} ${option}`);
  }
});

test("the commands' page has no verb and no option that the program does not have", () => {
  const summary = COMMANDS.slice(0, COMMANDS.indexOf("\n## "));
  const listed = [...summary.matchAll(/^\| \[`(\w+)`\]\(#/gm)].map(([, verb]) => verb);
  assert.deepEqual(
    listed,
    VERBS.map(({ verb }) => verb),
  );
  for (const { verb, options } of VERBS) {
    const rows = section(COMMANDS, `## ${verb}`).matchAll(/^\| (?:`-\w`, )?`(--[a-z-]+)/gm);
    for (const [, option] of rows) assert.ok(options.includes(option ?? ""), `${verb} ${option ?? ""}`);
  }
});

test("the manual page has every verb and every option", () => {
  for (const { verb, options } of VERBS) {
    assert.match(MAN, new RegExp(`^\\.B ${verb}$`, "m"));
    for (const option of options) assert.ok(named(MAN, option), `${verb} ${option}`);
  }
});

test("the manual page has no option that the program does not have", () => {
  const known = new Set(VERBS.flatMap(({ options }) => options));
  for (const [option] of MAN.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)) assert.ok(known.has(option), option);
});

test("the manual page and the commands' page tell the same exit statuses as the help", () => {
  const told = /Exit status: (.*)\./.exec(help())?.[1] ?? "";
  const statuses = [...told.matchAll(/(\d) /g)].map(([, status]) => status ?? "");
  assert.deepEqual(statuses, ["0", "1", "2", "3", "4", "5"]);
  const table = section(COMMANDS, "## What all verbs have in common");
  for (const status of statuses) {
    assert.match(table, new RegExp(`^\\| ${status} \\|`, "m"));
    assert.match(MAN, new RegExp(`^\\.B ${status}$`, "m"));
  }
});

test("the manual page is without a fault", () => {
  const args = ["-Tlint", "-Wwarning", `${ROOT}/docs/man/updraft.1`];
  const { stdout, stderr, status, error } = spawnSync("mandoc", args, { encoding: "utf8" });
  assert.deepEqual({ error, status, said: stdout + stderr }, { error: undefined, status: 0, said: "" });
});

test("every command line in the documentation is one that the program takes", () => {
  const scripts = (JSON.parse(read("package.json")) as { scripts: Record<string, string> }).scripts;
  let seen = 0;
  for (const page of PAGES) {
    for (const line of codeLines(read(page))) {
      const words = line
        .replace(/^\s*\w*[$#] /, "")
        .replace(/^(\w+=\S+ )+/, "")
        .trim()
        .split(/[\s[\]|<]+/);
      if (words[0] === "./demo") assert.ok(existsSync(`${ROOT}/demo`), page);
      const run = words.indexOf("run");
      if (words[0] === "npm" && run > 0) {
        const script = words.slice(run + 1).find((word) => !word.startsWith("-")) ?? "";
        assert.ok(script in scripts, `${page}: ${line}`);
        const [, command] = / sandbox -- (\w+)/.exec(line) ?? [];
        if (command !== undefined)
          assert.match(SANDBOX, new RegExp(`^  ${command} `, "m"), `${page}: ${line}`);
      }
      if (words[0] !== "updraft" || /^updraft \d/.test(line) || words[1] === "VERB") continue;
      // A row of a table whose first cell is the law of that name.
      if (/^updraft {2,}\d/.test(line)) continue;
      seen++;
      const verb = VERBS.find((one) => one.verb === words[1]);
      const known = verb === undefined ? ["--help", "--version"] : [...verb.options, "--help"];
      if (verb === undefined) assert.ok(known.includes(words[1] ?? ""), `${page}: ${line}`);
      for (const [option] of line.matchAll(/(?<![\w-])--?[a-z][a-z-]*/g))
        assert.ok(known.includes(option), `${page}: ${line}: ${option}`);
    }
  }
  assert.ok(seen > 20);
});

test("every transcript gives commands of Updraft, and says what each of them printed", () => {
  const pages = PAGES.filter((page) => page.startsWith("docs/paths/"));
  assert.deepEqual(pages, ["docs/paths/admin.md", "docs/paths/user.md"]);
  for (const page of pages) {
    const ours = steps(read(page)).filter(({ command }) => /(^| )updraft /.test(command));
    for (const { command, output } of ours) assert.ok(output.length > 0, `${page}: ${command}`);
    const verbs = new Set(ours.map(({ command }) => /(?:^| )updraft (\w+)/.exec(command)?.[1]));
    const path = page.endsWith("user.md")
      ? ["create", "status", "renew", "delete"]
      : ["create", "status", "delete"];
    for (const verb of path) assert.ok(verbs.has(verb), `${page}: ${verb}`);
  }
});
