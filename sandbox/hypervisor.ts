import { readFile, rm } from "node:fs/promises";
import { UpdraftError, messageOf } from "../core/errors.ts";
import type { BootRequest, Hypervisor } from "./cloud/ports.ts";
import { boot, type Machine } from "./machine/machine.ts";
import { readUserData } from "./user-data.ts";

const INSTANCE = "/var/lib/cloud/instance";

export type HypervisorOptions = {
  /** One directory an instance is made below it. */
  readonly directory: string;
  /** Root file system of each AMI, as the directories of an overlay. */
  readonly images: ReadonlyMap<string, readonly string[]>;
  /** Told when an instance ended without being asked to. */
  readonly onPowerOff: (instanceId: string) => void;
  readonly log: (line: string) => void;
};

export type MachineHypervisor = Hypervisor & {
  readonly machines: ReadonlyMap<string, Machine>;
};

/** Boots what EC2 launches as machines of this sandbox. */
export function hypervisor(options: HypervisorOptions): MachineHypervisor {
  const { directory, images, log } = options;
  const machines = new Map<string, Machine>();
  /** Still booting, and whether it is wanted no more. */
  const booting = new Map<string, { unwanted: boolean }>();
  let booted = 0;

  const start = async (request: BootRequest, layers: readonly string[]): Promise<Machine> => {
    const { instanceId } = request;
    const machine = await boot({
      name: instanceId,
      hostName: request.hostName,
      address: request.privateIp,
      layers,
      directory: `${directory}/${instanceId}`,
      port: `vi${++booted}`,
      inbound: request.inbound,
      publicIp: request.publicIp,
    });
    machines.set(instanceId, machine);
    void afterwards(machine, request, layers);
    return machine;
  };

  const afterwards = async (machine: Machine, request: BootRequest, layers: readonly string[]) => {
    const { instanceId } = request;
    const end = await machine.ended;
    log(`${instanceId} ended: ${end}`);
    machines.delete(instanceId);
    if (end === "reboot") {
      // EC2 keeps the instance, and cloud-init runs user data only once.
      await start(request, layers).catch((error: unknown) => {
        log(`${instanceId} did not come up again: ${messageOf(error)}`);
        options.onPowerOff(instanceId);
      });
      return;
    }
    // What it printed is kept, as on EC2; its disk is not.
    for (const part of ["upper", "work"])
      await rm(`${directory}/${instanceId}/${part}`, { recursive: true, force: true });
    if (end === "power-off" || end === "crashed") options.onPowerOff(instanceId);
  };

  return {
    machines,
    async boot(request) {
      const layers = images.get(request.imageId);
      if (layers === undefined)
        throw new UpdraftError(
          "failed",
          `there is no image ${request.imageId}`,
          "Register it with the cloud.",
        );
      const asked = { unwanted: false };
      booting.set(request.instanceId, asked);
      const machine = await start(request, layers).finally(() => booting.delete(request.instanceId));
      if (asked.unwanted) {
        await machine.powerCut();
        return;
      }
      await runUserData(machine, request.userData, log);
    },
    async powerOff(instanceId, graceSeconds) {
      const asked = booting.get(instanceId);
      if (asked !== undefined) asked.unwanted = true;
      await machines.get(instanceId)?.stop(graceSeconds);
    },
    consoleOutput: (instanceId) => readFile(`${directory}/${instanceId}/console.log`, "utf8").catch(() => ""),
  };
}

/** As cloud-init does: stored below /var/lib/cloud, run as root in a bare environment, printed to its log and the console. */
async function runUserData(machine: Machine, stored: Uint8Array, log: (line: string) => void): Promise<void> {
  const userData = readUserData(stored);
  if (userData.kind === "none") return;
  await machine.writeFile(`${INSTANCE}/user-data.txt`, userData.content, { mode: "600" });
  if (userData.kind === "ignored") {
    log(`${machine.name}: user data is not run: ${userData.why}`);
    await machine.run([
      "sh",
      "-c",
      `echo "cloud-init: user data is not run: ${userData.why}" > /dev/console`,
    ]);
    return;
  }
  const script = `${INSTANCE}/scripts/part-001`;
  await machine.writeFile(script, userData.content, { mode: "700" });
  const command = `env -i PATH="$PATH" LANG=C.UTF-8 ${script} 2>&1 </dev/null`;
  const ended = `echo "cloud-init: user data ended with exit status $?"`;
  machine
    .exec(["sh", "-c", `{ ${command}; ${ended}; } | tee -a /var/log/cloud-init-output.log > /dev/console`], {
      directory: "/",
    })
    .catch((error: unknown) => log(`${machine.name}: user data could not be run: ${messageOf(error)}`));
}
