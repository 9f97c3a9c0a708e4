import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { adStream } from "../../core/ad-stream.ts";

const read = (...chunks: readonly string[]): { ads: string[]; wrong: string | undefined } => {
  const ads: string[] = [];
  const stream = adStream((text) => void ads.push(text));
  for (const chunk of chunks) stream.push(chunk);
  return { ads, wrong: stream.end() };
};

const AD = '{\n  "A": {\n    "b": 1\n  },\n  "C": "}\\n]"\n}';

test("ads come out whole, however they arrive, and of several documents", () => {
  const all = `[\n${AD}\n,\n${AD}\n]\n[\n${AD}\n]\n`;
  assert.deepEqual(read(all), { ads: [AD, AD, AD], wrong: undefined });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
      const chunks: string[] = [];
      for (let at = 0, i = 0; at < all.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        chunks.push(all.slice(at, at + size));
        at += size;
      }
      assert.deepEqual(read(...chunks), { ads: [AD, AD, AD], wrong: undefined });
    }),
  );
  assert.deepEqual(read(""), { ads: [], wrong: undefined });
  assert.deepEqual(read("[\n]\n"), { ads: [], wrong: undefined });
});

test("whatever is cut off anywhere is told to be cut short", () => {
  const all = `[\n${AD}\n,\n${AD}\n]`;
  for (let length = 1; length < all.length; length++) {
    assert.equal(read(all.slice(0, length)).wrong, "it is cut short", `after ${length} characters`);
  }
});

test("what is no list of ads is told, and nothing after it is read", () => {
  for (const wrong of ["error", "]", `${AD}`, "[\nx", `[\n${AD}\n]]`]) {
    assert.match(read(wrong, `[\n${AD}\n]`).wrong ?? "", /stands where an ad should/, wrong);
  }
});
