import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  NO_WAIT_VALUE_MEMORY,
  readWaitValueMemory,
  type WaitValueMemory,
} from "../../../core/laws/wait-value-memory.ts";
import { waitValue } from "../../../core/laws/wait-value.ts";
import { limits, machine, NOW, request, seen, waiting } from "./scene.ts";

function learned(): WaitValueMemory {
  let memory = waitValue.initial;
  for (let i = 0; i < 40; i++) {
    const look = seen({
      now: NOW + i * 60,
      waiting: [waiting(i % 3)],
      machines: [machine({ jobs: [60 * i], group: "user __proto__" }), machine({ joined: NOW + i * 60 - 5 })],
      arrived: [{ ...request(), count: 2 }],
      completed: [{ group: "user bob", seconds: 90 * i }],
    });
    ({ memory } = waitValue.decide(look, memory, limits()));
  }
  return memory;
}

test("what the law has learned survives the file that it is kept in", () => {
  const memory = learned();
  assert.deepEqual(readWaitValueMemory(JSON.parse(JSON.stringify(memory))), memory);
  assert.deepEqual(readWaitValueMemory(NO_WAIT_VALUE_MEMORY), NO_WAIT_VALUE_MEMORY);
});

test("whatever else is in the file, the law begins anew rather than go by it", () => {
  const memory = learned();
  const wrongs: unknown[] = [
    null,
    [],
    { ...memory, looks: -1 },
    { ...memory, meanShare: Number.NaN },
    { ...memory, boots: "many" },
    { ...memory, gaps: { ...memory.gaps, counts: [1] } },
    { ...memory, runTimes: { ...memory.runTimes, groups: { alice: { ends: [], hours: [] } } } },
    { ...memory, arrivals: { perLook: Array.from({ length: 30_000 }, () => 0) } },
  ];
  for (const wrong of wrongs) assert.deepEqual(readWaitValueMemory(wrong), NO_WAIT_VALUE_MEMORY);
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(memory)), (value, key) => {
      const read = readWaitValueMemory({ ...memory, [key]: value });
      waitValue.decide(seen({ waiting: [waiting(3)] }), read, limits());
    }),
  );
});
