import {
  ListRulesCommand,
  ListTargetsByRuleCommand,
  type EventBridgeClient,
} from "@aws-sdk/client-eventbridge";
import { randomUUID } from "node:crypto";
import { ACCOUNT, REGION } from "../service.ts";

export type Schedule = ReturnType<typeof schedule>;

type Rule = {
  name: string;
  arn: string;
  seconds: number;
  targets: { arn: string; input: string | undefined }[];
};

const UNIT_SECONDS: Record<string, number> = { minute: 60, hour: 3600, day: 86400 };

/** Calls the targets of scheduled rules; the rules themselves are the emulator's, read again after every change. */
export function schedule(world: {
  events: EventBridgeClient;
  period: () => number | undefined;
  trigger: (functionArn: string, ruleArn: string, event: unknown) => boolean;
  log: (line: string) => void;
}) {
  let timers: { key: string; timer: NodeJS.Timeout }[] = [];
  let turn: Promise<void> = Promise.resolve();

  function fire(rule: Rule): void {
    for (const target of rule.targets) {
      const event: unknown =
        target.input === undefined
          ? {
              version: "0",
              id: randomUUID(),
              "detail-type": "Scheduled Event",
              source: "aws.events",
              account: ACCOUNT,
              time: new Date().toISOString(),
              region: REGION,
              resources: [rule.arn],
              detail: {},
            }
          : JSON.parse(target.input);
      if (!world.trigger(target.arn, rule.arn, event))
        world.log(`rule ${rule.name} may not call ${target.arn}, or it is not there`);
    }
  }

  async function reload(): Promise<void> {
    const rules = await read(world.events);
    const wanted = new Map(
      rules.map((rule) => {
        const seconds = world.period() ?? rule.seconds;
        return [JSON.stringify([rule, seconds]), { rule, seconds }] as const;
      }),
    );
    for (const { key, timer } of timers) if (!wanted.has(key)) clearInterval(timer);
    timers = timers.filter(({ key }) => wanted.has(key));
    for (const [key, { rule, seconds }] of wanted)
      if (!timers.some((t) => t.key === key))
        timers.push({ key, timer: setInterval(() => fire(rule), seconds * 1000) });
  }

  return {
    /** One after the other, or two could each make a timer for one rule. */
    reload(): Promise<void> {
      turn = turn.then(reload, reload);
      return turn;
    },
    stop(): void {
      for (const { timer } of timers) clearInterval(timer);
      timers = [];
    },
  };
}

async function read(events: EventBridgeClient): Promise<Rule[]> {
  const { Rules } = await events.send(new ListRulesCommand({}));
  const rules: Rule[] = [];
  for (const rule of Rules ?? []) {
    const seconds = rateSeconds(rule.ScheduleExpression ?? "");
    if (seconds === undefined || rule.State !== "ENABLED") continue;
    const { Targets } = await events.send(new ListTargetsByRuleCommand({ Rule: rule.Name }));
    rules.push({
      name: rule.Name ?? "",
      arn: rule.Arn ?? "",
      seconds,
      targets: (Targets ?? []).map((t) => ({ arn: t.Arn ?? "", input: t.Input })),
    });
  }
  return rules;
}

/** Seconds of `rate(5 minutes)`; undefined for anything else. */
export function rateSeconds(expression: string): number | undefined {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  return unit === undefined ? undefined : Number(count) * (UNIT_SECONDS[unit] ?? 0);
}
