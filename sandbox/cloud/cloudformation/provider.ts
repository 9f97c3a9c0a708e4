import { randomBytes } from "node:crypto";
import type { Clients } from "../clients.ts";
import type { Json } from "./intrinsics.ts";

export type Properties = { [name: string]: Json };

/** What Ref and GetAtt give; `physicalId` is what Ref gives unless `ref` says otherwise. */
export type Made = { physicalId: string; attributes?: Record<string, string> };

export type Making = {
  stackName: string;
  logicalId: string;
  /** With the rights of whoever makes the stack. */
  clients: Clients;
};

/** How one type of resource is really made. Without `update` a change replaces it. */
export type Provider = {
  /** Properties that are understood; any other fails the resource, as silence would prove nothing. */
  properties: readonly string[];
  /** Those that cannot be changed: another value replaces it. */
  fixed?: readonly string[];
  create(properties: Properties, making: Making): Promise<Made>;
  update?(physicalId: string, properties: Properties, making: Making): Promise<Made>;
  delete(physicalId: string, properties: Properties, making: Making): Promise<void>;
};

/** A name as CloudFormation generates it: stack, logical id, something random. */
export function generatedName({ stackName, logicalId }: Making, most: number): string {
  const tail = randomBytes(6).toString("hex").toUpperCase();
  return `${`${stackName}-${logicalId}`.slice(0, most - tail.length - 1)}-${tail}`;
}

export function string(value: Json | undefined): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

export function number(value: Json | undefined): number | undefined {
  const text = string(value);
  return text === undefined ? undefined : Number(text);
}

export function records(value: Json | undefined): Properties[] {
  return Array.isArray(value)
    ? value.filter(
        (entry): entry is Properties => typeof entry === "object" && entry !== null && !Array.isArray(entry),
      )
    : [];
}

export function record(value: Json | undefined): Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}

export function strings(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.flatMap((entry) => string(entry) ?? []) : [];
}

export function tagList(value: Json | undefined): { Key: string; Value: string }[] {
  return records(value).map((tag) => ({ Key: string(tag["Key"]) ?? "", Value: string(tag["Value"]) ?? "" }));
}

/** Templates may write `"true"` and `"1"` where the API wants a boolean or a number. */
export function typed(value: Json): Json {
  if (Array.isArray(value)) return value.map(typed);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, typed(entry)]));
  if (value === "true" || value === "false") return value === "true";
  return value;
}

/** Deleting what is already gone is success. */
export async function unlessGone(act: Promise<unknown>): Promise<void> {
  try {
    await act;
  } catch (error) {
    if (error instanceof Error && /NotFound|NoSuch|ResourceNotFound/.test(error.name)) return;
    throw error;
  }
}
