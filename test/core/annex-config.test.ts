import assert from "node:assert/strict";
import { test } from "node:test";
import { annexConfig } from "../../core/annex-config.ts";
import { SITE, annex } from "../support/knobs.ts";

test("the annex's own attributes are published by its slots", () => {
  const text = annexConfig(annex({ slotAttributes: { HasScratch: "true", Site: '"EC2"' } }), SITE);
  assert.match(
    text,
    /^HasScratch = true\nSite = "EC2"\nSTARTD_ATTRS = \$\(STARTD_ATTRS\) AnnexName IsAnnex HasScratch Site$/m,
  );
  assert.match(text, /^MASTER_ATTRS = \$\(MASTER_ATTRS\) AnnexName IsAnnex$/m);
});

test("nodes authenticate by what the annex's credential is", () => {
  assert.match(annexConfig(annex({ credential: "password" }), SITE), /METHODS = FS, PASSWORD$/m);
  assert.match(annexConfig(annex({ credential: "idtoken" }), SITE), /METHODS = FS, IDTOKENS$/m);
});

test("nodes are reached by way of the collector, because their security group lets nobody in", () => {
  assert.match(annexConfig(annex(), SITE), /^CCB_ADDRESS = \$\(COLLECTOR_HOST\)$/m);
});

test("nodes that the pool's machines reach directly have one port for it, and nobody calls them back", () => {
  const text = annexConfig(annex({ publicIp: true, directFrom: ["203.0.113.0/24"] }), SITE);
  assert.doesNotMatch(text, /CCB/);
  assert.match(text, /^# .* 203\.0\.113\.0\/24 in.*\nUSE_SHARED_PORT = True\nSHARED_PORT_PORT = 9618$/m);
});

test("nodes take neither the pool's user domain nor its file system domain", () => {
  const text = annexConfig(annex(), SITE);
  assert.match(text, /^UID_DOMAIN = \$\(FULL_HOSTNAME\)$/m);
  assert.match(text, /^FILESYSTEM_DOMAIN = \$\(FULL_HOSTNAME\)$/m);
});
