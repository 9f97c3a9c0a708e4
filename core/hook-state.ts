import type { AttributeValue } from "./classad.ts";
import { parseMemory, type Memory } from "./hook-memory.ts";
import { record } from "./untrusted.ts";

/** What the hook keeps between two runs, by annex. It may be lost: then there is no history, and nothing worse. */
export type HookState = Readonly<Record<string, AnnexState>>;

export type AnnexState = {
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly memory: Memory;
};

/** In the state directory. */
export const STATE_FILE = "state.json";

const FORMAT = 1;

export function formatHookState(state: HookState): string {
  return `${JSON.stringify({ format: FORMAT, annexes: state })}\n`;
}

/** Whatever cannot be read, also what another version wrote, is no state. */
export function parseHookState(text: string): HookState {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return {};
  }
  const { format, annexes } = record(found);
  if (format !== FORMAT) return {};
  return Object.fromEntries(
    Object.entries(record(annexes)).map(([annex, state]) => {
      const { attributes, memory } = record(state);
      return [annex, { attributes: values(record(attributes)), memory: parseMemory(memory) }];
    }),
  );
}

function values(found: Readonly<Record<string, unknown>>): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(found).filter(
      (entry): entry is [string, string | number | boolean] =>
        /^[A-Za-z]\w{0,60}$/.test(entry[0]) && ["string", "number", "boolean"].includes(typeof entry[1]),
    ),
  );
}
