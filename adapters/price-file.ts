import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { bookOf, formatPrices, parsePrices, type PriceBook } from "../core/prices.ts";
import { writeAtomically } from "./files.ts";

const PRICE_FILE = "prices.json";

/** The prices that `prices --refresh` keeps, over those that the program carries. */
export type PriceFile = {
  book(region: string): Promise<PriceBook>;
  /** Keeps a region's book; those of other regions stay. */
  keep(book: PriceBook): Promise<void>;
};

/** `embedded` is the catalogue as text. */
export function priceFile(directory: string, embedded: () => string): PriceFile {
  const path = join(directory, PRICE_FILE);

  async function kept(): Promise<PriceBook[]> {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw unusable(messageOf(error), error);
    });
    if (text === undefined) return [];
    const books = parsePrices(text);
    if (typeof books === "string") throw unusable(books);
    return books;
  }

  function unusable(why: string, cause?: unknown): UpdraftError {
    return new UpdraftError(
      "config",
      `the prices in ${path} cannot be used: ${why}`,
      "Remove the file, then run updraft prices --refresh for each region; without the file the embedded prices hold.",
      cause,
    );
  }

  return {
    async book(region) {
      const catalogue = parsePrices(embedded());
      if (typeof catalogue === "string") throw new Error(`the embedded catalogue: ${catalogue}`);
      return bookOf(region, await kept(), catalogue);
    },
    async keep(book) {
      const others = (await kept()).filter((one) => one.region !== book.region);
      await writeAtomically(path, formatPrices([...others, book]), 0o644);
    },
  };
}
