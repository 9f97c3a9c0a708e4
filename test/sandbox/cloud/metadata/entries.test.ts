import assert from "node:assert/strict";
import { test } from "node:test";
import { listing } from "../../../../sandbox/cloud/metadata/entries.ts";

test("A directory lists what stands in it, directories with a slash", () => {
  const paths = ["meta-data/ami-id", "meta-data/placement/zone", "meta-data/placement/region", "user-data"];
  assert.equal(listing(paths, ""), "meta-data/\nuser-data");
  assert.equal(listing(paths, "meta-data"), "ami-id\nplacement/");
  assert.equal(listing(paths, "meta-data/placement/"), "region\nzone");
  assert.equal(listing(paths, "meta-data/spot"), undefined);
});
