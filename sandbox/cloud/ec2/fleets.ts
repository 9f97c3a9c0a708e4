import { randomBytes, randomUUID } from "node:crypto";
import type { Faults } from "../faults.ts";
import type { Market as Prices } from "../pricing/market.ts";
import { ec2Arn, type Call, type Handlers, type Question } from "../service.ts";
import { ec2Answer } from "../wire/answer.ts";
import { AwsError } from "../wire/error.ts";
import { flag, list, record, text, texts, type Parameters } from "../wire/parameters.ts";
import { items, type Xml } from "../wire/xml.ts";
import { clientTokens } from "./client-tokens.ts";
import type { Catalog } from "./catalog.ts";
import type { Instance, Market } from "./instance.ts";
import { iso, specifiedTags, tagsXml } from "./launch-templates.ts";
import { requestTagKeys, resourceTagKeys, runQuestions, type Launch, type Resolver } from "./launch.ts";
import { noCapacity, type Planned, type Room } from "./room.ts";
import { spread } from "./spread.ts";
import { outOfCapacity, type starter } from "./start.ts";

/** One place to launch in: a template with one override. */
type Pool = {
  specification: Parameters;
  override: Parameters;
  launch: Launch;
  weight: number;
  /** USD per hour; binds spot only. */
  maxPrice: number | undefined;
};
type Group = { pool: Pool; market: Market; instances: Instance[] };
type Failure = { pool: Pool; market: Market; code: string; message: string };
type Fleet = {
  fleetId: string;
  created: number;
  tags: Record<string, string>;
  parameters: Parameters;
  groups: Group[];
  failures: Failure[];
};

