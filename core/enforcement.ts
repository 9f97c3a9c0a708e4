import { leaseExpiration, UNREADABLE_LEASE_SECONDS } from "./lease.ts";
import { TAG, type Tags } from "./tags.ts";
import type { UnixTime } from "./time.ts";

/** What the lease enforcer must know of an instance. */
export type EnforcedInstance = {
  readonly id: string;
  /** ARN of its instance profile: what says that it is ours. */
  readonly profileArn: string | undefined;
  readonly launched: UnixTime;
  readonly tags: Tags;
};

/** Since when instances have had no lease that can be believed, by id. */
export type Unreadable = Readonly<Record<string, UnixTime>>;

export type EnforcementPorts = {
  /** Every instance of the region that is not ending, all pages. */
  instances(): Promise<readonly EnforcedInstance[]>;
  /** These instances as they are now; those that are gone are left out. */
  again(ids: readonly string[]): Promise<readonly EnforcedInstance[]>;
  /** Terminates all of them or, when it throws, none. */
  terminate(ids: readonly string[]): Promise<void>;
  /** What sweeps before this one have seen; only asked when it matters. */
  unreadable(): Promise<Unreadable>;
  now(): UnixTime;
};

export type EnforcementSettings = {
  /** `arn:…:instance-profile/updraft/`, with its slash at the end. */
  readonly profilePrefix: string;
  readonly maxLeaseSeconds: number;
};

export type Ended = { readonly id: string; readonly annex: string; readonly reason: string };
export type NotEnded = Ended & { readonly error: string };

export type Sweep = {
  readonly seen: number;
  readonly unreadable: Unreadable;
  readonly ended: readonly Ended[];
  readonly notEnded: readonly NotEnded[];
};

/** Small enough that halving around one bad id is quick, large enough for any annex. */
const TERMINATED_AT_ONCE = 100;
const DESCRIBED_AT_ONCE = 200;

/**
 * Since when an instance has had no lease that can be believed; undefined when it has one. A young one has had none
 * since its launch; an older one may have lost it just now, and must not lose its work without any warning.
 */
export function unreadableSince(
  { id, tags, launched }: EnforcedInstance,
  settings: EnforcementSettings,
  now: UnixTime,
  before: Unreadable,
): UnixTime | undefined {
  if (leaseExpiration(tags, now, settings.maxLeaseSeconds) !== undefined) return undefined;
  const first = now - launched <= UNREADABLE_LEASE_SECONDS ? launched : now;
  const seen = Object.hasOwn(before, id) ? before[id] : undefined;
  return seen === undefined ? first : Math.max(launched, Math.min(first, seen));
}

/** Why an instance must end now; undefined when it need not. */
export function overdue(
  instance: EnforcedInstance,
  settings: EnforcementSettings,
  now: UnixTime,
  before: Unreadable,
): Ended | undefined {
  const { id, tags, profileArn } = instance;
  if (profileArn === undefined || !profileArn.startsWith(settings.profilePrefix)) return undefined;
  const annex = tags[TAG.annex] ?? "";
  const since = unreadableSince(instance, settings, now, before);
  if (since !== undefined) {
    const seconds = Math.round(now - since);
    return seconds < UNREADABLE_LEASE_SECONDS
      ? undefined
      : { id, annex, reason: `no readable lease for ${seconds} s` };
  }
  const expiration = leaseExpiration(tags, now, settings.maxLeaseSeconds) ?? now;
  if (expiration > now) return undefined;
  return { id, annex, reason: `lease ended ${Math.round(now - expiration)} s ago` };
}

/** Ends every instance of ours whose lease is over. With dryRun it only says which. */
export async function sweep(
  ports: EnforcementPorts,
  settings: EnforcementSettings,
  dryRun: boolean,
): Promise<Sweep> {
  const all = await ports.instances();
  const ours = all.filter(({ profileArn }) => profileArn?.startsWith(settings.profilePrefix) === true);
  const lost = (before: Unreadable): Record<string, UnixTime> =>
    Object.fromEntries(
      ours.flatMap((instance) => {
        const since = unreadableSince(instance, settings, ports.now(), before);
        return since === undefined ? [] : [[instance.id, since]];
      }),
    );
  const unreadable = lost(Object.keys(lost({})).length === 0 ? {} : await ports.unreadable());
  const due = (instances: readonly EnforcedInstance[]): Ended[] =>
    instances.flatMap((instance) => overdue(instance, settings, ports.now(), unreadable) ?? []);
  const suspects = due(ours);
  if (dryRun) return { seen: ours.length, unreadable, ended: suspects, notEnded: [] };

  const ended: Ended[] = [];
  const notEnded: NotEnded[] = [];
  for (const batch of chunks(suspects, DESCRIBED_AT_ONCE)) {
    // A lease may have been renewed since the first look.
    const doomed = due(await ports.again(batch.map(({ id }) => id)));
    for (const part of chunks(doomed, TERMINATED_AT_ONCE)) await terminate(part);
  }
  return { seen: ours.length, unreadable, ended, notEnded };

  /** One bad id fails the whole call and nothing is terminated, so a failed batch is halved down to that id. */
  async function terminate(batch: readonly Ended[]): Promise<void> {
    try {
      await ports.terminate(batch.map(({ id }) => id));
      ended.push(...batch);
    } catch (error) {
      const [first] = batch;
      if (batch.length === 1 && first !== undefined) {
        notEnded.push({ ...first, error: error instanceof Error ? error.name : String(error) });
        return;
      }
      const half = Math.ceil(batch.length / 2);
      await terminate(batch.slice(0, half));
      await terminate(batch.slice(half));
    }
  }
}

/** CloudWatch's embedded metric format: the log line that becomes the metric `CompleteSweep`, whose absence is the alarm. */
export function completeSweepMetric(stack: string, now: UnixTime): string {
  return JSON.stringify({
    _aws: {
      Timestamp: Math.round(now * 1000),
      CloudWatchMetrics: [
        {
          Namespace: "Updraft",
          Dimensions: [["Stack"]],
          Metrics: [{ Name: "CompleteSweep", Unit: "Count" }],
        },
      ],
    },
    Stack: stack,
    CompleteSweep: 1,
  });
}

/** What is told to those who subscribed to the account's topic. */
export function sweepMessage({ ended, notEnded }: Sweep): { subject: string; message: string } {
  const line = ({ id, annex, reason }: Ended): string => `${id} (annex ${annex}): ${reason}`;
  return {
    subject:
      notEnded.length === 0
        ? `Updraft ended ${ended.length} instances`
        : `Updraft could not end ${notEnded.length} instances`,
    message: [
      ...ended.map((instance) => `ended ${line(instance)}`),
      ...notEnded.map((instance) => `NOT ended ${line(instance)}: ${instance.error}`),
    ].join("\n"),
  };
}

/** What an earlier sweep wrote down; empty for a text that is none of ours. */
export function parseUnreadable(text: string): Unreadable {
  try {
    const { unreadable } = JSON.parse(text) as { unreadable?: Record<string, unknown> };
    return Object.fromEntries(
      Object.entries(unreadable ?? {}).flatMap(([id, since]) =>
        typeof since === "number" ? [[id, since]] : [],
      ),
    );
  } catch {
    return {};
  }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
