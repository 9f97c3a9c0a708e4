import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, open, readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { messageOf, UpdraftError } from "../core/errors.ts";
import type {
  AuthorizationAnswer,
  AuthorizationEntry,
  CloudSettings,
  Credentials,
  Fault,
  InstanceView,
  Inventory,
  RequestLogEntry,
  SimulatedCall,
  TerminationEntry,
} from "./cloud/ports.ts";
import { type AccessPointRequest, callControl, type MachineView, type Status } from "./control.ts";
import { prepareHost } from "./host.ts";
import { unlessLocked, withLock } from "./lock.ts";
import { type Commands, commands } from "./machine/commands.ts";
import { cacheDirectory, type Place, place, sandboxesDirectory } from "./place.ts";
import type { Outcome, Plan } from "./plan.ts";
import { endSandbox, MARKER, sandboxInit, sandboxProcesses } from "./processes.ts";
import type { OnStep, Step } from "./progress.ts";
import type { Recipe } from "./rootfs/recipes.ts";
import { ensureRoots, type Roots } from "./rootfs/roots.ts";
import { clearHalfMade } from "./rootfs/store.ts";
import { lastLines, restrained, SYSTEM_PATH } from "./run.ts";

export const DEFAULT_NAME = "default";

const DAEMON = fileURLToPath(new URL("daemon-main.ts", import.meta.url));
const INIT = fileURLToPath(new URL("init.sh", import.meta.url));
const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const BUILT = ["access-point/updraft", "node/updraft-bootstrap"];
const ANSWER_SECONDS = 5;
const START_SECONDS = 180;
const END_SECONDS = 60;

type Environment = Readonly<Record<string, string | undefined>>;

export type UpOptions = {
  readonly name?: string;
  readonly onStep?: OnStep;
  /** Directory of the built programs. */
  readonly dist?: string;
  /** Trust domain of the first pool. */
  readonly domain?: string;
  /** Slots of the first access point's own; 0 unless named. */
  readonly localSlots?: number;
  readonly settings?: Partial<CloudSettings>;
  /** Images beside the usual ones: the one with HTCondor and Updraft, and what these add to it. */
  readonly extraImages?: readonly Recipe[];
  /** A command that runs everything of the sandbox below itself, such as strace. */
  readonly tracer?: readonly string[];
  readonly environment?: Environment;
};

/** A machine of the sandbox, reached from outside. */
export type SandboxMachine = Commands & {
  readonly name: string;
  /** Puts a file into HTCondor's config.d and makes the daemons read it. */
  configure(fileName: string, config: string): Promise<void>;
  powerCut(): Promise<void>;
  link(state: "up" | "down"): Promise<void>;
};

export type Sandbox = {
  readonly name: string;
  readonly directory: string;
  /** The first pool's. */
  readonly accessPoint: SandboxMachine;
  /** By instance id or host name. */
  machine(name: string): SandboxMachine;
  addAccessPoint(request: AccessPointRequest): Promise<SandboxMachine>;
  status(): Promise<Status>;
  instances(): Promise<readonly InstanceView[]>;
  consoleOutput(instanceId: string): Promise<string>;
  administrator(): Promise<Credentials>;
  subnets(): Promise<{ subnetId: string; zone: string; vpcId: string }[]>;
  createUser(name: string, policyArns: string[], documents?: Record<string, string>): Promise<Credentials>;
  removeUser(name: string): Promise<void>;
  interruptSpot(instanceId: string, seconds: number): Promise<void>;
  recommendRebalance(instanceId: string): Promise<void>;
  addFault(fault: Fault): Promise<string>;
  removeFault(id: string): Promise<void>;
  faults(): Promise<Fault[]>;
  requests(): Promise<RequestLogEntry[]>;
  authorizations(): Promise<AuthorizationEntry[]>;
  simulate(user: string, question: SimulatedCall): Promise<AuthorizationAnswer>;
  inventory(): Promise<Inventory>;
  terminationLog(): Promise<TerminationEntry[]>;
  settings(change: Partial<CloudSettings>): Promise<void>;
  invoke(functionName: string, event: unknown): Promise<{ payload: string; error?: string }>;
  /** As `npm run sandbox -- down`. */
  down(): Promise<void>;
};

/** `unfinished`: it is starting, or hangs. `dead`: only its directory is left. */
export type State = "up" | "unfinished" | "dead" | "down";

export async function state(name: string, environment: Environment = process.env): Promise<State> {
  return stateOf(place(name, environment));
}

async function stateOf(at: Place): Promise<State> {
  const processes = await sandboxProcesses(at.directory);
  if (processes.length === 0) return (await exists(at.directory)) ? "dead" : "down";
  return callControl(at.controlSocket, "status", undefined, { timeoutSeconds: ANSWER_SECONDS }).then(
    () => "up",
    () => "unfinished",
  );
}

