import type { SandboxMachine } from "../sandbox/sandbox.ts";

/** What running a program on the access point costs: seconds, seconds of CPU, and megabytes of the largest process. */
export type ProcessCost = {
  readonly wall: number;
  /** Of the program itself and of all that it starts. */
  readonly cpu: number;
  readonly started: number;
  readonly peak: number;
  readonly startedPeak: number;
  /** Of the schedd's own process, and of those that it forked meanwhile. */
  readonly schedd: number;
  readonly forked: number;
  /** Printed. */
  readonly megabytes: number;
};

/** Reads the kernel's own account in /proc while the program runs; the sandbox's HTCondor brings the Python along. */
const SCRIPT = `
import json, os, select, subprocess, sys, time
TICKS = os.sysconf("SC_CLK_TCK")
def times(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return [int(n) / TICKS for n in stat.read().rsplit(")", 1)[1].split()[11:15]]
def peak(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(l.split()[1]) / 1000 for l in status if l.startswith("VmHWM")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0
def below(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return [int(n) for n in children.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
schedd = int(sys.argv[1])
before, begun = times(schedd), time.monotonic()
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
own = started = size = 0
last = [0, 0, 0, 0]
while True:
    own = max(own, peak(child.pid))
    started = max([started] + [peak(pid) for pid in below(child.pid)])
    ready, _, _ = select.select([child.stdout], [], [], 0.005)
    some = os.read(child.stdout.fileno(), 1 << 20) if ready else None
    size += len(some or b"")
    if some == b"" or os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        last = times(child.pid)
        while some := os.read(child.stdout.fileno(), 1 << 20):
            size += len(some)
        break
wall = time.monotonic() - begun
child.wait()
time.sleep(0.5)
after = times(schedd)
print(json.dumps({
    "exit": child.returncode, "wall": wall, "cpu": last[0] + last[1], "started": last[2] + last[3],
    "peak": own, "startedPeak": started, "megabytes": size / 1e6,
    "schedd": after[0] + after[1] - before[0] - before[1], "forked": after[2] + after[3] - before[2] - before[3],
}))
`;

/** Runs it once, as root unless said; it must succeed. */
export async function processCost(
  accessPoint: SandboxMachine,
  command: readonly string[],
  options: Parameters<SandboxMachine["run"]>[1] = {},
): Promise<ProcessCost> {
  const schedd = (await accessPoint.run(["pgrep", "-x", "-o", "condor_schedd"])).trim();
  const measured = await accessPoint.run(["python3", "-c", SCRIPT, schedd, ...command], {
    timeoutSeconds: 120,
    ...options,
  });
  const { exit, ...cost } = JSON.parse(measured) as ProcessCost & { exit: number };
  if (exit !== 0) throw new Error(`${command.slice(0, 4).join(" ")} ended with status ${exit}`);
  return cost;
}
