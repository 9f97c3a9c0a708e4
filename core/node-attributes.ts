import { classAdString } from "./node-config.ts";
import { nodeEnd, type NodeEnd } from "./node-end.ts";
import type { NodeState } from "./node-state.ts";
import type { UnixTime } from "./time.ts";

const STEP_NAME = /^[A-Z][A-Za-z0-9]{0,40}$/;

/** This machine's wall clock and its uptime, read together. */
export type Clocks = { readonly wall: UnixTime; readonly uptime: number };

export type NodeAttributes = {
  readonly lines: readonly string[];
  /** Undefined until the guard has said when the node ends. */
  readonly end: NodeEnd | undefined;
};

/**
 * Slot attributes of the node's state; a string is what is wrong with it. Every value is typed here, so that nothing
 * that came from a tag can become an attribute, an expression or a second line.
 */
export function nodeAttributes(text: string, clocks: Clocks): NodeAttributes | string {
  const state = parse(text);
  if (state === undefined) return "it is not a JSON object";
  if (state.format !== 1) return `its format is ${JSON.stringify(state.format)}, not 1`;
  const lines: string[] = [];
  const time = (attribute: string, value: unknown): string | undefined => {
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0 || value > 1e12) {
      return `${attribute} is not a time`;
    }
    lines.push(`${attribute} = ${Number.isInteger(value) ? value : value.toFixed(3)}`);
    return undefined;
  };
  const string = (attribute: string, value: unknown): string | undefined => {
    if (typeof value !== "string" || value.length > 256 || /\p{Cc}/u.test(value)) {
      return `${attribute} is not a string of up to 256 characters`;
    }
    lines.push(`${attribute} = "${classAdString(value)}"`);
    return undefined;
  };
  const steps = Object.entries(state.bootSteps ?? {});
  const wrong =
    time("LeaseExpiration", state.leaseExpiration) ??
    string("OrderId", state.orderId) ??
    time("OrderedAt", state.orderedAt) ??
    string("Pool", state.pool) ??
    string("Schedd", state.schedd) ??
    steps
      .map(([name, at]) =>
        STEP_NAME.test(name) ? time(`Boot${name}`, at) : `a step is named ${JSON.stringify(name)}`,
      )
      .find((problem) => problem !== undefined);
  if (wrong !== undefined) return wrong;
  const end = isGuarded(state) ? nodeEnd(state, clocks.wall, clocks.uptime) : undefined;
  if (state.guard !== undefined && end === undefined) return "what it says of the guard cannot be read";
  if (isGuarded(state) && end !== undefined) {
    const { endReason, stage, released, rebalanceRecommended } = state.guard;
    const wrongEnd = time("EndsAt", end.endsAt) ?? string("EndReason", endReason) ?? string("Stage", stage);
    if (wrongEnd !== undefined) return wrongEnd;
    lines.push(
      `Released = ${released === true}`,
      `RebalanceRecommended = ${rebalanceRecommended === true}`,
      `Guarded = ${end.guarded}`,
      `Ending = ${end.ending}`,
    );
  }
  // An attribute once published stays until it is printed again, so the error is taken back by name.
  return { lines: [...lines, "Error = undefined"], end };
}

type Guarded = NodeState & { readonly guard: NonNullable<NodeState["guard"]> };

function isGuarded(state: object): state is Guarded {
  const { guard, htcondorEndSeconds = 0 } = state as {
    guard?: { endsAt?: unknown; anchor?: { at?: unknown; uptime?: unknown } } | null;
    htcondorEndSeconds?: unknown;
  };
  const numbers = [guard?.endsAt, guard?.anchor?.at, guard?.anchor?.uptime, htcondorEndSeconds];
  return numbers.every((value) => typeof value === "number" && Number.isFinite(value));
}

/** What is printed instead when the state cannot be used: the slot shows why its attributes are old. */
export function errorAttributes(why: string): readonly string[] {
  return [`Error = "${classAdString(why.replace(/\p{Cc}+/gu, " ").slice(0, 256))}"`];
}

function parse(
  text: string,
): (Partial<Record<keyof NodeState, unknown>> & { bootSteps?: object }) | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