/** Starts a sandbox and waits until its cloud answers and its access point takes jobs. What a dead one left is cleared away. */
export async function up(options: UpOptions = {}): Promise<Sandbox> {
  const { name = DEFAULT_NAME, onStep = () => {}, dist = DIST, environment = process.env } = options;
  const at = place(name, environment);
  const directory = sandboxesDirectory(environment);
  await refuseLiving(at);
  await requireBuilt(dist);
  await prepareHost(directory, onStep);
  const cache = cacheDirectory(environment);
  const spared = await plannedLayers(directory);
  const nodeProgram = `${dist}/node/updraft-bootstrap`;
  const roots = await ensureRoots({ cache, nodeProgram, extra: options.extraImages, spared, onStep });
  const plan: Plan = {
    name,
    roots,
    dist,
    accessPoint: { domain: options.domain ?? "pool.test", localSlots: options.localSlots ?? 0 },
    settings: options.settings ?? {},
  };
  await withLock(
    directory,
    () => {},
    async () => {
      await refuseLiving(at);
      await rm(at.directory, { recursive: true, force: true });
      await mkdir(at.directory, { mode: 0o700 });
      await writeFile(at.plan, JSON.stringify(plan));
      await writeFile(at.steps, "");
      await launch(at, directory, options.tracer ?? []);
    },
  );
  try {
    await followSteps(at, onStep);
  } catch (error) {
    await down(name, environment);
    throw error;
  }
  return attach(name, environment);
}

/** A sandbox that is up. */
export async function attach(
  name: string = DEFAULT_NAME,
  environment: Environment = process.env,
): Promise<Sandbox> {
  const at = place(name, environment);
  const socket = at.controlSocket;
  const found = await stateOf(at);
  if (found !== "up")
    throw new UpdraftError(
      "failed",
      `sandbox ${name} is not up (${found})`,
      "Start it: npm run sandbox -- up",
    );
  const status = () => callControl(socket, "status");
  const [first] = (await status()).machines;
  if (first === undefined)
    throw new UpdraftError("failed", `sandbox ${name} has no access point`, "Take it down.");
  return {
    name,
    directory: at.directory,
    accessPoint: sandboxMachine(socket, first.name),
    machine: (machine) => sandboxMachine(socket, machine),
    addAccessPoint: async (request) =>
      sandboxMachine(socket, (await callControl(socket, "addAccessPoint", request)).name),
    status,
    instances: async () => (await status()).instances,
    consoleOutput: (instanceId) => callControl(socket, "consoleOutput", { instanceId }),
    administrator: () => callControl(socket, "administrator"),
    subnets: () => callControl(socket, "subnets"),
    createUser: (user, policyArns, documents = {}) =>
      callControl(socket, "createUser", { name: user, policyArns, documents }),
    removeUser: (user) => callControl(socket, "removeUser", { name: user }),
    interruptSpot: (instanceId, seconds) => callControl(socket, "interruptSpot", { instanceId, seconds }),
    recommendRebalance: (instanceId) => callControl(socket, "recommendRebalance", { instanceId }),
    addFault: (fault) => callControl(socket, "addFault", fault),
    removeFault: (id) => callControl(socket, "removeFault", { id }),
    faults: () => callControl(socket, "faults"),
    requests: () => callControl(socket, "requests"),
    authorizations: () => callControl(socket, "authorizations"),
    simulate: (user, question) => callControl(socket, "simulate", { user, question }),
    inventory: () => callControl(socket, "inventory"),
    terminationLog: () => callControl(socket, "terminationLog"),
    settings: (change) => callControl(socket, "settings", change),
    invoke: (functionName, event) => callControl(socket, "invoke", { functionName, event }),
    down: async () => void (await down(name, environment)),
  };
}

/** Ends a sandbox, whole or broken, and removes all of it; false when there was none. */
export async function down(
  name: string = DEFAULT_NAME,
  environment: Environment = process.env,
): Promise<boolean> {
  const at = place(name, environment);
  const directory = sandboxesDirectory(environment);
  const found = await stateOf(at);
  if (found !== "down")
    await withLock(
      directory,
      () => {},
      async () => {
        if (!(await endSandbox(at.directory, END_SECONDS)))
          throw new UpdraftError(
            "failed",
            `processes of sandbox ${name} do not end: ${(await sandboxProcesses(at.directory)).join(" ")}`,
            "Look what they wait for: cat /proc/PID/stack",
          );
        await rm(at.directory, { recursive: true, force: true });
      },
    );
  // The last one out removes the directory of all; another sandbox in it is no error.
  await rmdir(directory).catch(() => {});
  // What a killed `up` has half built is of no use to anyone; what another is just building is.
  const cache = cacheDirectory(environment);
  if (await exists(cache)) await unlessLocked(cache, () => clearHalfMade(cache));
  return found !== "down";
}

