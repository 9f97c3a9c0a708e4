import { access, constants, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { UpdraftError, messageOf } from "../core/errors.ts";
import { KEYRING } from "./rootfs/mirror.ts";
import { type OnStep, step } from "./progress.ts";
import { confined, run, SYSTEM_PATH } from "./run.ts";

/** Programs that a sandbox needs on the machine that it runs on, and Debian's packages of them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  mmdebstrap: "mmdebstrap",
  ip: "iproute2",
  nft: "nftables",
  dnsmasq: "dnsmasq-base",
  sysctl: "procps",
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  flock: "util-linux",
  mount: "mount",
};

export function requireRoot(): void {
  if (process.platform !== "linux")
    throw new UpdraftError("failed", "the sandbox needs Linux", "Run it in a virtual machine with Debian.");
  if (process.getuid?.() !== 0)
    throw new UpdraftError(
      "denied",
      "the sandbox makes namespaces and mounts: it needs root",
      "Run it with sudo.",
    );
}

/** Sees to it that this machine can carry a sandbox: installs what Debian has, and says plainly what else is missing. */
export async function prepareHost(directory: string, onStep: OnStep): Promise<void> {
  requireRoot();
  await providePrograms(PROGRAMS, onStep);
  await proveNetwork();
  await proveOverlay(directory);
}

/** Installs the Debian packages of those programs that are not there; the programs' names lead to the packages'. */
export async function providePrograms(
  programs: Readonly<Record<string, string>>,
  onStep: OnStep,
): Promise<void> {
  const missing = await missingPackages(programs);
  if (missing.length > 0) await install(missing, onStep);
  const still = await missingPackages(programs);
  if (still.length > 0)
    throw new UpdraftError(
      "failed",
      `${still.join(" ")} is installed and yet something of it is not on ${SYSTEM_PATH}`,
      `Install it anew: apt-get install --reinstall ${still.join(" ")}`,
    );
}

export async function missingPackages(
  programs: Readonly<Record<string, string>> = PROGRAMS,
): Promise<string[]> {
  const missing = new Set<string>();
  for (const [program, name] of Object.entries(programs)) if (!(await onPath(program))) missing.add(name);
  if (!(await readable(KEYRING))) missing.add("debian-archive-keyring");
  return [...missing].sort();
}

async function install(packages: readonly string[], onStep: OnStep): Promise<void> {
  const list = packages.join(" ");
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!isDebianLike(release) || !(await onPath("apt-get")))
    throw new UpdraftError(
      "failed",
      `these are missing, by the names of Debian's packages: ${list}`,
      "Install them by your distribution's own means.",
    );
  const aptInstall = () =>
    run(["apt-get", "-q", "-y", "--no-install-recommends", "install", ...packages], {
      environment: { DEBIAN_FRONTEND: "noninteractive" },
      remedy: `Install them by hand: apt-get install ${list}`,
    });
  await step(`install ${list}`, onStep, async () => {
    // Only when the package lists are missing or too old is it worth the time to fetch them.
    await aptInstall().catch(async () => {
      await run(["apt-get", "-q", "update"], { remedy: "Look at /etc/apt and at this machine's network." });
      await aptInstall();
    });
  });
}

export function isDebianLike(osRelease: string): boolean {
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(osRelease);
}

/** In a network namespace of its own, so that nothing of this machine's network is touched. */
async function proveNetwork(): Promise<void> {
  const script =
    "ip link add b0 type bridge && ip link add v0 type veth peer name v1 && ip link set v0 master b0";
  await run([
    "unshare",
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--uts",
    "--ipc",
    "--",
    "sh",
    "-c",
    script,
  ]).catch((error: unknown) => {
    throw new UpdraftError(
      "failed",
      `the kernel does not give us a network of our own: ${messageOf(error)}`,
      "It needs namespaces, veth and bridge (modprobe veth bridge); in a container, it must be privileged.",
    );
  });
}

/** The last sandbox that goes takes the common directory with it, perhaps just now. */
async function trialDirectory(directory: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    await mkdir(directory, { recursive: true, mode: 0o755 });
    try {
      return await mkdtemp(`${directory}/.overlay-`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempt === 5) throw error;
    }
  }
}

async function proveOverlay(directory: string): Promise<void> {
  const trial = await trialDirectory(directory);
  try {
    const options = `lowerdir=${trial}/l,upperdir=${trial}/u,workdir=${trial}/w,volatile`;
    const script = `cd ${trial} && mkdir l u w m && mount -t overlay overlay -o ${options} m`;
    await run(confined(["sh", "-c", script]));
  } catch (error) {
    throw new UpdraftError(
      "failed",
      `no overlay file system can be mounted on ${directory}: ${messageOf(error)}`,
      "It needs Linux 5.10 or newer (modprobe overlay) and a directory on ext4, xfs or tmpfs, not on another overlay: set UPDRAFT_SANDBOX_DIR and UPDRAFT_SANDBOX_CACHE.",
      error,
    );
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

async function onPath(program: string): Promise<boolean> {
  for (const directory of SYSTEM_PATH.split(":"))
    if (await readable(`${directory}/${program}`, constants.X_OK)) return true;
  return false;
}

async function readable(path: string, mode: number = constants.R_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
