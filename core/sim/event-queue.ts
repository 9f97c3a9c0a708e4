/** What happens when, in order of time, then of kind, then of scheduling: so that a run does not depend on chance. */
export type EventQueue = {
  readonly size: number;
  /** Time of the next event; infinite when there is none. */
  readonly time: number;
  push(time: number, kind: number, subject: number, version: number): void;
  /** Removes the next event into `taken`. */
  take(): void;
  readonly taken: { time: number; kind: number; subject: number; version: number };
};

type Entry = { time: number; kind: number; serial: number; subject: number; version: number };

/** A binary heap. */
export function eventQueue(): EventQueue {
  const heap: Entry[] = [];
  let serial = 0;
  const taken = { time: 0, kind: 0, subject: 0, version: 0 };

  const sink = (entry: Entry): void => {
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let least = left;
      if (right !== undefined && before(right, left)) {
        least = right;
        child++;
      }
      if (!before(least, entry)) break;
      heap[i] = least;
      i = child;
    }
    heap[i] = entry;
  };

  return {
    get size() {
      return heap.length;
    },
    get time() {
      return heap[0]?.time ?? Number.POSITIVE_INFINITY;
    },
    taken,
    push(time, kind, subject, version) {
      const entry = { time, kind, serial: serial++, subject, version };
      let i = heap.length;
      heap.push(entry);
      while (i > 0) {
        const parent = (i - 1) >> 1;
        const above = heap[parent];
        if (above === undefined || !before(entry, above)) break;
        heap[i] = above;
        i = parent;
      }
      heap[i] = entry;
    },
    take() {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) throw new Error("there is no event to take");
      if (heap.length > 0) sink(last);
      taken.time = first.time;
      taken.kind = first.kind;
      taken.subject = first.subject;
      taken.version = first.version;
    },
  };
}

function before(a: Entry, b: Entry): boolean {
  if (a.time !== b.time) return a.time < b.time;
  if (a.kind !== b.kind) return a.kind < b.kind;
  return a.serial < b.serial;
}
