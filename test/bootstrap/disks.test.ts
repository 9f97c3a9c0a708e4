import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { noInstance, onInstance, type InstanceResult } from "../support/on-instance.ts";
import { JOIN, program, world } from "./world.ts";

const EXECUTE = "/var/lib/condor/execute";
const MOUNTED = [
  "sh",
  "-c",
  `findmnt -no SOURCE,FSTYPE,OPTIONS ${EXECUTE}; stat -c %U ${EXECUTE}; ls ${EXECUTE}`,
];
const UNMOUNT = ["umount", EXECUTE];

/** Loop devices of these sizes in MiB, from which a machine with instance store is made; gone after the work. */
async function withDisks(
  sizes: readonly number[],
  work: (disks: readonly string[], prepare: readonly string[]) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "updraft-disks-"));
  const disks: string[] = [];
  try {
    for (const [index, mebibytes] of sizes.entries()) {
      const file = join(directory, `disk${index}`);
      writeFileSync(file, "");
      truncateSync(file, mebibytes * 1024 * 1024);
      disks.push(execFileSync("losetup", ["--find", "--show", file], { encoding: "utf8" }).trim());
    }
    const nodes = disks.map((disk) => `mknod ${disk} b 7 ${disk.replace("/dev/loop", "")}`);
    const owner = `mkdir -p ${EXECUTE}; chown games ${EXECUTE}`;
    await work(disks, ["sh", "-c", [...nodes, owner].join("; ")]);
  } finally {
    for (const disk of disks) execFileSync("losetup", ["--detach", disk]);
    rmSync(directory, { recursive: true });
  }
}

/** The kernel's own listing of these disks, but for what EC2 names them, and for what udev would know of the first. */
const lsblk = (disks: readonly string[]) => ({
  "/usr/sbin/lsblk": program(`
found() { blkid -p -s "$1" -o value ${disks[0]} | sed 's/.*/"&"/'; }
type=$(found TYPE) label=$(found LABEL)
/usr/bin/lsblk "$@" ${disks.join(" ")} | sed \\
  -e 's/"type": "loop"/"type": "disk"/' \\
  -e 's/"model": null/"model": "Amazon EC2 NVMe Instance Storage"/' \\
  -e 's/"fstype": null/"fstype": '"\${type:-null}"'/' \\
  -e 's/"label": null/"label": '"\${label:-null}"'/'`),
});

function succeeded({ commands }: InstanceResult): void {
  assert.deepEqual([...new Set(commands.map(({ status }) => status))], [0], JSON.stringify(commands));
}

describe("local disks", { skip: await noInstance("nft", "losetup", "mkfs.ext4", "lsblk", "wipefs") }, () => {
  it("carry the jobs' scratch directories, and are mounted again as they are after a reboot", () =>
    withDisks([16], async (disks, prepare) => {
      const job = ["touch", `${EXECUTE}/dir_1`];
      const commands = [prepare, JOIN, MOUNTED, job, JOIN, UNMOUNT, JOIN, MOUNTED, UNMOUNT];
      const result = await onInstance(await world({ files: lsblk(disks), commands }));
      succeeded(result);
      const [first, owner, ...rest] = (result.commands[2]?.output ?? "").split("\n");
      assert.match(first ?? "", new RegExp(`^${disks[0]} +ext4 .*nosuid.*nodev.*noatime`));
      assert.equal(owner, "games");
      assert.deepEqual(rest, ["lost+found", ""]);
      assert.match(result.commands[4]?.output ?? "", /local disks are not used: .* is mounted already/);
      assert.match(result.commands[7]?.output ?? "", /\ngames\ndir_1\n/);
    }));

  it("are the largest one where nothing makes one of several", () =>
    withDisks([8, 16], async (disks, prepare) => {
      const commands = [prepare, ["rm", "-f", "/usr/sbin/mdadm"], JOIN, MOUNTED, UNMOUNT];
      const result = await onInstance(await world({ files: lsblk(disks), commands }));
      succeeded(result);
      assert.match(
        result.commands[2]?.output ?? "",
        /2 local disks cannot be one, so .* alone is used: mdadm cannot be run/,
      );
      assert.match(result.commands[3]?.output ?? "", new RegExp(`^${disks[1]} `));
    }));

  it("keep what somebody else has put on them, also when the listing does not show it", () =>
    withDisks([16], async (disks, prepare) => {
      const [disk = ""] = disks;
      const blind = program(
        `echo '{"blockdevices":[{"path":"${disk}","type":"disk","size":1,"model":"Amazon EC2 NVMe Instance Storage",` +
          `"fstype":null,"label":null,"mountpoint":null,"ro":false}]}'`,
      );
      const theirs = ["mkfs.ext4", "-q", "-L", "theirs", disk];
      const label = ["blkid", "-p", "-s", "LABEL", "-o", "value", disk];
      for (const [files, why] of [
        [lsblk(disks), /local disks are not used: .*: in use or not blank, so left alone/],
        [{ "/usr/sbin/lsblk": blind }, /local disks are not used: .* is not formatted: there is ext4 on it/],
      ] as const) {
        const result = await onInstance(await world({ files, commands: [prepare, theirs, JOIN, label] }));
        succeeded(result);
        assert.match(result.commands[2]?.output ?? "", why);
        assert.equal(result.commands[3]?.output, "theirs\n");
      }
    }));
});
