import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { createTar } from "nanotar";
import { CONFIG_FILE_NAME, MAX_UNPACKED_BYTES, readConfigTarball } from "../../core/node-tarball.ts";

type Header = { name?: string; type?: string; link?: string; prefix?: string; size?: string; data?: string };

/** One entry as a hostile writer could make it, with a right checksum. */
function entry({
  name = "a.config",
  type = "0",
  link = "",
  prefix = "",
  size,
  data = "",
}: Header): Uint8Array {
  const header = Buffer.alloc(512);
  header.write(name, 0, 100, "latin1");
  header.write("0000644\0", 100);
  header.write(size ?? `${data.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write("ustar\u000000", 257);
  header.write(prefix, 345, 155);
  header.write("        ", 148);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  const body = Buffer.alloc(Math.ceil(data.length / 512) * 512);
  body.write(data);
  return Buffer.concat([header, body]);
}
const archive = (...entries: Uint8Array[]): Uint8Array => Buffer.concat([...entries, Buffer.alloc(1024)]);

describe("a configuration tarball", () => {
  it("gives back the files that were put in, whatever they hold", () => {
    const name = fc.stringMatching(/^[0-9A-Za-z_][0-9A-Za-z._-]{0,20}$/).map((stem) => `${stem}.config`);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ name, data: fc.uint8Array({ maxLength: 2000 }) }), {
          selector: (file) => file.name,
          minLength: 1,
          maxLength: 12,
        }),
        (files) => {
          const read = readConfigTarball(createTar(files));
          assert.ok(typeof read !== "string", String(read));
          assert.deepEqual(
            read.map(({ name, data }) => ({ name, data: [...data] })),
            files.map(({ name, data }) => ({ name, data: [...data] })),
          );
        },
      ),
    );
  });

  it("never yields a name that is more than a file of config.d, whatever the bytes", () => {
    const blocks = fc.uint8Array({ minLength: 512, maxLength: 2048 });
    fc.assert(
      fc.property(blocks, fc.string({ maxLength: 100 }), (noise, name) => {
        for (const tar of [noise, archive(entry({ name, data: "x" }))]) {
          const read = readConfigTarball(tar);
          assert.ok(typeof read === "string" || read.every((file) => CONFIG_FILE_NAME.test(file.name)));
        }
      }),
    );
  });

  const refused: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["a path", archive(entry({ name: "d/a.config" })), /not named like/],
    ["a path upwards", archive(entry({ name: "../a.config" })), /not named like/],
    ["an absolute path", archive(entry({ name: "/etc/passwd" })), /not named like/],
    ["a path in the prefix field", archive(entry({ prefix: "/etc/cron.d" })), /not named like/],
    ["a hidden file", archive(entry({ name: ".a.config" })), /not named like/],
    ["a script", archive(entry({ name: "a.sh" })), /not named like/],
    ["a symbolic link", archive(entry({ type: "2", link: "/etc/shadow" })), /not a regular file/],
    ["a hard link", archive(entry({ type: "1", link: "/etc/shadow" })), /not a regular file/],
    ["a regular file with a target", archive(entry({ link: "/etc/shadow" })), /is a link/],
    ["a directory", archive(entry({ name: "a.config/", type: "5" })), /not a regular file/],
    ["a device", archive(entry({ type: "3" })), /not a regular file/],
    ["a pax header", archive(entry({ type: "x", data: "30 path=../../etc/passwd\n" })), /not a regular file/],
    ["a long name of GNU", archive(entry({ type: "L", data: "../../x" }), entry({})), /not a regular file/],
    ["a sparse file", archive(entry({ type: "S" })), /not a regular file/],
    ["the node's own file", archive(entry({ name: "60-updraft-node.config" })), /its own/],
    ["a name twice", archive(entry({}), entry({})), /twice/],
    ["a size beyond its end", archive(entry({ size: "00000100000\0" })), /cut off/],
    ["a negative size", archive(entry({ size: "-0000000001\0" })), /size/],
    ["a size in base 256", archive(entry({ size: "\u0080\u0000\u0000\u0001" })), /size/],
    [
      "too many files",
      archive(...Array.from({ length: 65 }, (_, i) => entry({ name: `${i}.config` }))),
      /more than 64/,
    ],
    ["too many bytes", new Uint8Array(MAX_UNPACKED_BYTES + 512), /more than/],
    ["no file at all", archive(), /no file/],
    ["nothing", new Uint8Array(0), /cut off or no tar/],
    ["half a block", archive(entry({})).slice(0, 700), /cut off or no tar/],
    ["something that is no archive", new Uint8Array(1024).fill(65), /no tar archive/],
    ["something after its end", Buffer.concat([archive(entry({})), Buffer.alloc(512, 1)]), /after its end/],
  ];
  for (const [what, tar, why] of refused) {
    it(`with ${what} is refused`, () => {
      const read = readConfigTarball(tar);
      assert.ok(typeof read === "string", "it was accepted");
      assert.match(read, why);
    });
  }

  it("with a wrong checksum of a header is refused", () => {
    const tar = archive(entry({}));
    tar[0] = 66;
    assert.equal(readConfigTarball(tar), "it is no tar archive");
  });
});
