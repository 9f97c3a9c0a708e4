import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LSBLK_COLUMNS, planScratch } from "../../core/node-disks.ts";

/** As `lsblk --json --bytes --output PATH,TYPE,SIZE,MODEL,FSTYPE,LABEL,MOUNTPOINT,RO` prints a Nitro instance. */
const device = (path: string, change: object = {}) => ({
  path,
  type: "disk",
  size: 75_000_000_000,
  model: "Amazon EC2 NVMe Instance Storage",
  fstype: null,
  label: null,
  mountpoint: null,
  ro: false,
  ...change,
});
const ebs = (path: string, change: object = {}) =>
  device(path, { model: "Amazon Elastic Block Store              ", ...change });
const part = (path: string, change: object) => device(path, { type: "part", model: null, ...change });
const ROOT = ebs("/dev/nvme0n1", {
  children: [
    part("/dev/nvme0n1p1", { fstype: "ext4", label: "cloudimg-rootfs", mountpoint: "/" }),
    part("/dev/nvme0n1p15", { fstype: "vfat", label: "UEFI", mountpoint: "/boot/efi" }),
  ],
});
const SWAP = device("/dev/zram0", { model: null, size: 0 });
const plan = (...devices: object[]) => planScratch(JSON.stringify({ blockdevices: devices }));
const array = (change: object) =>
  device("/dev/md127", { type: "raid0", model: null, fstype: "ext4", label: "updraft-scratch", ...change });
const member = { fstype: "linux_raid_member", label: "any:updraft" };

describe("an instance's local disks", () => {
  it("are not there on most instances", () => {
    assert.deepEqual(plan(ROOT, SWAP), { kind: "none" });
    assert.deepEqual(planScratch('{"blockdevices": []}'), { kind: "none" });
    assert.deepEqual(planScratch("{}"), { kind: "none" });
  });

  it("are formatted when they are blank, all of them, the largest first", () => {
    assert.deepEqual(plan(ROOT, device("/dev/nvme1n1")), { kind: "format", paths: ["/dev/nvme1n1"] });
    const two = [device("/dev/nvme1n1"), device("/dev/nvme2n1", { size: 900_000_000_000 })];
    assert.deepEqual(plan(ROOT, ...two), { kind: "format", paths: ["/dev/nvme2n1", "/dev/nvme1n1"] });
  });

  it("are never an EBS volume, however blank it is", () => {
    assert.deepEqual(plan(ROOT, ebs("/dev/nvme1n1")), { kind: "none" });
    const both = [ebs("/dev/nvme1n1", { size: 9e12 }), device("/dev/nvme2n1")];
    assert.deepEqual(plan(ROOT, ...both), { kind: "format", paths: ["/dev/nvme2n1"] });
  });

  for (const [what, change] of [
    ["a file system on it", { fstype: "xfs" }],
    [
      "a label like ours but no file system of ours",
      { fstype: "linux_raid_member", label: "updraft-scratch" },
    ],
    ["a member of another's array", { fstype: "linux_raid_member", label: "any:data" }],
    ["a partition", { children: [part("/dev/nvme1n1p1", {})] }],
    ["been mounted", { fstype: "ext4", mountpoint: "/data" }],
    ["been mounted with no file system that lsblk knows", { mountpoint: "[SWAP]" }],
    ["no room for writing", { ro: true }],
  ] as const) {
    it(`are left alone when one has ${what}`, () =>
      assert.deepEqual(plan(ROOT, device("/dev/nvme1n1", change)), {
        kind: "none",
        why: "/dev/nvme1n1: in use or not blank, so left alone",
      }));
  }

  it("are mounted as they are when we have formatted them before a reboot", () => {
    const ours = { fstype: "ext4", label: "updraft-scratch" };
    assert.deepEqual(plan(ROOT, device("/dev/nvme1n1", ours)), { kind: "mount", path: "/dev/nvme1n1" });
    assert.deepEqual(plan(device("/dev/nvme1n1"), device("/dev/nvme2n1", ours)), {
      kind: "mount",
      path: "/dev/nvme2n1",
    });
    const mounted = device("/dev/nvme1n1", { ...ours, mountpoint: "/var/lib/condor/execute" });
    assert.deepEqual(plan(ROOT, mounted), { kind: "none", why: "/dev/nvme1n1 is mounted already" });
  });

  it("are mounted as the array that we made of several, or made one again when nobody has put it together", () => {
    const disks = ["/dev/nvme1n1", "/dev/nvme2n1"];
    const assembled = disks.map((path) => device(path, { ...member, children: [array({})] }));
    assert.deepEqual(plan(ROOT, ...assembled), { kind: "mount", path: "/dev/md127" });
    const apart = disks.map((path) => device(path, member));
    assert.deepEqual(plan(ROOT, ...apart), { kind: "format", paths: disks });
  });

  it("are of no use without a device to name, which an odd listing has not", () => {
    assert.deepEqual(plan({ type: "disk", model: "Amazon EC2 NVMe Instance Storage" }), {
      kind: "none",
      why: ": in use or not blank, so left alone",
    });
    assert.match(LSBLK_COLUMNS, /PATH.*MOUNTPOINT,/);
  });
});
