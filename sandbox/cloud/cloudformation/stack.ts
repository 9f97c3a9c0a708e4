import { isDeepStrictEqual } from "node:util";
import { randomUUID } from "node:crypto";
import { messageOf } from "../../../core/errors.ts";
import type { Clients } from "../clients.ts";
import type { Principal } from "../principals.ts";
import { ACCOUNT, REGION } from "../service.ts";
import { conditionOf, conditions, resolve, templateError, type Json, type Scope } from "./intrinsics.ts";
import type { Made, Making, Properties, Provider } from "./provider.ts";
import { order, parameterValues, type Template } from "./template.ts";

export type StackEvent = {
  eventId: string;
  logicalId: string;
  physicalId: string;
  type: string;
  status: string;
  reason: string | undefined;
  time: number;
};

export type StackResource = {
  logicalId: string;
  physicalId: string;
  type: string;
  status: string;
  reason: string | undefined;
  properties: Properties;
  attributes: Record<string, string>;
  retained: boolean;
  updated: number;
};

export type Stack = {
  stackId: string;
  name: string;
  /** Whose rights it is made, changed and deleted with: the caller's of the latest of these. */
  caller: Principal;
  status: string;
  reason: string | undefined;
  created: number;
  updated: number | undefined;
  deleted: number | undefined;
  body: string;
  template: Template;
  given: Record<string, string>;
  tags: Record<string, string>;
  capabilities: string[];
  outputs: { key: string; value: string; description: string | undefined }[];
  /** In order of making. */
  resources: StackResource[];
  /** What a deletion has removed or left alone. */
  former: StackResource[];
  events: StackEvent[];
};

export type Worker = ReturnType<typeof stackWorker>;

