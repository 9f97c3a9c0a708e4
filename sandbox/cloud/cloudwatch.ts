import { ACCOUNT, REGION, type Handlers } from "./service.ts";
import { jsonAnswer } from "./wire/answer.ts";
import { AwsError } from "./wire/error.ts";
import { list, record, text, texts, type Parameters, type Value } from "./wire/parameters.ts";

type Datum = { time: number; value: number };
type Alarm = Parameters & { AlarmName: string; AlarmArn: string; StateValue: string };
type Series = { namespace: string; name: string; dimensions: Record<string, string>; data: Datum[] };

export type CloudWatch = ReturnType<typeof cloudWatch>;

const JSON_TYPE = "application/x-amz-json-1.0";
/** A series keeps this many of its latest values. */
const MOST_DATA = 10_000;

/** Metrics and alarms: the SDK speaks JSON to CloudWatch, which the emulator does not understand. */
export function cloudWatch(now: () => number) {
  const alarms = new Map<string, Alarm>();
  const series = new Map<string, Series>();

  function put(namespace: string, name: string, dimensions: Record<string, string>, datum: Datum): void {
    const key = JSON.stringify([namespace, name, Object.entries(dimensions).sort()]);
    const one = series.get(key) ?? { namespace, name, dimensions, data: [] };
    one.data.push(datum);
    if (one.data.length > MOST_DATA) one.data.shift();
    series.set(key, one);
  }

  function find(namespace: string, name: string, dimensions: Record<string, string>): Datum[] {
    const key = JSON.stringify([namespace, name, Object.entries(dimensions).sort()]);
    return series.get(key)?.data ?? [];
  }

  /** As EC2's alarms do it: the last periods, missing ones treated as the alarm says. */
  function stateOf(alarm: Alarm): string {
    const period = Number(text(alarm["Period"]) ?? "60");
    const periods = Number(text(alarm["EvaluationPeriods"]) ?? "1");
    const needed = Number(text(alarm["DatapointsToAlarm"]) ?? String(periods));
    const threshold = Number(text(alarm["Threshold"]) ?? "0");
    const missing = text(alarm["TreatMissingData"]) ?? "missing";
    const data = find(
      text(alarm["Namespace"]) ?? "",
      text(alarm["MetricName"]) ?? "",
      dimensionsOf(alarm["Dimensions"]),
    );
    const end = Math.floor(now() / period) * period;
    let breaching = 0;
    let known = 0;
    for (let i = 1; i <= periods; i++) {
      const within = data.filter((d) => d.time >= end - i * period && d.time < end - (i - 1) * period);
      const value = statistic(text(alarm["Statistic"]) ?? "Sum", within);
      if (value === undefined) {
        if (missing === "breaching") breaching++;
        if (missing === "breaching" || missing === "notBreaching") known++;
        continue;
      }
      known++;
      if (compare(text(alarm["ComparisonOperator"]) ?? "", value, threshold)) breaching++;
    }
    if (breaching >= needed) return "ALARM";
    return known === 0 ? "INSUFFICIENT_DATA" : "OK";
  }

  const handlers: Handlers = {
    async PutMetricData({ request }) {
      const namespace = text(request.parameters["Namespace"]) ?? "";
      for (const datum of list(request.parameters["MetricData"]).map(record)) {
        const values = [text(datum["Value"]), ...texts(datum["Values"])].filter((v) => v !== undefined);
        for (const value of values)
          put(namespace, text(datum["MetricName"]) ?? "", dimensionsOf(datum["Dimensions"]), {
            time: timeOf(datum["Timestamp"]) ?? now(),
            value: Number(value),
          });
      }
      return jsonAnswer({}, 200, JSON_TYPE);
    },
    async GetMetricStatistics({ request }) {
      const { parameters } = request;
      const period = Number(text(parameters["Period"]) ?? "60");
      const from = timeOf(parameters["StartTime"]) ?? 0;
      const to = timeOf(parameters["EndTime"]) ?? now();
      const name = text(parameters["MetricName"]) ?? "";
      const within = find(
        text(parameters["Namespace"]) ?? "",
        name,
        dimensionsOf(parameters["Dimensions"]),
      ).filter((d) => d.time >= from && d.time < to);
      const grouped = Map.groupBy(within, (d) => Math.floor(d.time / period) * period);
      return jsonAnswer(
        {
          Label: name,
          Datapoints: [...grouped].map(([start, data]) => ({
            Timestamp: start,
            Unit: "None",
            ...Object.fromEntries(texts(parameters["Statistics"]).map((s) => [s, statistic(s, data)])),
          })),
        },
        200,
        JSON_TYPE,
      );
    },
    async ListMetrics({ request }) {
      const namespace = text(request.parameters["Namespace"]);
      const found = [...series.values()].filter((s) => namespace === undefined || s.namespace === namespace);
      return jsonAnswer(
        {
          Metrics: found.map((s) => ({
            Namespace: s.namespace,
            MetricName: s.name,
            Dimensions: Object.entries(s.dimensions).map(([Name, Value]) => ({ Name, Value })),
          })),
        },
        200,
        JSON_TYPE,
      );
    },
    async PutMetricAlarm({ request }) {
      const AlarmName = text(request.parameters["AlarmName"]) ?? "";
      if (AlarmName === "") throw new AwsError("ValidationError", "An alarm needs a name");
      alarms.set(AlarmName, {
        ...request.parameters,
        AlarmName,
        AlarmArn: `arn:aws:cloudwatch:${REGION}:${ACCOUNT}:alarm:${AlarmName}`,
        StateValue: "INSUFFICIENT_DATA",
      });
      return jsonAnswer({}, 200, JSON_TYPE);
    },
    async DescribeAlarms({ request }) {
      const names = texts(request.parameters["AlarmNames"]);
      const prefix = text(request.parameters["AlarmNamePrefix"]) ?? "";
      const found = [...alarms.values()].filter(
        (a) => (names.length === 0 || names.includes(a.AlarmName)) && a.AlarmName.startsWith(prefix),
      );
      return jsonAnswer(
        { MetricAlarms: found.map((a) => ({ ...a, StateValue: stateOf(a) })), CompositeAlarms: [] },
        200,
        JSON_TYPE,
      );
    },
    async DeleteAlarms({ request }) {
      for (const name of texts(request.parameters["AlarmNames"])) alarms.delete(name);
      return jsonAnswer({}, 200, JSON_TYPE);
    },
  };
  return {
    handlers,
    put,
    names: (): string[] => [...alarms.keys()],
    /** Tells what every alarm whose state has changed is to do about it. */
    settle(act: (alarmArn: string, topicArn: string, state: string) => void): void {
      for (const alarm of alarms.values()) {
        const state = stateOf(alarm);
        if (state === alarm.StateValue) continue;
        alarm.StateValue = state;
        const actions = { ALARM: "AlarmActions", OK: "OKActions" }[state];
        for (const topic of texts(actions && alarm[actions])) act(alarm.AlarmArn, topic, state);
      }
    },
  };
}

function statistic(name: string, data: readonly Datum[]): number | undefined {
  if (data.length === 0) return undefined;
  const values = data.map((d) => d.value);
  const sum = values.reduce((a, b) => a + b, 0);
  const known: Record<string, number> = {
    Sum: sum,
    SampleCount: values.length,
    Average: sum / values.length,
    Minimum: Math.min(...values),
    Maximum: Math.max(...values),
  };
  return known[name];
}

function compare(operator: string, value: number, threshold: number): boolean {
  switch (operator) {
    case "LessThanThreshold":
      return value < threshold;
    case "LessThanOrEqualToThreshold":
      return value <= threshold;
    case "GreaterThanThreshold":
      return value > threshold;
    default:
      return value >= threshold;
  }
}

function dimensionsOf(value: Value): Record<string, string> {
  return Object.fromEntries(
    list(value)
      .map(record)
      .map((d) => [text(d["Name"]) ?? "", text(d["Value"]) ?? ""]),
  );
}

/** The JSON protocol sends times as Unix seconds. */
function timeOf(value: Value): number | undefined {
  if (typeof value === "number") return value;
  const parsed = typeof value === "string" ? Date.parse(value) / 1000 : NaN;
  return Number.isNaN(parsed) ? undefined : parsed;
}
