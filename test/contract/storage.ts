import assert from "node:assert/strict";
import { test } from "node:test";
import type { Storage } from "../../core/ports.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What every Storage must do, whatever stands behind it. `elsewhere` is the same bucket believed to be another account's. */
export function storageContract(name: string, storage: () => Storage, elsewhere: () => Storage): void {
  test(`${name}: an object is read as it was written, and one that is not there is undefined`, async () => {
    await storage().put("contract/a", new Uint8Array([0, 255, 10]));
    assert.deepEqual(await storage().get("contract/a"), new Uint8Array([0, 255, 10]));
    assert.equal(await storage().has("contract/a"), true);
    assert.equal(await storage().get("contract/none"), undefined);
    assert.equal(await storage().has("contract/none"), false);
  });

  test(`${name}: only the first of many claims wins`, async () => {
    const claims = await Promise.all(
      Array.from({ length: 5 }, (_, i) => storage().putIfAbsent("contract/claim", bytes(String(i)))),
    );
    assert.equal(claims.filter(Boolean).length, 1);
    assert.equal(
      new TextDecoder().decode(await storage().get("contract/claim")),
      String(claims.indexOf(true)),
    );
    assert.equal(await storage().putIfAbsent("contract/claim", bytes("late")), false);
  });

  test(`${name}: a listing is whole, also beyond one page`, async () => {
    const keys = Array.from({ length: 1005 }, (_, i) => `contract/many/${String(i).padStart(4, "0")}`);
    for (let i = 0; i < keys.length; i += 50) {
      await Promise.all(keys.slice(i, i + 50).map((key) => storage().put(key, bytes(""))));
    }
    const found = await storage().list("contract/many/");
    assert.deepEqual(
      found.map((object) => object.key),
      keys,
    );
    assert.ok(found.every((object) => Math.abs(object.modified - Date.now() / 1000) < 600));
    await storage().remove(keys);
    assert.deepEqual(await storage().list("contract/many/"), []);
  });

  test(`${name}: removing twice is no failure`, async () => {
    await storage().put("contract/b", bytes("b"));
    await storage().remove(["contract/b", "contract/none"]);
    await storage().remove(["contract/b"]);
    assert.equal(await storage().has("contract/b"), false);
  });

  test(`${name}: a bucket of another account is refused`, async () => {
    await assert.rejects(elsewhere().put("contract/c", bytes("c")), { kind: "denied" });
    assert.equal(await storage().has("contract/c"), false);
  });
}