/** CreateFleet of type `instant`: one synchronous order, possibly fulfilled in part, its refusals in Errors. */
export function fleets(world: {
  resolve: Resolver;
  catalog: Catalog;
  faults: Faults;
  market: Prices;
  start: ReturnType<typeof starter>;
  shortage: Room;
  now: () => number;
}): Handlers {
  const once = clientTokens<Fleet>();
  const all = new Map<string, Fleet>();

  async function create(call: Call): Promise<Fleet> {
    const { parameters } = call.request;
    if (text(parameters["Type"]) !== "instant")
      throw new AwsError("UnsupportedOperation", "The sandbox makes fleets of type instant only.");
    const targets = targetsOf(parameters);
    const poolsOf = (market: Market): Promise<Pool[]> => pools(parameters, market);
    const first = await poolsOf(targets.find((t) => t.capacity > 0)?.market ?? "on-demand");
    await call.authorize(fleetQuestions(parameters, first));
    if (flag(parameters["DryRun"]))
      throw new AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412);
    const fleet: Fleet = {
      fleetId: `fleet-${randomUUID()}`,
      created: world.now(),
      tags: specifiedTags(parameters["TagSpecification"], "fleet"),
      parameters,
      groups: [],
      failures: [],
    };
    const plans: { market: Market; plan: Map<Pool, number> }[] = [];
    const taken: Planned[] = [];
    for (const { market, capacity, strategy, least, maxTotalPrice } of targets) {
      if (capacity === 0) continue;
      const usable: Pool[] = [];
      for (const pool of await poolsOf(market)) {
        const failure = await refusal(call, pool, market);
        if (failure === undefined) usable.push(pool);
        else fleet.failures.push({ pool, market, ...failure });
      }
      const { plan, refused } = spread(usable, capacity, strategy, {
        priceOf: priceOf(market),
        maxTotalPrice,
        take({ launch }) {
          const short = world.shortage(launch, market, taken);
          if (short === undefined) taken.push({ launch, market });
          return short;
        },
      });
      fleet.failures.push(...refused.map((one) => ({ ...one, market })));
      const planned = [...plan].reduce((sum, [pool, count]) => sum + pool.weight * count, 0);
      if (planned >= least) plans.push({ market, plan });
      else return fleet;
    }
    for (const { market, plan } of plans)
      for (const [pool, count] of plan)
        fleet.groups.push({
          pool,
          market,
          instances: world.start(pool.launch, count, {
            arn: call.principal.callerArn,
            action: "CreateFleet",
            clientToken: randomBytes(16).toString("hex"),
            fleetId: fleet.fleetId,
          }),
        });
    all.set(fleet.fleetId, fleet);
    return fleet;
  }

  async function pools(parameters: Parameters, market: Market): Promise<Pool[]> {
    const found: Pool[] = [];
    for (const config of list(parameters["LaunchTemplateConfigs"]).map(record)) {
      const specification = record(config["LaunchTemplateSpecification"]);
      const overrides = list(config["Overrides"]).map(record);
      for (const override of overrides.length > 0 ? overrides : [{}]) {
        const { WeightedCapacity, Priority: _, MaxPrice, ...rest } = override;
        const launch = await world.resolve(
          { ...rest, LaunchTemplate: specification, TagSpecification: parameters["TagSpecification"] },
          market,
        );
        const maxPrice = text(MaxPrice);
        found.push({
          specification,
          override,
          launch,
          weight: Number(text(WeightedCapacity) ?? "1"),
          maxPrice: maxPrice === undefined ? undefined : Number(maxPrice),
        });
      }
    }
    if (found.length === 0)
      throw new AwsError("MissingParameter", "The request must contain the parameter LaunchTemplateConfigs");
    return found;
  }

  /** USD per hour of an instance of a pool. */
  const priceOf =
    (market: Market) =>
    ({ launch }: Pool): number =>
      market === "spot"
        ? world.market.spot(launch.instanceType, launch.subnet.zone)
        : world.market.onDemand(launch.instanceType);

  /** The fleet calls RunInstances with the caller's identity: what that refuses is an entry in Errors. */
  async function refusal(
    call: Call,
    pool: Pool,
    market: Market,
  ): Promise<{ code: string; message: string } | undefined> {
    const { launch } = pool;
    try {
      await call.authorize(runQuestions(launch, "CreateFleet"));
    } catch (error) {
      if (error instanceof AwsError) return { code: error.code, message: error.message };
      throw error;
    }
    if (!(await world.catalog.isOffered(launch.instanceType, launch.subnet.zone)))
      return {
        code: "InvalidFleetConfiguration",
        message: `Your requested instance type (${launch.instanceType}) is not supported in your requested Availability Zone (${launch.subnet.zone}).`,
      };
    const least = priceOf(market)(pool);
    if (market === "spot" && pool.maxPrice !== undefined && pool.maxPrice < least)
      return {
        code: "SpotMaxPriceTooLow",
        message: `Your Spot request price of ${pool.maxPrice} is lower than the minimum required Spot request fulfillment price of ${least.toFixed(4)}.`,
      };
    if (outOfCapacity(world.faults, launch, { action: "CreateFleet", principal: call.principal.arn }))
      return noCapacity(launch, market);
    return undefined;
  }

  return {
    async CreateFleet(call) {
      const fleet = await once(call.request.parameters, () => create(call));
      return ec2Answer(call.request.action, {
        fleetId: fleet.fleetId,
        errorSet: items(fleet.failures.map(failureXml)),
        fleetInstanceSet: items(fleet.groups.map(groupXml)),
      });
    },
    async DescribeFleets({ request }) {
      const ids = texts(request.parameters["FleetId"]);
      const missing = ids.find((id) => !all.has(id));
      if (missing !== undefined)
        throw new AwsError("InvalidFleetId.NotFound", `The fleet ID '${missing}' does not exist`);
      const found = [...all.values()].filter((f) => ids.length === 0 || ids.includes(f.fleetId));
      return ec2Answer(request.action, { fleetSet: items(found.map(fleetXml)) });
    },
  };
}

