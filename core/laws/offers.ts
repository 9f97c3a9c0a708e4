import { fits, machinesFor, type Resources, type Shape } from "../packing.ts";
import type { Offer, Order } from "./law.ts";

/** Share of a machine that a job takes, by its scarcest resource. */
export function share(job: Resources, machine: Resources): number {
  return Math.max(
    part(job.cpus, machine.cpus),
    part(job.memory, machine.memory),
    part(job.disk, machine.disk),
    part(job.gpus, machine.gpus),
  );
}

function part(asked: number, has: number): number {
  return asked <= 0 ? 0 : asked / has;
}

/** The same of a machine that has so much left. Asked for every machine at each look. */
export function usedShare(machine: Resources, free: Resources): number {
  let most = 0;
  if (free.cpus < machine.cpus) most = 1 - free.cpus / machine.cpus;
  if (free.memory < machine.memory) most = Math.max(most, 1 - free.memory / machine.memory);
  if (free.disk < machine.disk && Number.isFinite(machine.disk))
    most = Math.max(most, 1 - free.disk / machine.disk);
  if (free.gpus < machine.gpus) most = Math.max(most, 1 - free.gpus / machine.gpus);
  return most;
}

/** The offer on which so many such jobs are cheapest; undefined when none with room holds one. */
export function cheapest(shape: Shape, offers: readonly Offer[]): number | undefined {
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, { machine, price, room }] of offers.entries()) {
    const each = fits(shape, machine);
    if (each === 0 || room < 1) continue;
    const cost = price * Math.max(shape.count / each, Math.min(1, shape.count));
    if (cost < least) {
      least = cost;
      best = i;
    }
  }
  return best;
}

/** Every shape on its cheapest offer, those of one offer packed together. Jobs that no offer holds are left out. */
export function packOnOffers(shapes: readonly Shape[], offers: readonly Offer[]): Order[] {
  const byOffer = Map.groupBy(shapes, (shape) => cheapest(shape, offers));
  return [...byOffer].flatMap(([offer, own]) => {
    const machine = offer === undefined ? undefined : offers[offer]?.machine;
    if (offer === undefined || machine === undefined) return [];
    const { machines } = machinesFor(own, machine);
    return machines === 0 ? [] : [{ offer, count: machines }];
  });
}

/** The first so many of the orders, under each offer's room. */
export function cutOrders(orders: readonly Order[], most: number, offers: readonly Offer[]): Order[] {
  let left = Math.max(0, Math.floor(most));
  const rooms = offers.map(({ room }) => Math.max(0, Math.floor(room)));
  return orders.flatMap(({ offer, count }) => {
    const some = Math.min(count, left, rooms[offer] ?? 0);
    left -= some;
    rooms[offer] = (rooms[offer] ?? 0) - some;
    return some > 0 ? [{ offer, count: some }] : [];
  });
}
