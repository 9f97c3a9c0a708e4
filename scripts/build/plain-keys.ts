import type { Plugin } from "esbuild";
import { readFile } from "node:fs/promises";

/**
 * In the AWS SDK's schemas keys of objects are names of constants, `[_xN]: …`. esbuild does not look what they are, so
 * it takes each for code that might do something and keeps the schemas of all operations, used or not: a megabyte of
 * EC2's alone. With the constant's text as the key it drops what is not used.
 */
export const plainKeys: Plugin = {
  name: "plain keys",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]@aws-sdk[\\/].*[\\/]schemas[\\/]schemas_\d+\.js$/ }, async ({ path }) => ({
      contents: withPlainKeys(await readFile(path, "utf8")),
      loader: "js",
    }));
  },
};

function withPlainKeys(source: string): string {
  const texts = new Map(
    [...source.matchAll(/^const (_\w+) = ("[^"\\]*");$/gm)].map(([, name = "", text = ""]) => [name, text]),
  );
  return source.replace(/([{,]\s*)\[(_\w+)\]:/g, (key, before: string, name: string) => {
    const text = texts.get(name);
    return text === undefined ? key : `${before}${text}:`;
  });
}
