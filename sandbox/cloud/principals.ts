import { randomBytes } from "node:crypto";
import type { Credentials } from "./ports.ts";

/** Who calls. `arn` is what policies see (the role's, for a session), `callerArn` what GetCallerIdentity says. */
export type Principal = {
  kind: "user" | "role" | "service";
  arn: string;
  callerArn: string;
  /** aws:userid; ROLEID:SESSION for a role. */
  userId: string;
  /** IAM's name of the user or role. */
  name: string;
  /** Its credentials come from the metadata service. */
  fromMetadata?: true;
  /** The service that calls with this one's rights, as CloudFormation does with those of whoever makes a stack. */
  via?: string;
  sourceInstanceArn?: string;
};

type Key = Credentials & { principal: Principal; expires: number | undefined };

export type Found =
  | { kind: "found"; principal: Principal; secretAccessKey: string }
  | { kind: "unknown" | "expired" | "bad-token" };

export type Principals = ReturnType<typeof principals>;

/** Every access key of the cloud; the only place that knows secrets. */
export function principals(now: () => number) {
  const keys = new Map<string, Key>();
  return {
    /** A long-lived key of a user, or one of a session that ends at `expires` (Unix seconds). */
    issue(principal: Principal, expires?: number): Required<Credentials> {
      const session = expires !== undefined;
      const credentials = {
        accessKeyId: `${session ? "ASIA" : "AKIA"}${randomBytes(10).toString("hex").slice(0, 16).toUpperCase()}`,
        secretAccessKey: randomBytes(30).toString("base64url"),
        sessionToken: session ? randomBytes(120).toString("base64") : "",
      };
      keys.set(credentials.accessKeyId, { ...credentials, principal, expires });
      return credentials;
    },
    find(accessKeyId: string, sessionToken: string | undefined): Found {
      const key = keys.get(accessKeyId);
      if (key === undefined) return { kind: "unknown" };
      if ((key.sessionToken ?? "") !== (sessionToken ?? "")) return { kind: "bad-token" };
      if (key.expires !== undefined && key.expires <= now()) return { kind: "expired" };
      return { kind: "found", principal: key.principal, secretAccessKey: key.secretAccessKey };
    },
  };
}
