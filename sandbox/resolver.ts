import { spawn } from "node:child_process";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { GATEWAY } from "./network.ts";
import { SYSTEM_PATH } from "./run.ts";

/** The VPC's resolver. It knows every ip-172-31-x-y.ec2.internal, the hosts that were added, and nothing else. */
export async function startResolver(
  directory: string,
  onEnd: (how: string) => void,
): Promise<{ addHost(address: string, ...names: string[]): Promise<void> }> {
  const hosts = `${directory}/hosts`;
  await mkdir(hosts, { recursive: true, mode: 0o755 });
  const server = spawn(
    "dnsmasq",
    [
      "--keep-in-foreground",
      "--conf-file=/dev/null",
      "--pid-file=",
      "--user=root",
      "--log-facility=-",
      "--no-resolv",
      "--no-hosts",
      "--bind-interfaces",
      `--listen-address=${GATEWAY}`,
      `--hostsdir=${hosts}`,
      // An empty answer for what is unknown, at once: there is no other resolver to ask.
      "--synth-domain=ec2.internal,172.31.0.0/16,ip-",
      "--address=/#/",
    ],
    { stdio: ["ignore", "inherit", "inherit"], env: { PATH: SYSTEM_PATH } },
  );
  server.once("error", (error) => onEnd(error.message));
  server.once("exit", (code, signal) => onEnd(`dnsmasq ended: ${signal ?? code}`));
  return {
    async addHost(address, ...names) {
      // dnsmasq reads a file as soon as it appears, so it must appear whole.
      await writeFile(`${directory}/.host`, `${address} ${names.join(" ")}\n`, { mode: 0o644 });
      await rename(`${directory}/.host`, `${hosts}/${address}`);
    },
  };
}
