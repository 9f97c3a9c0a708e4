import { journalEntry, type JournalEntry } from "../../core/journal.ts";
import { order } from "../../core/order.ts";

/** An entry of annex burst, pool pool.test, schedd cm.pool.test, as it stands before its request is sent. */
export function entry(changes: Partial<JournalEntry> = {}): JournalEntry {
  const { count = 3, orderId = "0000000000000001", orderedAt = 1000 } = changes;
  const owner = { annex: "burst", pool: "pool.test", schedd: "cm.pool.test" };
  const made = order({
    ...owner,
    id: orderId,
    owner: "alice",
    market: "on-demand",
    count,
    orderedAt,
    leaseExpiration: orderedAt + 3600,
    idleSeconds: 600,
    maxPrice: undefined,
    imageId: "ami-0123456789abcdef0",
    subnets: ["subnet-1"],
    types: [{ type: "m7i.large", burstable: false }],
    template: { id: "lt-1", version: "1" },
    burstableTemplate: { id: "lt-2", version: "1" },
    tags: {},
  });
  return { ...journalEntry(made, owner, "us-east-1", orderedAt), ...changes };
}
