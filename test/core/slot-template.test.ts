import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAd } from "../../core/ad-json.ts";
import { templates, type SlotAds } from "../../core/slot-template.ts";
import { annex } from "../support/knobs.ts";

const ANNEX = annex({
  instanceTypes: ["m7i.large", "m7g.large"],
  slotAttributes: { HasScratch: "true", Arch: '"other"' },
});

const ec2 = {
  instanceTypes: async (types: readonly string[]) =>
    types.map((type) => ({ type, burstable: false, cpus: 2, memory: 8192, gpus: 0 })),
};

const SLOT = parseAd(
  '{ "Arch": "X86_64", "Cpus": 0, "Memory": 10, "TotalSlotCpus": 4, "TotalSlotMemory": 9000, "TotalSlotDisk": 7, "State": "Claimed", "HasTool": true }',
);

const known = (slots: Partial<Record<"m7i.large" | "m7g.large" | "any" | "made", boolean>>): SlotAds => ({
  last: async (_image, type) => (slots[(type ?? "any") as "any"] === true ? SLOT : undefined),
  recorded: async () => (slots.made === true ? SLOT : undefined),
});

const of = (slots: Parameters<typeof known>[0]) =>
  templates({ ec2, slotAds: known(slots) }, ANNEX, "ami-1", "pool.test");

test("of a type that has been seen it is the last real slot, whole and unclaimed", async () => {
  const { slots, proven } = await of({ "m7i.large": true, "m7g.large": true });
  assert.equal(proven, true);
  assert.deepEqual(
    slots.map(({ size }) => size),
    [1, 2].map(() => ({ cpus: 4, memory: 9000, disk: 7, gpus: 0 })),
  );
  assert.match(slots[0]?.ad ?? "", /^\[ arch = "X86_64"; cpus = 4; memory = 9000; /);
  assert.match(
    slots[0]?.ad ?? "",
    /state = "Unclaimed"; hastool = true; .*requirements = Start; hasscratch = true \]$/,
  );
});

test("a type that has not been seen has the software of its image and the size that EC2 tells", async () => {
  for (const slots of [{ "m7i.large": true, any: true }, { made: true }]) {
    const found = await of(slots);
    assert.equal(found.proven, true);
    assert.deepEqual(found.slots[1]?.size, {
      cpus: 2,
      memory: 7618,
      disk: Number.POSITIVE_INFINITY,
      gpus: 0,
    });
    assert.match(found.slots[1]?.ad ?? "", /hastool = true/);
  }
});

test("of an image that nobody has seen only the type's facts and _SLOT_ATTRS are known", async () => {
  const { slots, proven } = await of({});
  assert.equal(proven, false);
  assert.match(
    slots[0]?.ad ?? "",
    /^\[ arch = "X86_64"; opsys = "LINUX"; .*annexname = "burst"; .*cpus = 2; /,
  );
  assert.match(slots[0]?.ad ?? "", /hasscratch = true \]$/);
  assert.match(slots[1]?.ad ?? "", /^\[ arch = "aarch64"/);
});

test("it is advertised as the annex's nodes will be, whatever was recorded, for jobs' requirements read that", async () => {
  const recorded = parseAd('{ "Arch": "X86_64", "AuthenticatedIdentity": "annex-other@pool.test" }');
  const slotAds: SlotAds = { last: async () => recorded, recorded: async () => undefined };
  for (const [credential, identity] of [
    ["idtoken", "annex-burst@pool.test"],
    ["password", "condor@password"],
  ] as const) {
    for (const ads of [slotAds, known({})]) {
      const found = await templates({ ec2, slotAds: ads }, annex({ credential }), "ami-1", "pool.test");
      for (const { ad } of found.slots) {
        assert.ok(ad.includes(`authenticatedidentity = "${identity}"`), ad);
        assert.equal(ad.match(/authenticatedidentity/gi)?.length, 1);
      }
    }
  }
});

test("which processor a type has is told by its name", async () => {
  const arm = [
    "a1.large",
    "t4g.micro",
    "m7gd.large",
    "im4gn.large",
    "is4gen.large",
    "x2gd.large",
    "hpc7g.4xlarge",
  ];
  const intel = ["g4dn.xlarge", "g6e.xlarge", "m7i-flex.large", "p5en.48xlarge", "c5.large"];
  for (const [types, word] of [
    [arm, "aarch64"],
    [intel, "X86_64"],
  ] as const) {
    const all = annex({ instanceTypes: types });
    const { slots } = await templates({ ec2, slotAds: known({}) }, all, "ami-1", "pool.test");
    assert.deepEqual(
      slots.map(({ ad }) => /^\[ arch = "(\w+)"/.exec(ad)?.[1]),
      types.map(() => word),
    );
  }
});
