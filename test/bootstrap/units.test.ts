import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { noInstance, onInstance, PROJECT } from "../support/on-instance.ts";
import { JOIN, world } from "./world.ts";

const SYSTEM = "/etc/systemd/system";
const UNITS = {
  "updraft-guard.service": `${SYSTEM}/updraft-guard.service`,
  "updraft-join.service": `${SYSTEM}/updraft-join.service`,
  "updraft-condor.conf": `${SYSTEM}/condor.service.d/updraft.conf`,
} as const;
const PROGRAMS = ["/usr/libexec/updraft/updraft-bootstrap", "/usr/sbin/condor_master"];
/** HTCondor's own, as far as ours must go with it. */
const CONDOR =
  "[Unit]\nAfter=network-online.target\nWants=network-online.target\n[Service]\nExecStart=/usr/sbin/condor_master -f\n";

const analyze = ((): boolean => {
  try {
    execFileSync("systemd-analyze", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** What systemd says about the units in a root of their own, in which the programs exist and what systemd itself brings. */
async function verify(change: (name: string, text: string) => string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "updraft-unit-"));
  const write = async (path: string, content: string, mode = 0o644): Promise<void> => {
    await mkdir(dirname(`${root}${path}`), { recursive: true });
    await writeFile(`${root}${path}`, content, { mode });
  };
  try {
    for (const program of PROGRAMS) await write(program, "#!/bin/sh\n", 0o755);
    await mkdir(`${root}/usr/lib/systemd`, { recursive: true });
    await promisify(execFile)("cp", ["-r", "/lib/systemd/system", `${root}/usr/lib/systemd/system`]);
    await write(`${SYSTEM}/condor.service`, CONDOR);
    for (const [name, path] of Object.entries(UNITS)) {
      await write(path, change(name, await readFile(`${PROJECT}/condor-config/${name}`, "utf8")));
    }
    const services = ["updraft-guard.service", "updraft-join.service", "condor.service"];
    const { stdout, stderr } = await promisify(execFile)("systemd-analyze", [
      "verify",
      "--man=no",
      "--recursive-errors=no",
      `--root=${root}`,
      ...services,
    ]).catch((error: unknown) => error as { stdout: string; stderr: string });
    return stdout + stderr;
  } finally {
    await rm(root, { recursive: true });
  }
}

describe("systemd's units of a node", { skip: !analyze && "no systemd-analyze" }, () => {
  it("have nothing in them that systemd would say something against", async () => {
    assert.equal(await verify((_, text) => text), "");
  });

  it("are really looked at", async () => {
    for (const unit of Object.keys(UNITS)) {
      const said = await verify((name, text) =>
        name === unit ? text.replace("[Unit]", "[Unit]\nAftr=x") : text,
      );
      assert.match(said, /Unknown key.*'Aftr'/, unit);
    }
  });

  it("name the files by which join, guard and HTCondor come one after the other", async () => {
    const source = await readFile(`${PROJECT}/core/node-state.ts`, "utf8");
    const read = (name: string): Promise<string> => readFile(`${PROJECT}/condor-config/${name}`, "utf8");
    const ready = /READY_PATH = "([^"]+)"/.exec(source)?.[1] ?? "none";
    assert.match(await read("updraft-condor.conf"), new RegExp(`^ConditionPathExists=${ready}$`, "m"));
    assert.match(await read("updraft-join.service"), new RegExp(`^ConditionPathExists=!${ready}$`, "m"));
    assert.match(
      await read("updraft-join.service"),
      /^ConditionPathExists=\/var\/lib\/updraft\/join\.json$/m,
    );
  });
});

describe("join where systemd runs", { skip: await noInstance("nft") }, () => {
  it("writes the units, starts guard and HTCondor by them, and again without touching what is as it should be", async () => {
    const files = { "/run/systemd/system/.here": { content: "", mode: "644" } };
    const inodes = [
      "sh",
      "-c",
      `stat -c '%n %i' ${Object.values(UNITS).join(" ")}; ls ${SYSTEM}/multi-user.target.wants`,
    ];
    const commands = [JOIN, inodes, JOIN, inodes];
    const started = "start updraft-guard.service\nstart condor\n";
    const result = await onInstance(await world({ files, commands }));
    assert.deepEqual(
      result.commands.map(({ status }) => status),
      [0, 0, 0, 0],
      JSON.stringify(result.commands),
    );
    assert.equal(result.files["/run/systemctl"]?.content, `daemon-reload\n${started}${started}`);
    assert.match(result.commands[1]?.output ?? "", /updraft-guard\.service\nupdraft-join\.service\n/);
    assert.equal(result.commands[3]?.output, result.commands[1]?.output);
    assert.equal(result.files["/run/master"], undefined, "HTCondor is systemd's to start");
  });
});
