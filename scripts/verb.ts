import type { OptionRow, Options } from "./options.ts";

/** A verb of `updraft`: its table is its help. */
export type Verb = {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly options: readonly OptionRow[];
  readonly maxPositionals: number;
  run(options: Options): Promise<void>;
};
