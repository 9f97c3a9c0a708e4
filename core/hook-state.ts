import type { AttributeValue } from "./classad.ts";
import { UpdraftError } from "./errors.ts";
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

export function formatHookState(state: HookState, schedd: string): string {
  return `${JSON.stringify({ format: FORMAT, schedd, annexes: state })}\n`;
}

/** Throws when the state is another schedd's: two that share a directory would take each other's memory away. */
export function checkOwnState(text: string, schedd: string, directory: string): void {
  const { schedd: before } = record(parsed(text));
  if (typeof before !== "string" || before === schedd) return;
  throw new UpdraftError(
    "config",
    `the state in ${directory} is of schedd ${before}, and this is schedd ${schedd}`,
    `Give each schedd an UPDRAFT_STATE_DIR of its own; if this one was named ${before} before, remove ${directory}/${STATE_FILE}.`,
  );
}

/** Whatever cannot be read, also what another version wrote, is no state. */
export function parseHookState(text: string): HookState {
  const { format, annexes } = record(parsed(text));
  if (format !== FORMAT) return {};
  return Object.fromEntries(
    Object.entries(record(annexes)).map(([annex, state]) => {
      const { attributes, memory } = record(state);
      return [annex, { attributes: values(record(attributes)), memory: parseMemory(memory) }];
    }),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function values(found: Readonly<Record<string, unknown>>): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(found).filter(
      (entry): entry is [string, string | number | boolean] =>
        /^[A-Za-z]\w{0,60}$/.test(entry[0]) && ["string", "number", "boolean"].includes(typeof entry[1]),
    ),
  );
}