/** What starts an interactive shell of root on a machine; it runs outside and reaches in. */
export async function shellCommand(
  name: string,
  machine: string | undefined,
  environment: Environment = process.env,
): Promise<[string, ...string[]]> {
  const at = place(name, environment);
  const { machines } = await (await attach(name, environment)).status();
  const found = machine === undefined ? machines[0] : findMachine(machines, machine);
  const init = await sandboxInit(at.directory);
  if (found === undefined || init === undefined)
    throw new UpdraftError(
      "usage",
      `no machine ${machine ?? ""} is running in sandbox ${name}`,
      `Running: ${machines.map((one) => one.name).join(", ")}.`,
    );
  const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid"];
  const variables = [
    `PATH=${SYSTEM_PATH}`,
    "HOME=/root",
    "USER=root",
    `TERM=${environment["TERM"] ?? "dumb"}`,
  ];
  return restrained([
    "nsenter",
    "--target",
    String(init),
    ...namespaces,
    "--",
    "nsenter",
    "--target",
    String(found.pid),
    ...namespaces,
    "--root",
    "--wd",
    "--",
    "env",
    "-i",
    "--chdir=/root",
    "LANG=C.UTF-8",
    ...variables,
    "bash",
    "-l",
  ]);
}

function findMachine(machines: readonly MachineView[], name: string): MachineView | undefined {
  return machines.find((one) => one.name === name || one.hostName === name);
}

function sandboxMachine(socket: string, name: string): SandboxMachine {
  const reached = commands(name, async (command, { stdin = "", ...options } = {}, signal) => {
    const stdinBase64 = Buffer.from(stdin).toString("base64");
    return callControl(
      socket,
      "exec",
      { machine: name, command, options, stdinBase64 },
      signal === undefined ? {} : { signal },
    );
  });
  return {
    ...reached,
    name,
    async configure(fileName, config) {
      await reached.writeFile(`/etc/condor/config.d/${fileName}`, config);
      await reached.run(["condor_reconfig"]);
    },
    powerCut: () => callControl(socket, "powerCut", { machine: name }),
    link: (state) => callControl(socket, "link", { machine: name, state }),
  };
}

async function refuseLiving(at: Place): Promise<void> {
  const found = await stateOf(at);
  if (found === "up")
    throw new UpdraftError("failed", `sandbox ${at.name} is up already`, "Use it, or take it down first.");
  if (found === "unfinished")
    throw new UpdraftError(
      "failed",
      `sandbox ${at.name} is being started by another, or hangs`,
      `Wait for it, or end it: npm run sandbox -- down --name ${at.name}`,
    );
}

/** Layers of root file systems that the sandboxes in this directory boot from. */
async function plannedLayers(directory: string): Promise<Set<string>> {
  const layers = new Set<string>();
  for (const name of await readdir(directory)) {
    const text = await readFile(`${directory}/${name}/plan.json`, "utf8").catch(() => undefined);
    if (text === undefined || text === "") continue;
    // A sandbox of another working copy may have been planned without them.
    const { extra = {}, ...usual } = (JSON.parse(text) as Plan).roots as Partial<Roots>;
    for (const root of [...Object.values(usual), ...Object.values(extra)])
      for (const layer of root) layers.add(layer);
  }
  return layers;
}

async function requireBuilt(dist: string): Promise<void> {
  for (const program of BUILT)
    if (!(await exists(`${dist}/${program}`)))
      throw new UpdraftError("failed", `${dist}/${program} is not there`, "Build it first: npm run build");
}

/** Starts the daemon in the sandbox's namespaces. The marker is in its environment before anything of it exists. */
async function launch(at: Place, directory: string, tracer: readonly string[]): Promise<void> {
  const log = await open(at.log, "a", 0o600);
  const namespaces = ["--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child"];
  const [program, ...args] = restrained([
    "unshare",
    ...namespaces,
    "--propagation",
    "private",
    "--",
    "sh",
    INIT,
    at.directory,
    ...tracer,
    process.execPath,
    DAEMON,
    at.name,
  ]);
  const child = spawn(program, args, {
    detached: true,
    cwd: "/",
    stdio: ["ignore", log.fd, log.fd],
    env: { PATH: SYSTEM_PATH, LC_ALL: "C.UTF-8", [MARKER]: at.directory, UPDRAFT_SANDBOX_DIR: directory },
  });
  await once(child, "spawn");
  child.unref();
  await log.close();
}

/** Hands on each step of the daemon until it says that it is ready. */
async function followSteps(at: Place, onStep: OnStep): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  let told = 0;
  for (;;) {
    // Asked before the file is read, so that what it wrote last is not missed.
    const alive = (await sandboxProcesses(at.directory)).length > 0;
    const lines = (await readFile(at.steps, "utf8").catch(() => "")).split("\n").slice(0, -1);
    for (const line of lines.slice(told)) {
      const said = JSON.parse(line) as Step | Outcome;
      if ("ready" in said) return;
      if ("gaveUp" in said) throw new UpdraftError("failed", said.gaveUp, said.remedy);
      onStep(said);
    }
    told = lines.length;
    const problem = alive ? `is not ready after ${START_SECONDS} s` : "ended while it was starting";
    if (!alive || Date.now() > deadline)
      throw new UpdraftError(
        "failed",
        `sandbox ${at.name} ${problem}: ${lastLines(await readFile(at.log, "utf8").catch(messageOf), 10)}`,
        "Try again; when it happens twice, look at what its log says above.",
      );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
