import {
  AttachUserPolicyCommand,
  CreatePolicyCommand,
  CreateUserCommand,
  DeletePolicyCommand,
  DeleteUserCommand,
  DetachUserPolicyCommand,
  GetUserCommand,
  ListAttachedUserPoliciesCommand,
} from "@aws-sdk/client-iam";
import { CreateLogStreamCommand, PutLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { PublishCommand } from "@aws-sdk/client-sns";
import { mkdirSync } from "node:fs";
import { messageOf } from "../../core/errors.ts";
import { clients, destroyClients, type Clients } from "./clients.ts";
import { cloudFormation } from "./cloudformation/cloudformation.ts";
import { cloudWatch } from "./cloudwatch.ts";
import { catalog } from "./ec2/catalog.ts";
import { ec2 } from "./ec2/ec2.ts";
import { instances } from "./ec2/instances.ts";
import { makeRoutes } from "./ec2/network.ts";
import { launchTemplates } from "./ec2/launch-templates.ts";
import { faults } from "./faults.ts";
import { startFront } from "./front.ts";
import { authorizer, servicePrincipal } from "./iam/authorizer.ts";
import { entityPolicies } from "./iam/entity-policies.ts";
import { iamActions } from "./iam/iam-actions.ts";
import { iamArns } from "./iam/iam-arns.ts";
import { questionsOf } from "./iam/questions.ts";
import { topicPolicies } from "./iam/topic-policies.ts";
import { embeddedMetrics } from "./functions/embedded-metrics.ts";
import { functions } from "./functions/functions.ts";
import { schedule } from "./functions/schedule.ts";
import { inventory } from "./inventory.ts";
import { metadataServers } from "./metadata/server.ts";
import { startMoto } from "./moto.ts";
import type { Cloud, CloudOptions, CloudSettings, Credentials } from "./ports.ts";
import { market } from "./pricing/market.ts";
import { priceListActions } from "./pricing/price-list.ts";
import { principals, type Principal } from "./principals.ts";
import { rateLimits } from "./rate-limits.ts";
import { s3 } from "./s3/s3.ts";
import { ACCOUNT, REGION, type Call } from "./service.ts";
import { serviceQuotas } from "./service-quotas.ts";
import { sns } from "./sns.ts";
import { sts } from "./sts.ts";
import type { Answer } from "./wire/answer.ts";

const DEFAULT_SETTINGS: CloudSettings = {
  launchDelay: { kind: "constant", seconds: 2 },
  shuttingDownSeconds: 5,
  terminatedVisibleSeconds: 3600,
  enforcerPeriodSeconds: undefined,
  spotPrices: {},
  onDemandPrices: {},
  seed: 1,
  ignoredStatements: [],
  secureTransport: true,
  roleDelivery: "2.0",
  quotas: {},
  capacity: [],
  notOffered: [],
  addresses: {},
  rateLimits: undefined,
};

/** How often alarms are looked at. */
const ALARM_SECONDS = 2;

const EMULATOR_CREDENTIALS: Credentials = { accessKeyId: "sandbox", secretAccessKey: "sandbox" };

const CLOUDFORMATION = "cloudformation.amazonaws.com";
const CLOUDWATCH = "cloudwatch.amazonaws.com";

/** A cloud for one machine: an emulator behind a front that mends it, metadata for its instances, functions that run. */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { hypervisor, images, log } = options;
  let settings: CloudSettings = { ...DEFAULT_SETTINGS, ...options.settings };
  const now = (): number => Date.now() / 1000;
  mkdirSync(options.directory, { recursive: true });

  const moto = await startMoto(options.motoRoot, options.directory);
  const stops: (() => unknown)[] = [moto.stop];
  const stop = async (): Promise<void> => {
    for (const act of stops.splice(0).reverse()) await act();
  };
  try {
    const emulator = clients(moto.endpoint, EMULATOR_CREDENTIALS);
    stops.push(() => destroyClients(emulator));
    await makeRoutes(emulator.ec2);
    const armed = faults();
    const keys = principals(now);
    const policies = entityPolicies(emulator.iam);
    const templates = launchTemplates(now);
    const machines = instances({ hypervisor, settings: () => settings, now, log });
    const places = catalog(emulator.ec2, emulator.iam, () => settings);
    const metrics = cloudWatch(now);
    const charges = market({ settings: () => settings, now });
    const topics = topicPolicies(emulator.sns);
    const forward = forwarder(moto.forward, {
      iam: policies.forget,
      events: () => rules.reload(),
      sns: topics.forget,
    });
    const objects = s3(emulator.s3, forward);
    const endpoint = (): string =>
      `http://${options.endpointAddress}${front.port === 80 ? "" : `:${front.port}`}`;
    const makers = new Map<string, Clients>();
    /** CloudFormation calls with the rights of whoever makes the stack. */
    const makerClients = (caller: Principal): Clients => {
      const made =
        makers.get(caller.callerArn) ?? clients(endpoint(), keys.issue({ ...caller, via: CLOUDFORMATION }));
      makers.set(caller.callerArn, made);
      return made;
    };
    stops.push(() => [...makers.values()].forEach(destroyClients));
    const stacks = cloudFormation({ clients: makerClients, now });
    const judge = authorizer({
      policies,
      resourcePolicy: async (arn) => {
        const bucket = /^arn:aws:s3:::([^/]+)/.exec(arn)?.[1];
        if (bucket !== undefined) return objects.policy(bucket);
        return arn.startsWith("arn:aws:sns:") ? topics.of(arn) : undefined;
      },
      settings: () => settings,
      now,
    });

    const code = functions({
      directory: options.directory,
      endpoint,
      principals: keys,
      iam: emulator.iam,
      trusted: (role, arn) => judge.trusts(role, arn, "lambda.amazonaws.com"),
      now,
      log,
      async deliver(group, stream, lines, as) {
        for (const line of lines)
          for (const m of embeddedMetrics(line))
            metrics.put(m.namespace, m.name, m.dimensions, { time: m.time, value: m.value });
        await deliver(endpoint(), as, group, stream, lines);
      },
    });
    stops.push(code.stop);
    const rules = schedule({
      events: emulator.events,
      period: () => settings.enforcerPeriodSeconds,
      trigger: code.trigger,
      log,
    });
    stops.push(rules.stop, machines.stop);

    /** As CloudWatch does it: into the topic, if the topic's policy lets it. */
    const notify = async (alarmArn: string, topicArn: string, state: string): Promise<void> => {
      const keys = { "aws:SourceArn": alarmArn, "aws:SourceAccount": ACCOUNT };
      const question = { action: "sns:Publish", resource: topicArn, keys };
      const decision = await judge.decide(servicePrincipal(CLOUDWATCH), question, {
        service: "sns",
        headers: {},
      });
      if (decision.outcome === "allow")
        await emulator.sns.send(
          new PublishCommand({ TopicArn: topicArn, Message: `${alarmArn} is ${state}` }),
        );
      else log(`${alarmArn} may not publish to ${topicArn}`);
    };
    const alarms = setInterval(
      () =>
        metrics.settle((...change) => {
          notify(...change).catch((error: unknown) => log(`alarm: ${messageOf(error)}`));
        }),
      ALARM_SECONDS * 1000,
    );
    stops.push(() => clearInterval(alarms));

    const arns = iamArns(emulator.iam);
    const front = await startFront({
      address: options.endpointAddress,
      port: options.endpointPort ?? 80,
      principals: keys,
      faults: armed,
      limited: rateLimits({ limits: () => settings.rateLimits, now }),
      handlers: {
        cloudformation: stacks.handlers,
        cloudwatch: metrics.handlers,
        ec2: ec2({
          instances: machines,
          templates,
          catalog: places,
          faults: armed,
          settings: () => settings,
          hypervisor,
          images,
          market: charges,
          moto: emulator.ec2,
          iam: emulator.iam,
          forward,
          now,
        }),
        iam: iamActions(emulator.iam, forward),
        lambda: code.handlers,
        pricing: priceListActions(charges, now),
        s3: objects.handlers,
        servicequotas: serviceQuotas(() => settings.quotas),
        sns: sns(forward),
        sts: sts({ principals: keys, iam: emulator.iam, now }),
      },
      async questions(request) {
        if (request.service === "s3") objects.checkOwner(request);
        return questionsOf(request, { instances: machines, templates, arns, groupTags: places.groupTags });
      },
      decide: judge.decide,
      forward,
      now,
      log,
    });
    stops.push(front.stop);
    const metadata = await metadataServers({
      addresses: options.metadataAddresses,
      port: options.metadataPort ?? 80,
      instances: machines,
      principals: keys,
      iam: emulator.iam,
      trusted: (role, arn) => judge.trusts(role, arn, "ec2.amazonaws.com"),
      source: options.metadataSource ?? ((address) => address),
      now,
      log,
    });
    stops.push(metadata.stop);

    async function createUser(
      name: string,
      policyArns: readonly string[],
      documents: Readonly<Record<string, string>> = {},
    ): Promise<Credentials> {
      await emulator.iam.send(new CreateUserCommand({ UserName: name })).catch((error: unknown) => {
        if (!(error instanceof Error && error.name.startsWith("EntityAlreadyExists"))) throw error;
      });
      policies.forget();
      const made: string[] = [];
      for (const [PolicyName, PolicyDocument] of Object.entries(documents)) {
        const { Policy } = await emulator.iam.send(
          new CreatePolicyCommand({ PolicyName, PolicyDocument, Path: madeFor(name) }),
        );
        made.push(Policy?.Arn ?? "");
      }
      for (const PolicyArn of [...policyArns, ...made])
        await emulator.iam.send(new AttachUserPolicyCommand({ UserName: name, PolicyArn }));
      const { accessKeyId, secretAccessKey } = keys.issue(await user(name));
      return { accessKeyId, secretAccessKey };
    }

    async function user(name: string): Promise<Principal> {
      const { User } = await emulator.iam.send(new GetUserCommand({ UserName: name }));
      const arn = User?.Arn ?? `arn:aws:iam::${ACCOUNT}:user/${name}`;
      return { kind: "user", arn, callerArn: arn, userId: User?.UserId ?? "", name };
    }

    async function removeUser(name: string): Promise<void> {
      const attached = await emulator.iam.send(new ListAttachedUserPoliciesCommand({ UserName: name }));
      for (const { PolicyArn } of attached.AttachedPolicies ?? []) {
        await emulator.iam.send(new DetachUserPolicyCommand({ UserName: name, PolicyArn }));
        if (PolicyArn?.includes(`:policy${madeFor(name)}`))
          await emulator.iam.send(new DeletePolicyCommand({ PolicyArn }));
      }
      await emulator.iam.send(new DeleteUserCommand({ UserName: name }));
    }

    return {
      endpoint: endpoint(),
      region: REGION,
      accountId: ACCOUNT,
      administrator: await createUser("administrator", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
      async subnets() {
        return (await places.subnets()).map(({ subnetId, zone, vpcId }) => ({ subnetId, zone, vpcId }));
      },
      createUser,
      removeUser,
      poweredOff: machines.poweredOff,
      instances: machines.views,
      interruptSpot: machines.interrupt,
      recommendRebalance: machines.recommendRebalance,
      addFault: armed.add,
      removeFault: armed.remove,
      faults: armed.list,
      requests: front.requests,
      authorizations: judge.entries,
      simulate: async (name, question) => judge.simulate(await user(name), question),
      inventory: () =>
        inventory(emulator, {
          stacks: stacks.names(),
          instances: machines
            .views()
            .filter(({ state }) => state !== "terminated")
            .map(({ instanceId }) => instanceId),
          templates: templates.list().map(({ id }) => id),
          functions: code.names(),
          alarms: metrics.names(),
        }),
      terminationLog: machines.terminations,
      settings(change) {
        settings = { ...settings, ...change };
        if ("enforcerPeriodSeconds" in change) void rules.reload();
        if ("spotPrices" in change) charges.jump();
      },
      async invoke(functionName, event) {
        const { payload, error } = await code.invoke(functionName, event);
        return error === undefined ? { payload } : { payload, error };
      },
      metadataPorts: metadata.ports,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Policies that were made for one user stand here. */
const madeFor = (user: string): string => `/for/${user}/`;

/** Passes a request to the emulator; what was read from a service before is stale once it was written. */
function forwarder(
  send: (request: Call["request"]) => Promise<Answer>,
  stale: Record<string, () => unknown>,
): (call: Call) => Promise<Answer> {
  return async ({ request }) => {
    const answer = await send(request);
    if (!/^(Get|List|Describe|Head)/.test(request.action)) await stale[request.service]?.();
    return answer;
  };
}

/** A function's lines go to its log group with the function's own credentials, so its role must allow it. */
async function deliver(
  endpoint: string,
  as: Credentials,
  logGroupName: string,
  logStreamName: string,
  lines: readonly string[],
): Promise<void> {
  const all = clients(endpoint, as);
  try {
    await all.logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName }));
    const timestamp = Date.now();
    await all.logs.send(
      new PutLogEventsCommand({
        logGroupName,
        logStreamName,
        logEvents: lines.map((message) => ({ message, timestamp })),
      }),
    );
  } finally {
    destroyClients(all);
  }
}
