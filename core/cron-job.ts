import type { Setting } from "./knobs.ts";
import { parseDuration } from "./time.ts";

/** The hook as the configuration describes it to the schedd. */
export type CronJob = {
  readonly name: string;
  readonly executable: string;
  readonly prefix: string;
  readonly periodSeconds: number;
  readonly environment: Readonly<Record<string, string>>;
};

const HOOK = "updraft-schedd";

/** The cron job that is our hook; undefined when none is described. */
export function hookJob(settings: readonly Setting[]): CronJob | undefined {
  const value = (name: string): string =>
    settings.find((setting) => setting.name.toUpperCase() === name.toUpperCase())?.value ?? "";
  for (const name of value("SCHEDD_CRON_JOBLIST").split(/[\s,]+/)) {
    const of = (suffix: string): string => value(`SCHEDD_CRON_${name}_${suffix}`);
    const executable = of("EXECUTABLE");
    if (name === "" || !executable.endsWith(`/${HOOK}`)) continue;
    return {
      name,
      executable,
      prefix: of("PREFIX"),
      periodSeconds: parseDuration(of("PERIOD")) ?? 60,
      environment: cronEnvironment(of("ENV")),
    };
  }
  return undefined;
}

/** HTCondor's environment of a job: `"A=b C='d e'"` in double quotes, or `A=b;C=d e` without. */
export function cronEnvironment(text: string): Record<string, string> {
  const quoted = /^"(.*)"$/s.exec(text.trim())?.[1];
  const words =
    quoted === undefined
      ? text.split(";")
      : (quoted.replaceAll('""', '"').match(/(?:'(?:[^']|'')*'|[^\s'])+/g) ?? []).map((word) =>
          word.replace(/'((?:[^']|'')*)'/g, (_, inner: string) => inner.replaceAll("''", "'")),
        );
  return Object.fromEntries(
    words.flatMap((word) => {
      const [, name, value = ""] = /^\s*([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
      return name === undefined ? [] : [[name, value]];
    }),
  );
}
