import { ACCOUNT, type Handlers } from "../service.ts";
import { ec2Answer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { flag, text, texts, type Parameters } from "../wire/parameters.ts";
import { items } from "../wire/xml.ts";
import type { Hypervisor } from "../ports.ts";
import { passing } from "./filters.ts";
import type { Instance } from "./instance.ts";
import type { Instances } from "./instances.ts";
import { groupsXml, instanceXml, stateXml } from "./instance-xml.ts";
import { iso, type LaunchTemplates } from "./launch-templates.ts";

/** Actions that look at instances, and the one that ends them. */
export function instanceActions(world: {
  instances: Instances;
  templates: LaunchTemplates;
  hypervisor: Hypervisor;
  now: () => number;
}): Handlers {
  const { instances, hypervisor, now } = world;

  /** Chosen by ids and filters, in order of launching, a page at a time; a page counts instances. */
  function page(parameters: Parameters, also: (i: Instance) => boolean = () => true) {
    const ids = texts(parameters["InstanceId"]);
    const most = text(parameters["MaxResults"]);
    if (most !== undefined && ids.length > 0)
      throw new AwsError(
        "InvalidParameterCombination",
        "The parameter instancesSet cannot be used with the parameter maxResults",
      );
    if (most !== undefined && !(Number(most) >= 5 && Number(most) <= 1000))
      throw new AwsError("InvalidParameterValue", "MaxResults must be between 5 and 1000");
    const passes = passing(parameters["Filter"]);
    const from = readToken(text(parameters["NextToken"]));
    const found = (ids.length > 0 ? instances.named([...new Set(ids)]) : instances.visible())
      .filter((i) => i.sequence > from && passes(i) && also(i))
      .sort((a, b) => a.sequence - b.sequence);
    const size = most === undefined ? found.length : Number(most);
    const shown = found.slice(0, size);
    const last = shown.at(-1);
    const nextToken = found.length > size && last !== undefined ? writeToken(last.sequence) : undefined;
    return { shown, nextToken };
  }

  return {
    async DescribeInstances({ request }) {
      const { shown, nextToken } = page(request.parameters);
      const reservations = Map.groupBy(shown, (i) => i.reservationId);
      return ec2Answer(request.action, {
        reservationSet: items(
          [...reservations].map(([reservationId, members]) => ({
            reservationId,
            ownerId: ACCOUNT,
            groupSet: groupsXml([]),
            instancesSet: items(members.map(instanceXml)),
          })),
        ),
        nextToken,
      });
    },
    async DescribeInstanceStatus({ request }) {
      const all = flag(request.parameters["IncludeAllInstances"]);
      const { shown, nextToken } = page(request.parameters, (i) => all || i.state === "running");
      return ec2Answer(request.action, {
        instanceStatusSet: items(
          shown.map((i) => ({
            instanceId: i.instanceId,
            availabilityZone: i.subnet.zone,
            instanceState: stateXml(i.state),
            systemStatus: { status: "ok", details: items([{ name: "reachability", status: "passed" }]) },
            instanceStatus: { status: "ok", details: items([{ name: "reachability", status: "passed" }]) },
          })),
        ),
        nextToken,
      });
    },
    async DescribeInstanceAttribute({ request }) {
      const [instance] = instances.named([text(request.parameters["InstanceId"]) ?? ""]) as [Instance];
      const attribute = text(request.parameters["Attribute"]) ?? "";
      const values: Record<string, string | boolean | undefined> = {
        userData: instance.userData,
        instanceInitiatedShutdownBehavior: instance.shutdownBehavior,
        disableApiTermination: instance.terminationProtected,
        instanceType: instance.instanceType,
      };
      if (!Object.hasOwn(values, attribute))
        throw new AwsError("InvalidParameterValue", `The sandbox does not know the attribute '${attribute}'`);
      const value = values[attribute];
      return ec2Answer(request.action, {
        instanceId: instance.instanceId,
        [attribute]: value === undefined ? {} : { value },
      });
    },
    /** One unknown or protected id fails the whole call. */
    async TerminateInstances({ request, principal }) {
      const ids = [...new Set(texts(request.parameters["InstanceId"]))];
      if (ids.length === 0)
        throw new AwsError("MissingParameter", "The request must contain the parameter InstanceId");
      const doomed = instances.named(ids);
      const kept = doomed.find((i) => i.terminationProtected);
      if (kept !== undefined)
        throw new AwsError(
          "OperationNotPermitted",
          `The instance '${kept.instanceId}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.`,
        );
      const changes = doomed.map((i) => {
        const previousState = stateXml(i.state);
        instances.terminate(i, principal.callerArn);
        return { instanceId: i.instanceId, currentState: stateXml(i.state), previousState };
      });
      return ec2Answer(request.action, { instancesSet: items(changes) });
    },
    async GetConsoleOutput({ request }) {
      const [instance] = instances.named([text(request.parameters["InstanceId"]) ?? ""]) as [Instance];
      const output = await hypervisor.consoleOutput(instance.instanceId);
      return ec2Answer(request.action, {
        instanceId: instance.instanceId,
        timestamp: iso(now()),
        output: Buffer.from(output).subarray(-65536).toString("base64"),
      });
    },
  };
}

function writeToken(sequence: number): string {
  return Buffer.from(`after:${sequence}`).toString("base64url");
}

function readToken(token: string | undefined): number {
  if (token === undefined) return 0;
  const sequence = /^after:(\d+)$/.exec(Buffer.from(token, "base64url").toString())?.[1];
  if (sequence === undefined) throw new AwsError("InvalidParameterValue", "Invalid token for nextToken");
  return Number(sequence);
}
