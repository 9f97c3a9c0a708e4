import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { messageOf, UpdraftError } from "../core/errors.ts";
import { workloadReader, type Format } from "../core/sim/history/detect.ts";
import type { ReadWorkload } from "../core/sim/history/reader.ts";

/** Reads a trace or history, gzip or not, piece by piece; `-` is standard input. */
export async function readWorkload(path: string, format?: Format): Promise<ReadWorkload> {
  const reader = workloadReader(format);
  const decoder = new TextDecoder("utf-8");
  const source = path === "-" ? process.stdin : createReadStream(path);
  try {
    await pipeline(source, unzip, async (pieces: AsyncIterable<Buffer>) => {
      for await (const piece of pieces) reader.push(decoder.decode(piece, { stream: true }));
    });
    reader.push(decoder.decode());
    return reader.end();
  } catch (error) {
    if (error instanceof UpdraftError)
      throw new UpdraftError(error.kind, `${path}: ${error.message}`, error.remedy);
    throw new UpdraftError(
      "usage",
      `could not read ${path}: ${messageOf(error)}`,
      "Give the path of a readable file; one that ends in the middle of its compression was cut short.",
      error,
    );
  }
}

/** Unzips what begins as gzip does, whatever its name. */
async function* unzip(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return;
  const all = async function* (): AsyncGenerator<Buffer> {
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => iterator };
  };
  if (first.value[0] !== 0x1f || first.value[1] !== 0x8b) {
    yield* all();
    return;
  }
  const gunzip = createGunzip();
  const feeding = pipeline(all(), gunzip);
  // A failure shows in the reading below.
  feeding.catch(() => undefined);
  yield* gunzip as AsyncIterable<Buffer>;
  await feeding;
}
