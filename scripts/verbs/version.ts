import { VERSION } from "../../core/version.ts";
import { JSON_OUTPUT } from "../options.ts";
import { print, printJson } from "../output.ts";
import type { Verb } from "../verb.ts";

export const version: Verb = {
  name: "version",
  usage: "updraft version [--json]",
  summary: "print the version",
  options: [JSON_OUTPUT],
  maxPositionals: 0,
  async run(options) {
    if (options.is("json")) printJson({ version: VERSION, node: process.version });
    else print(`updraft ${VERSION}`);
  },
};
