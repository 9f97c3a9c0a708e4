import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants, createWriteStream, openSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { UpdraftError } from "../../core/errors.ts";
import type { InboundRule } from "../cloud/ports.ts";
import { GATEWAY, ipv6Of, plugIn, setLink } from "../network.ts";
import { lastLines, run, SYSTEM_PATH } from "../run.ts";
import { type Commands, commands } from "./commands.ts";
import { exec } from "./exec.ts";

const INIT = fileURLToPath(new URL("init.sh", import.meta.url));

export type MachineOptions = {
  readonly name: string;
  /** Fully qualified. */
  readonly hostName: string;
  readonly address: string;
  /** Root file system: directories of an overlay, topmost first. */
  readonly layers: readonly string[];
  /** Holds what the machine writes, and its console log; made here. */
  readonly directory: string;
  /** Name of the bridge's end of its cable, at most 15 characters. */
  readonly port: string;
  /** Who may open connections to it. */
  readonly inbound: "open" | readonly InboundRule[];
  /** An address beside its own at which the others reach it, and which it does not know of. */
  readonly publicIp?: string | undefined;
};

/** How a machine ended: `power-off` and `reboot` by itself, the rest by us or by a crash of its init. */
export type MachineEnd = "power-off" | "reboot" | "stopped" | "power-cut" | "crashed";

export type Machine = Commands & {
  readonly name: string;
  readonly hostName: string;
  readonly address: string;
  /** Its init, as the sandbox numbers it. */
  readonly pid: number;
  readonly ended: Promise<MachineEnd>;
  /** Lets every process end by SIGTERM, then cuts the power after graceSeconds. */
  stop(graceSeconds: number): Promise<void>;
  /** Ends all at once; its neighbours hear nothing more of it. */
  powerCut(): Promise<void>;
  link(state: "up" | "down"): Promise<void>;
};

/** In the words of nft. */
function acceptance({ protocol, fromPort, toPort, source }: InboundRule): string {
  const what = protocol === "-1" ? "" : `${protocol} dport ${fromPort}-${toPort} `;
  return `ip saddr ${source} ${what}accept`;
}

/** Boots a machine: an overlay of its root file system in namespaces of its own, with a cable to the bridge. */
export async function boot(options: MachineOptions): Promise<Machine> {
  const { directory, port } = options;
  const consoleLog = `${directory}/console.log`;
  for (const part of ["upper", "work", "root"]) await mkdir(`${directory}/${part}`, { recursive: true });
  await rm(`${directory}/console`, { force: true });
  await run(["mkfifo", "--mode=600", `${directory}/console`]);
  const closeConsole = openConsole(`${directory}/console`, consoleLog);

  const init = spawn(
    "unshare",
    [
      "--mount",
      "--pid",
      "--net",
      "--uts",
      "--ipc",
      "--fork",
      "--kill-child",
      "--propagation",
      "private",
      "--",
      "sh",
      INIT,
      directory,
      options.layers.join(":"),
      options.hostName,
      options.address,
      ipv6Of(options.address),
      GATEWAY,
      options.inbound === "open" ? "open" : options.inbound.map(acceptance).join("\n"),
      options.publicIp ?? "",
    ],
    { stdio: ["pipe", "pipe", "pipe"], cwd: "/", env: { PATH: SYSTEM_PATH, LC_ALL: "C.UTF-8" } },
  );
  let complaints = "";
  init.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  init.stdin.on("error", () => {});
  const exited = once(init, "exit") as Promise<[number | null, NodeJS.Signals | null]>;

  let ending: MachineEnd | undefined;
  const ended = exited.then(([, signal]): MachineEnd => {
    closeConsole();
    // reboot(2) in a pid namespace ends its init by SIGINT for halt and power off, by SIGHUP for restart.
    if (signal === "SIGINT") return "power-off";
    if (signal === "SIGHUP") return "reboot";
    return ending ?? "crashed";
  });
  const failure = (what: string) =>
    new UpdraftError(
      "failed",
      `machine ${options.name} ${what}: ${lastLines(complaints, 5) || "it said nothing"}`,
      `Look at ${consoleLog}.`,
    );
  const lines = createInterface({ input: init.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => {
    const line: IteratorResult<string> | undefined = await Promise.race([
      lines.next(),
      exited.then(() => undefined),
    ]);
    return line === undefined || line.done ? undefined : line.value;
  };
  const pid = Number(await nextLine());
  if (!(pid > 0)) throw failure("did not start");
  try {
    await plugIn(port, pid);
  } catch (error) {
    init.kill("SIGKILL");
    throw error;
  }
  init.stdin.end("go\n");
  if ((await nextLine()) !== "up") throw failure("did not boot");

  const running = () => init.exitCode === null && init.signalCode === null;
  const signalInit = (signal: NodeJS.Signals) => {
    try {
      if (running()) process.kill(pid, signal);
    } catch {
      // It ended by itself meanwhile.
    }
  };
  const powerCut = async () => {
    if (!running()) return;
    ending = "power-cut";
    // Without its cable, no dying socket can say good-bye.
    await setLink(port, "down").catch(() => {});
    signalInit("SIGKILL");
    await ended;
  };
  return {
    ...commands(options.name, async (command, execOptions = {}, signal) => {
      if (running()) return exec(pid, command, execOptions, signal);
      throw new UpdraftError("failed", `machine ${options.name} is off`, "Choose one that is running.");
    }),
    name: options.name,
    hostName: options.hostName,
    address: options.address,
    pid,
    ended,
    powerCut,
    async stop(graceSeconds) {
      ending ??= "stopped";
      signalInit("SIGTERM");
      let timer: NodeJS.Timeout | undefined;
      const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceSeconds * 1000)));
      await Promise.race([ended, patience]);
      clearTimeout(timer);
      await powerCut();
    },
    link: (state) => setLink(port, state),
  };
}

/** Copies what is written to the console into a file. We hold the pipe open for both, so that no writer ever waits or fails. */
function openConsole(fifo: string, logFile: string): () => void {
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: true, writable: false });
  const log = createWriteStream(logFile, { flags: "a", mode: 0o600 });
  socket.pipe(log);
  // What was still in the pipe when the machine ended is read before it is closed.
  return () => void setTimeout(() => socket.destroy() && log.end(), 100);
}
