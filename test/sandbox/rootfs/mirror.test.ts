import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { aptOptionsOf, sourcesOf } from "../../../sandbox/rootfs/mirror.ts";

describe("the way to Debian's archive", () => {
  test("is the archive that this machine's apt already names, of the suite that we want", () => {
    const targets = [
      "Packages|Docker|Docker|http://mirror.test/docker/",
      "Translations|Debian|Debian|http://wrong.test/debian/",
      "Packages|Debian|Debian|http://mirror.test/debian/",
      "Packages|Debian|Debian-Security|http://mirror.test/security/",
    ].join("\n");
    assert.deepEqual(sourcesOf(targets, "trixie"), [
      "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.test/debian/ trixie main",
      "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.test/security/ trixie-security main",
    ]);
  });

  test("is left to mmdebstrap where apt names none", () => {
    assert.deepEqual(sourcesOf("", "trixie"), []);
    assert.deepEqual(sourcesOf("Packages|Ubuntu|Ubuntu|http://mirror.test/ubuntu/", "trixie"), []);
    assert.deepEqual(sourcesOf("Packages|Debian|Debian-Security|http://mirror.test/security/", "trixie"), []);
  });

  test("takes apt's proxies and checks over, and nothing else", () => {
    const dump = [
      'Acquire::http::Proxy "http://proxy.test:3142";',
      'Acquire::https::Proxy::mirror.test "DIRECT";',
      'Acquire::Check-Valid-Until "false";',
      'Acquire::GzipIndexes "true";',
      'Acquire::http::Proxy "";',
      'APT::Get::Assume-Yes "true";',
    ];
    assert.deepEqual(aptOptionsOf(dump.join("\n")), dump.slice(0, 3));
  });
});
