/** Tokens a second, and most that wait. */
type Bucket = { readonly refill: number; readonly burst: number };

/** EC2's, of an account in a region. */
const BUCKETS = {
  reading: { refill: 20, burst: 100 },
  writing: { refill: 5, burst: 50 },
  RunInstances: { refill: 2, burst: 5 },
  TerminateInstances: { refill: 5, burst: 100 },
  CreateTags: { refill: 10, burst: 100 },
} as const satisfies Record<string, Bucket>;

export type RateLimits = Partial<Record<keyof typeof BUCKETS, Bucket>>;

/** Token buckets as EC2 has them. `limits` says which are on, `true` all of them, and undefined none. */
export function rateLimits(world: {
  readonly limits: () => RateLimits | true | undefined;
  readonly now: () => number;
}) {
  const left = new Map<string, { tokens: number; at: number }>();
  /** Whether EC2 refuses the request because too many came before. */
  return (service: string, action: string): boolean => {
    const limits = world.limits();
    if (service !== "ec2" || limits === undefined) return false;
    const name = Object.hasOwn(BUCKETS, action)
      ? (action as keyof typeof BUCKETS)
      : /^(Describe|Get|List|Search)/.test(action)
        ? "reading"
        : "writing";
    const bucket = limits === true ? BUCKETS[name] : limits[name];
    if (bucket === undefined) return false;
    const now = world.now();
    const before = left.get(name) ?? { tokens: bucket.burst, at: now };
    const tokens = Math.min(bucket.burst, before.tokens + (now - before.at) * bucket.refill);
    left.set(name, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    return tokens < 1;
  };
}
