import { attributeLine, type AttributeValue } from "./classad.ts";
import type { AnnexState, HookState } from "./hook-state.ts";
import type { UnixTime } from "./time.ts";
import type { Held } from "./veto.ts";

/** What a run of the hook prints, and what it leaves to the next. */
export type HookOutput = {
  /** What the last run knew, and which annexes there are now; those of the last run unless named. */
  use(state: HookState, annexes?: readonly string[]): void;
  before(annex: string): AnnexState | undefined;
  measured(annex: string, state: AnnexState): void;
  /** What was known of the annex stands, with the reason why nothing was done. */
  held(annex: string, held: Held, tickSeconds: number, now: UnixTime): void;
  /** The run as a whole failed: every annex that has not been measured keeps what was known of it. */
  failed(reason: string, now: UnixTime): void;
  state(): HookState;
  /** What is printed of an annex, by name without the prefix. */
  said(annex: string): Readonly<Record<string, AttributeValue>>;
  /** All attributes in one piece: in the schedd each piece replaces the one before. */
  text(): string;
};

export function hookOutput(): HookOutput {
  let last: HookState = {};
  let annexes: readonly string[] = [];
  const now = new Map<string, AnnexState>();
  // What is not printed stays as it was published, so an error is taken back by name.
  const lines = new Map<string, AttributeValue>([["LastError", undefined]]);

  const print = (annex: string, attributes: Readonly<Record<string, AttributeValue>>): void => {
    for (const [name, value] of Object.entries(attributes)) lines.set(`${annex}_${name}`, value);
  };
  const held: HookOutput["held"] = (annex, { limitedBy, reason }, tickSeconds, at) =>
    print(annex, {
      ...last[annex]?.attributes,
      SensorAge: age(last[annex]?.attributes["MeasuredAt"], at),
      Recommended: 0,
      Ordered: 0,
      Released: 0,
      LimitedBy: limitedBy,
      Reason: `nothing is ordered or released: ${reason}`,
      LastError: reason,
      TickSeconds: tickSeconds,
    });
  return {
    use(state, named = Object.keys(state)) {
      last = state;
      annexes = named;
    },
    before: (annex) => last[annex],
    measured(annex, state) {
      now.set(annex, state);
      print(annex, state.attributes);
    },
    held,
    failed(reason, at) {
      for (const annex of annexes) if (!now.has(annex)) held(annex, { limitedBy: "Error", reason }, 0, at);
      lines.set("LastError", reason);
    },
    state: () =>
      Object.fromEntries(
        annexes.flatMap((annex) => {
          const state = now.get(annex) ?? last[annex];
          return state === undefined ? [] : [[annex, state]];
        }),
      ),
    said: (annex) =>
      Object.fromEntries(
        [...lines].flatMap(([name, value]) =>
          name.startsWith(`${annex}_`) ? [[name.slice(annex.length + 1), value]] : [],
        ),
      ),
    text: () => [...lines].map(([name, value]) => `${attributeLine(name, value)}\n`).join(""),
  };
}

/** How old what was last measured is; undefined when nothing ever was. */
function age(measuredAt: AttributeValue, now: UnixTime): number | undefined {
  return typeof measuredAt === "number" ? Math.max(0, Math.floor(now - measuredAt)) : undefined;
}
