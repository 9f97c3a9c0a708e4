import { appendFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { messageOf, UpdraftError } from "../core/errors.ts";
import { bootAccessPoint } from "./access-point/access-point.ts";
import { centralManager } from "./access-point/pool-config.ts";
import type { Cloud, CloudOptions } from "./cloud/ports.ts";
import { type AccessPointRequest, type Control, type MachineView, serveControl } from "./control.ts";
import { hypervisor } from "./hypervisor.ts";
import { images } from "./images.ts";
import type { Machine } from "./machine/machine.ts";
import { createBridge, ENDPOINT, ipv4Of, METADATA, METADATA_IPV6 } from "./network.ts";
import type { Place } from "./place.ts";
import type { Outcome, Plan } from "./plan.ts";
import { type Step, step } from "./progress.ts";
import { startResolver } from "./resolver.ts";
import { run } from "./run.ts";

/** Access points have the addresses from this one on. */
const FIRST_ACCESS_POINT = 10;
const ACCESS_POINTS = 200;

/**
 * Everything of a sandbox, in the namespaces that its init has made. It ends by being killed: then the
 * kernel ends all processes below it and drops their mounts and networks.
 */
export async function daemon(
  place: Place,
  startCloud: (options: CloudOptions) => Promise<Cloud>,
): Promise<void> {
  process.umask(0o022);
  const tell = (line: Step | Outcome) => appendFileSync(place.steps, `${JSON.stringify(line)}\n`);
  try {
    await start(place, startCloud, tell);
    tell({ ready: true });
  } catch (error) {
    log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    tell({
      gaveUp: messageOf(error),
      remedy: error instanceof UpdraftError ? error.remedy : `Look at ${place.log}.`,
    });
    process.exit(1);
  }
}

async function start(
  place: Place,
  startCloud: (options: CloudOptions) => Promise<Cloud>,
  tell: (line: Step) => void,
): Promise<void> {
  const { directory } = place;
  const plan = JSON.parse(await readFile(place.plan, "utf8")) as Plan;
  const resolver = await step("network and resolver", tell, async () => {
    await createBridge();
    return startResolver(directory, (how) => log(how));
  });

  const machines = hypervisor({
    directory: `${directory}/instances`,
    images: new Map(images(plan.roots).map(({ imageId, layers }) => [imageId, layers])),
    onPowerOff: (instanceId) => cloud.poweredOff(instanceId),
    log,
  });
  const cloud: Cloud = await step("cloud (AWS emulator and its front)", tell, async () =>
    startCloud({
      directory: await made(`${directory}/cloud`),
      motoRoot: await mountRoot(`${directory}/moto`, plan.roots.moto),
      endpointAddress: ENDPOINT,
      metadataAddresses: [METADATA, METADATA_IPV6],
      metadataSource: ipv4Of,
      images: images(plan.roots).map(({ imageId, name, description }) => ({ imageId, name, description })),
      hypervisor: machines,
      settings: plan.settings,
      log,
    }),
  );

  const accessPoints: Machine[] = [];
  const domains: string[] = [];
  const addAccessPoint = async ({ domain, localSlots = 0 }: AccessPointRequest): Promise<Machine> => {
    if (domains.includes(domain))
      throw new UpdraftError("usage", `there is a pool ${domain} already`, "Choose another domain.");
    const number = domains.push(domain) - 1;
    if (number >= ACCESS_POINTS)
      throw new UpdraftError("capacity", `there are ${number} pools already`, "Use one of them.");
    const pool = { domain, address: `172.31.255.${FIRST_ACCESS_POINT + number}`, localSlots };
    await resolver.addHost(pool.address, centralManager(pool));
    const machine = await bootAccessPoint({
      pool,
      layers: plan.roots.htcondor,
      directory: `${directory}/access-points/${domain}`,
      port: `va${number}`,
      dist: plan.dist,
      endpoint: cloud.endpoint,
      region: cloud.region,
      credentials: cloud.administrator,
    });
    accessPoints.push(machine);
    void machine.ended.then((end) => log(`${machine.name} ended: ${end}`));
    return machine;
  };
  await step(`access point cm.${plan.accessPoint.domain} (HTCondor)`, tell, () =>
    addAccessPoint(plan.accessPoint),
  );

  const all = () => [...accessPoints, ...machines.machines.values()];
  const machine = (name: string): Machine => {
    const found = all().find((one) => one.name === name || one.hostName === name);
    if (found !== undefined) return found;
    throw new UpdraftError(
      "failed",
      `no machine ${name} is running`,
      `Running: ${all()
        .map((one) => one.name)
        .join(", ")}.`,
    );
  };
  const control: Control = {
    status: () => ({
      endpoint: cloud.endpoint,
      region: cloud.region,
      accountId: cloud.accountId,
      machines: all().map(view),
      instances: cloud.instances(),
    }),
    exec: ({ machine: name, command, options, stdinBase64 }, signal) =>
      machine(name).exec(command, { ...options, stdin: Buffer.from(stdinBase64, "base64") }, signal),
    powerCut: ({ machine: name }) => machine(name).powerCut(),
    link: ({ machine: name, state }) => machine(name).link(state),
    consoleOutput: ({ instanceId }) => machines.consoleOutput(instanceId),
    addAccessPoint: async (call) => view(await addAccessPoint(call)),
    administrator: () => cloud.administrator,
    subnets: () => cloud.subnets(),
    createUser: ({ name, policyArns, documents }) => cloud.createUser(name, policyArns, documents),
    removeUser: ({ name }) => cloud.removeUser(name),
    interruptSpot: ({ instanceId, seconds }) => cloud.interruptSpot(instanceId, seconds),
    recommendRebalance: ({ instanceId }) => cloud.recommendRebalance(instanceId),
    addFault: (fault) => cloud.addFault(fault),
    removeFault: ({ id }) => cloud.removeFault(id),
    faults: () => cloud.faults(),
    requests: () => cloud.requests(),
    authorizations: () => cloud.authorizations(),
    simulate: ({ user, question }) => cloud.simulate(user, question),
    inventory: () => cloud.inventory(),
    terminationLog: () => cloud.terminationLog(),
    settings: (change) => cloud.settings(change),
    invoke: ({ functionName, event }) => cloud.invoke(functionName, event),
  };
  await serveControl(place.controlSocket, control);
}

/** A root file system that is only looked into or chrooted to, mounted in the sandbox's own mount namespace. */
async function mountRoot(directory: string, layers: readonly string[]): Promise<string> {
  for (const part of ["upper", "work", "root"]) await made(`${directory}/${part}`);
  const options = `lowerdir=${layers.join(":")},upperdir=${directory}/upper,workdir=${directory}/work,volatile`;
  await run(["mount", "-t", "overlay", "overlay", "-o", options, `${directory}/root`]);
  return `${directory}/root`;
}

async function made(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  return directory;
}

function view({ name, hostName, address, pid }: Machine): MachineView {
  return { name, hostName, address, pid };
}

function log(line: string): void {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
}
