import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { PAGES, read, ROOT } from "./text.ts";

/** A heading's anchor as GitHub makes it. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

test("every relative link leads to a file, and to a heading in it", () => {
  let seen = 0;
  for (const page of PAGES) {
    const text = read(page).replace(/^```.*?^```$/gms, "");
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (target === undefined || /^[a-z]+:/.test(target)) continue;
      const [path = "", fragment] = target.split("#");
      const file = path === "" ? page : relative(ROOT, join(ROOT, dirname(page), path));
      assert.ok(existsSync(join(ROOT, file)), `${page}: ${target}`);
      seen++;
      if (fragment === undefined) continue;
      const anchors = [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading ?? ""));
      assert.ok(anchors.includes(fragment), `${page}: ${target}`);
    }
  }
  assert.ok(seen > 10);
});

test("the README leads to every page", () => {
  const readme = read("README.md");
  for (const page of PAGES.filter((one) => one !== "README.md"))
    assert.ok(readme.includes(`(${page})`), page);
});
