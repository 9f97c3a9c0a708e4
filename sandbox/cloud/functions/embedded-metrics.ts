import { list, record, text, texts, type Parameters } from "../wire/parameters.ts";

export type EmbeddedMetric = {
  namespace: string;
  name: string;
  dimensions: Record<string, string>;
  value: number;
  /** Unix seconds. */
  time: number;
};

/** Metrics in a log line of the embedded metric format; none when it is another line. */
export function embeddedMetrics(line: string): EmbeddedMetric[] {
  const root = parse(line);
  const aws = record(root?.["_aws"]);
  const time = Number(text(aws["Timestamp"]) ?? "NaN") / 1000;
  if (root === undefined || Number.isNaN(time)) return [];
  return list(aws["CloudWatchMetrics"])
    .map(record)
    .flatMap((directive) => {
      const sets = list(directive["Dimensions"]).map(texts);
      return list(directive["Metrics"])
        .map(record)
        .flatMap((metric) => {
          const name = text(metric["Name"]) ?? "";
          const value = root[name];
          if (typeof value !== "number") return [];
          return (sets.length > 0 ? sets : [[]]).map((keys) => ({
            namespace: text(directive["Namespace"]) ?? "",
            name,
            dimensions: Object.fromEntries(keys.map((key) => [key, text(root[key]) ?? ""])),
            value,
            time,
          }));
        });
    });
}

function parse(line: string): Parameters | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return record(JSON.parse(line) as Parameters);
  } catch {
    return undefined;
  }
}
