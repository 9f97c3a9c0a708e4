import type { Faults } from "../faults.ts";
import { ACCOUNT, type Call, type Handler } from "../service.ts";
import { ec2Answer, type Answer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { flag, text } from "../wire/parameters.ts";
import { items } from "../wire/xml.ts";
import { clientTokens } from "./client-tokens.ts";
import { instanceXml, groupsXml } from "./instance-xml.ts";
import type { Instance } from "./instance.ts";
import type { Catalog } from "./catalog.ts";
import { runQuestions, type Resolver } from "./launch.ts";
import { noCapacity, type Planned, type Room, type Shortage } from "./room.ts";
import { outOfCapacity, type starter } from "./start.ts";

export function runInstances(world: {
  resolve: Resolver;
  catalog: Catalog;
  faults: Faults;
  start: ReturnType<typeof starter>;
  shortage: Room;
}): Handler {
  const once = clientTokens<Instance[]>();
  return async (call) => {
    const launched = await once(call.request.parameters, () => run(call));
    return answer(call.request.action, launched);
  };

  async function run({ request, principal, authorize }: Call): Promise<Instance[]> {
    const { parameters } = request;
    const [least, most] = ["MinCount", "MaxCount"].map((name) => Number(text(parameters[name]) ?? "NaN"));
    if (least === undefined || most === undefined || !(least >= 1 && most >= least))
      throw new AwsError(
        "InvalidParameterValue",
        "MinCount and MaxCount must be at least 1, MaxCount not below",
      );
    const launch = await world.resolve(parameters, undefined);
    await authorize(runQuestions(launch, "RunInstances"));
    if (flag(parameters["DryRun"]))
      throw new AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412);
    if (!(await world.catalog.isOffered(launch.instanceType, launch.subnet.zone)))
      throw new AwsError(
        "Unsupported",
        `Your requested instance type (${launch.instanceType}) is not supported in your requested Availability Zone (${launch.subnet.zone}).`,
      );
    if (outOfCapacity(world.faults, launch, { action: "RunInstances", principal: principal.arn }))
      throw asError(noCapacity(launch, "on-demand"));
    const planned: Planned[] = [];
    while (planned.length < most) {
      const short = world.shortage(launch, launch.market, planned);
      if (short !== undefined && planned.length < least) throw asError(short);
      if (short !== undefined) break;
      planned.push({ launch, market: launch.market });
    }
    return world.start(launch, planned.length, {
      arn: principal.callerArn,
      action: "RunInstances",
      clientToken: text(parameters["ClientToken"]),
    });
  }
}

function asError({ code, message, status }: Shortage): AwsError {
  return new AwsError(code, message, status);
}

function answer(action: string, launched: readonly Instance[]): Answer {
  return ec2Answer(action, {
    reservationId: launched[0]?.reservationId,
    ownerId: ACCOUNT,
    groupSet: groupsXml([]),
    instancesSet: items(launched.map(instanceXml)),
  });
}