function targetsOf(parameters: Parameters): {
  market: Market;
  capacity: number;
  strategy: string;
  least: number;
  maxTotalPrice: number;
}[] {
  const specification = record(parameters["TargetCapacitySpecification"]);
  const number = (name: string): number => Number(text(specification[name]) ?? "0");
  const least = (options: string): number =>
    Number(text(record(parameters[options])["MinTargetCapacity"]) ?? "0");
  const maxTotalPrice = (options: string): number =>
    Number(text(record(parameters[options])["MaxTotalPrice"]) ?? "Infinity");
  const total = number("TotalTargetCapacity");
  if (!Number.isInteger(total) || total < 1 || total > 10000)
    throw new AwsError("InvalidTargetCapacity", `TotalTargetCapacity ${total} is not between 1 and 10000.`);
  const kind = text(specification["DefaultTargetCapacityType"]) ?? "on-demand";
  const onDemand = number("OnDemandTargetCapacity");
  const spot = number("SpotTargetCapacity");
  const rest = Math.max(0, total - onDemand - spot);
  return [
    {
      market: "on-demand" as const,
      capacity: onDemand + (kind === "on-demand" ? rest : 0),
      strategy: "lowest-price",
      least: least("OnDemandOptions"),
      maxTotalPrice: maxTotalPrice("OnDemandOptions"),
    },
    {
      market: "spot" as const,
      capacity: spot + (kind === "spot" ? rest : 0),
      strategy: "price-capacity-optimized",
      least: least("SpotOptions"),
      maxTotalPrice: maxTotalPrice("SpotOptions"),
    },
  ];
}

/** CreateFleet itself carries no keys of metadata, profile or template on the instance. */
function fleetQuestions(parameters: Parameters, pools: readonly Pool[]): Question[] {
  const action = "ec2:CreateFleet";
  const specified = (type: string): Record<string, string> =>
    specifiedTags(parameters["TagSpecification"], type);
  const launches = pools.map((pool) => pool.launch);
  const questions: Question[] = [
    { action, resource: ec2Arn("fleet", "*"), keys: requestTagKeys(specified("fleet")) ?? {} },
    { action, resource: ec2Arn("instance", "*"), keys: requestTagKeys(specified("instance")) ?? {} },
    ...launches.map((l) => ({ action, resource: ec2Arn("image", l.imageId) })),
    ...launches.map((l) => ({
      action,
      resource: ec2Arn("subnet", l.subnet.subnetId),
      keys: { ...resourceTagKeys(l.subnet.tags), "ec2:Vpc": ec2Arn("vpc", l.subnet.vpcId) },
    })),
    ...launches.flatMap((l) =>
      l.template === undefined
        ? []
        : [
            {
              action,
              resource: ec2Arn("launch-template", l.template.template.id),
              keys: { ...resourceTagKeys(l.template.template.tags) },
            },
          ],
    ),
    ...["fleet", "instance"]
      .filter((type) => Object.keys(specified(type)).length > 0)
      .map((type) => ({
        action: "ec2:CreateTags",
        resource: ec2Arn(type, "*"),
        keys: { ...requestTagKeys(specified(type)), "ec2:CreateAction": "CreateFleet" },
      })),
  ];
  const seen = new Set<string>();
  return questions.filter(
    ({ action: a, resource }) => !seen.has(`${a} ${resource}`) && seen.add(`${a} ${resource}`),
  );
}

function placeXml(pool: Pool): Xml {
  return {
    launchTemplateSpecification: {
      launchTemplateId: pool.launch.template?.template.id,
      version: text(pool.specification["Version"]),
    },
    overrides: {
      instanceType: pool.launch.instanceType,
      subnetId: pool.launch.subnet.subnetId,
      availabilityZone: pool.launch.subnet.zone,
      imageId: text(pool.override["ImageId"]),
    },
  };
}

function groupXml({ pool, market, instances }: Group): Xml {
  return {
    launchTemplateAndOverrides: placeXml(pool),
    lifecycle: market,
    instanceIds: items(instances.map((i) => i.instanceId)),
    instanceType: pool.launch.instanceType,
  };
}

function failureXml({ pool, market, code, message }: Failure): Xml {
  return {
    launchTemplateAndOverrides: placeXml(pool),
    lifecycle: market,
    errorCode: code,
    errorMessage: message,
  };
}

function fleetXml(fleet: Fleet): Xml {
  return {
    fleetId: fleet.fleetId,
    fleetState: "active",
    createTime: iso(fleet.created),
    type: "instant",
    clientToken: text(fleet.parameters["ClientToken"]),
    tagSet: tagsXml(fleet.tags),
    errorSet: items(fleet.failures.map(failureXml)),
    fleetInstanceSet: items(fleet.groups.map(groupXml)),
  };
}