/** Makes, changes and deletes the resources of a stack, one after the other, with a rollback on failure. */
export function stackWorker(world: {
  providers: Record<string, Provider>;
  clients: (caller: Principal) => Clients;
  now: () => number;
}) {
  const { providers, now } = world;

  function event(
    stack: Stack,
    logicalId: string,
    physicalId: string,
    type: string,
    status: string,
    reason?: string,
  ) {
    stack.events.push({ eventId: randomUUID(), logicalId, physicalId, type, status, reason, time: now() });
  }

  function enter(stack: Stack, status: string, reason?: string): void {
    stack.status = status;
    stack.reason = reason;
    event(stack, stack.name, stack.stackId, "AWS::CloudFormation::Stack", status, reason);
  }

  function mark(stack: Stack, resource: StackResource, status: string, reason?: string): void {
    resource.status = status;
    resource.reason = reason;
    resource.updated = now();
    event(stack, resource.logicalId, resource.physicalId, resource.type, status, reason);
  }

  function making(stack: Stack, logicalId: string): Making {
    return { stackName: stack.name, logicalId, clients: world.clients(stack.caller) };
  }

  function scopeOf(stack: Stack, template: Template, given: Record<string, string>): Scope {
    const parameters = parameterValues(template, given);
    const pseudo = {
      "AWS::AccountId": ACCOUNT,
      "AWS::Partition": "aws",
      "AWS::Region": REGION,
      "AWS::StackId": stack.stackId,
      "AWS::StackName": stack.name,
      "AWS::URLSuffix": "amazonaws.com",
    };
    const bare = { parameters, pseudo, resources: {} };
    const resources = Object.fromEntries(
      stack.resources.map((r) => [r.logicalId, { ref: r.physicalId, attributes: r.attributes }]),
    );
    return { ...bare, resources, conditions: conditions(template.Conditions ?? {}, bare) };
  }

  function wanted(template: Template, scope: Scope): string[] {
    return order(template).filter((id) => {
      const condition = template.Resources[id]?.Condition;
      return condition === undefined || conditionOf(condition, scope.conditions);
    });
  }

  function providerOf(type: string, properties: Properties): Provider {
    const provider = providers[type];
    if (provider === undefined) throw templateError(`Resource type ${type} is not made by the sandbox`);
    const stray = Object.keys(properties).filter((name) => !provider.properties.includes(name));
    if (stray.length > 0)
      throw templateError(`Properties [${stray.join(", ")}] of ${type} are not made by the sandbox`);
    return provider;
  }

  function propertiesOf(template: Template, id: string, scope: Scope): Properties {
    return (resolve(template.Resources[id]?.Properties ?? {}, scope) ?? {}) as Properties;
  }

  async function make(stack: Stack, template: Template, id: string, scope: Scope): Promise<StackResource> {
    const declared = template.Resources[id];
    const type = declared?.Type ?? "";
    const resource: StackResource = {
      logicalId: id,
      physicalId: "",
      type,
      status: "",
      reason: undefined,
      properties: {},
      attributes: {},
      retained: declared?.DeletionPolicy === "Retain",
      updated: now(),
    };
    stack.resources.push(resource);
    mark(stack, resource, "CREATE_IN_PROGRESS");
    try {
      resource.properties = propertiesOf(template, id, scope);
      const made = await providerOf(type, resource.properties).create(resource.properties, making(stack, id));
      take(resource, made);
      scope.resources[id] = { ref: resource.physicalId, attributes: resource.attributes };
      mark(stack, resource, "CREATE_COMPLETE");
      return resource;
    } catch (error) {
      mark(stack, resource, "CREATE_FAILED", reasonOf(error));
      throw error;
    }
  }

  function take(resource: StackResource, made: Made): void {
    resource.physicalId = made.physicalId;
    resource.attributes = made.attributes ?? {};
  }

  function outputs(template: Template, scope: Scope): Stack["outputs"] {
    return Object.entries(template.Outputs ?? {})
      .filter(([, o]) => o.Condition === undefined || conditionOf(o.Condition, scope.conditions))
      .map(([key, o]) => ({ key, value: text(resolve(o.Value, scope)), description: o.Description }));
  }

  /** Latest first. A resource that cannot go stays, with its reason, and fails the deletion. */
  async function removeAll(
    stack: Stack,
    resources: readonly StackResource[],
    left: readonly string[] = [],
  ): Promise<string[]> {
    const failed: string[] = [];
    for (const resource of [...resources].reverse()) {
      if (resource.retained || left.includes(resource.logicalId)) {
        mark(stack, resource, "DELETE_SKIPPED");
      } else if (resource.physicalId !== "") {
        mark(stack, resource, "DELETE_IN_PROGRESS");
        try {
          await providers[resource.type]?.delete(
            resource.physicalId,
            resource.properties,
            making(stack, resource.logicalId),
          );
          mark(stack, resource, "DELETE_COMPLETE");
        } catch (error) {
          mark(stack, resource, "DELETE_FAILED", reasonOf(error));
          failed.push(resource.logicalId);
          continue;
        }
      }
      stack.resources = stack.resources.filter((r) => r !== resource);
    }
    return failed;
  }

  async function create(stack: Stack, onFailure: "ROLLBACK" | "DELETE" | "DO_NOTHING"): Promise<void> {
    try {
      const scope = scopeOf(stack, stack.template, stack.given);
      for (const id of wanted(stack.template, scope)) await make(stack, stack.template, id, scope);
      stack.outputs = outputs(stack.template, scope);
      enter(stack, "CREATE_COMPLETE");
    } catch (error) {
      const failed = stack.resources.filter((r) => r.status === "CREATE_FAILED").map((r) => r.logicalId);
      const reason =
        failed.length > 0
          ? `The following resource(s) failed to create: [${failed.join(", ")}].`
          : messageOf(error);
      if (onFailure === "DO_NOTHING") {
        enter(stack, "CREATE_FAILED", reason);
        return;
      }
      if (onFailure === "DELETE") {
        enter(stack, "DELETE_IN_PROGRESS", reason);
        await remove(stack);
        return;
      }
      enter(stack, "ROLLBACK_IN_PROGRESS", `${reason} Rollback requested by user.`);
      const left = await removeAll(stack, stack.resources);
      if (left.length === 0) enter(stack, "ROLLBACK_COMPLETE");
      else
        enter(stack, "ROLLBACK_FAILED", `The following resource(s) failed to delete: [${left.join(", ")}].`);
    }
  }

  /** `left` stays where it is, and the stack forgets it. */
  async function remove(stack: Stack, left: readonly string[] = []): Promise<void> {
    const before = stack.resources;
    const failed = await removeAll(stack, before, left);
    stack.former.push(...before.filter((resource) => !stack.resources.includes(resource)));
    if (failed.length > 0) {
      enter(stack, "DELETE_FAILED", `The following resource(s) failed to delete: [${failed.join(", ")}]. `);
      return;
    }
    stack.deleted = now();
    enter(stack, "DELETE_COMPLETE");
  }

  /** Changes what differs: in place, or by a replacement whose predecessor goes at the end. */
  async function change(
    stack: Stack,
    template: Template,
    given: Record<string, string>,
  ): Promise<StackResource[]> {
    const scope = scopeOf(stack, template, given);
    const ids = wanted(template, scope);
    const superseded: StackResource[] = [];
    for (const id of ids) {
      const old = stack.resources.find((r) => r.logicalId === id);
      if (old === undefined) {
        await make(stack, template, id, scope);
        continue;
      }
      const type = template.Resources[id]?.Type ?? "";
      const properties = propertiesOf(template, id, scope);
      if (isDeepStrictEqual(properties, old.properties) && type === old.type) continue;
      const provider = providerOf(type, properties);
      const unchanged = (name: string): boolean => isDeepStrictEqual(properties[name], old.properties[name]);
      const replaced = type !== old.type || !(provider.fixed ?? []).every(unchanged);
      if (provider.update === undefined || replaced) {
        stack.resources = stack.resources.filter((r) => r !== old);
        superseded.push(old);
        await make(stack, template, id, scope);
        continue;
      }
      mark(stack, old, "UPDATE_IN_PROGRESS");
      try {
        take(old, await provider.update(old.physicalId, properties, making(stack, id)));
        old.properties = properties;
        scope.resources[id] = { ref: old.physicalId, attributes: old.attributes };
        mark(stack, old, "UPDATE_COMPLETE");
      } catch (error) {
        mark(stack, old, "UPDATE_FAILED", reasonOf(error));
        throw error;
      }
    }
    stack.outputs = outputs(template, scope);
    return [...stack.resources.filter((r) => !ids.includes(r.logicalId)), ...superseded];
  }

  async function update(
    stack: Stack,
    next: { body: string; template: Template; given: Record<string, string> },
  ): Promise<void> {
    const before = [...stack.resources];
    try {
      const obsolete = await change(stack, next.template, next.given);
      enter(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS");
      Object.assign(stack, next);
      await removeAll(stack, obsolete);
      enter(stack, "UPDATE_COMPLETE");
    } catch (error) {
      enter(stack, "UPDATE_ROLLBACK_IN_PROGRESS", messageOf(error));
      const added = stack.resources.filter((r) => !before.includes(r));
      try {
        stack.resources = [...before, ...added];
        await change({ ...stack, resources: before }, stack.template, stack.given);
        await removeAll(stack, added);
        enter(stack, "UPDATE_ROLLBACK_COMPLETE");
      } catch (again) {
        enter(stack, "UPDATE_ROLLBACK_FAILED", messageOf(again));
      }
    }
    stack.updated = now();
  }

  return { enter, create, remove, update };
}

function reasonOf(error: unknown): string {
  const name =
    error instanceof Error && error.name !== "Error" && error.name !== "UpdraftError" ? error.name : "";
  return name === "" ? messageOf(error) : `${messageOf(error)} (${name})`;
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}
