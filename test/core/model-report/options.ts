/** The options of a pool of fifty machines. */
export const GIVEN = {
  "submission-rate": "100",
  "match-rate": "60",
  "provisioning-rate": "2",
  "completion-rate": "2",
  "idle-termination-rate": "3",
  "running-termination-rate": "0.1",
  "spin-up-delay": "5m",
};

/** These options as the command line would give them, with others in their place. */
export function options(
  others: Readonly<Record<string, string | undefined>> = {},
): (name: string) => string | undefined {
  const all: Readonly<Record<string, string | undefined>> = { ...GIVEN, ...others };
  return (name) => all[name];
}

/** What makes the model the one of the slides. */
export const AS_PRINTED = { matching: "mass-action", evicted: "lost", "idle-end": "rate" };
