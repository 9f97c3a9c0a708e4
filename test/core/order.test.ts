import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clientToken, order, type OrderTerms } from "../../core/order.ts";

const TERMS: OrderTerms = {
  id: "0123456789abcdef",
  annex: "burst",
  pool: "pool.test",
  schedd: "cm.pool.test",
  owner: "alice",
  market: "spot",
  count: 3,
  orderedAt: 1000,
  leaseExpiration: 4600,
  idleSeconds: 600,
  maxPrice: 0.1,
  imageId: "ami-0123456789abcdef0",
  subnets: ["subnet-1", "subnet-2"],
  types: [
    { type: "m7i.large", burstable: false },
    { type: "t3.micro", burstable: true },
    { type: "m6i.large", burstable: false },
  ],
  template: { id: "lt-1", version: "3" },
  burstableTemplate: { id: "lt-2", version: "4" },
  tags: { CostCenter: "42" },
};

test("a spot order is an instant fleet over every type and subnet, each by the right template", () => {
  const { request, ...rest } = order(TERMS);
  assert.deepEqual(rest, { id: "0123456789abcdef", market: "spot", count: 3, orderedAt: 1000 });
  const override = (InstanceType: string, SubnetId: string) => ({
    InstanceType,
    SubnetId,
    ImageId: "ami-0123456789abcdef0",
    MaxPrice: "0.1",
  });
  assert.deepEqual(request, {
    Type: "instant",
    ClientToken: "updraft-burst-0123456789abcdef",
    TargetCapacitySpecification: { TotalTargetCapacity: 3, DefaultTargetCapacityType: "spot" },
    SpotOptions: { AllocationStrategy: "price-capacity-optimized" },
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: "lt-1", Version: "3" },
        Overrides: [
          override("m7i.large", "subnet-1"),
          override("m7i.large", "subnet-2"),
          override("m6i.large", "subnet-1"),
          override("m6i.large", "subnet-2"),
        ],
      },
      {
        LaunchTemplateSpecification: { LaunchTemplateId: "lt-2", Version: "4" },
        Overrides: [override("t3.micro", "subnet-1"), override("t3.micro", "subnet-2")],
      },
    ],
    TagSpecifications: [
      {
        ResourceType: "instance",
        Tags: [
          { Key: "CostCenter", Value: "42" },
          { Key: "Name", Value: "updraft-burst" },
          { Key: "htcondor:AnnexName", Value: "burst" },
          { Key: "htcondor:LeaseExpiration", Value: "4600" },
          { Key: "htcondor:OrderId", Value: "0123456789abcdef" },
          { Key: "htcondor:OrderedAt", Value: "1000" },
          { Key: "htcondor:Pool", Value: "pool.test" },
          { Key: "htcondor:Schedd", Value: "cm.pool.test" },
          { Key: "htcondor:IdleSeconds", Value: "600" },
          { Key: "htcondor:Owner", Value: "alice" },
        ],
      },
    ],
  });
});

test("an on-demand order takes the cheapest, and the price limits the whole fleet", () => {
  const { request } = order({ ...TERMS, market: "on-demand", maxPrice: 0.1 });
  assert.deepEqual(request.OnDemandOptions, { AllocationStrategy: "lowest-price", MaxTotalPrice: "0.3" });
  assert.equal(request.SpotOptions, undefined);
  assert.ok(
    request.LaunchTemplateConfigs.every((config) => config.Overrides.every((one) => !("MaxPrice" in one))),
  );
});

test("without a price there is no limit in the request", () => {
  for (const market of ["spot", "on-demand"] as const) {
    assert.doesNotMatch(JSON.stringify(order({ ...TERMS, market, maxPrice: undefined })), /Price":/);
  }
});

test("a template that no type needs is left out", () => {
  const { request } = order({ ...TERMS, types: [{ type: "t3.micro", burstable: true }] });
  assert.deepEqual(
    request.LaunchTemplateConfigs.map((config) => config.LaunchTemplateSpecification.LaunchTemplateId),
    ["lt-2"],
  );
});

test("prices are written without an exponent and read back as they were", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 99_999_999 }), (millionths) => {
      const { request } = order({ ...TERMS, maxPrice: millionths / 1e6 });
      const text = request.LaunchTemplateConfigs[0]?.Overrides[0]?.MaxPrice ?? "";
      assert.match(text, /^\d+(\.\d+)?$/);
      assert.equal(Math.round(Number(text) * 1e6), millionths);
    }),
  );
});

test("the client token of the longest annex name still fits EC2", () => {
  assert.ok(clientToken("a".repeat(27), "f".repeat(16)).length <= 64);
});

test("an organisation's tag can never take the place of the lease", () => {
  const { request } = order({ ...TERMS, tags: { "htcondor:LeaseExpiration": "9999999999" } });
  const tags = request.TagSpecifications[0]?.Tags ?? [];
  assert.deepEqual(
    tags.filter((tag) => tag.Key === "htcondor:LeaseExpiration").map((tag) => tag.Value),
    ["4600"],
  );
});

test("places that EC2 refused are left out, and a template without places too", () => {
  const places = (refused: OrderTerms["refused"]) =>
    order({ ...TERMS, ...(refused && { refused }) }).request.LaunchTemplateConfigs.map((config) =>
      config.Overrides.map((one) => `${one.InstanceType} ${one.SubnetId}`),
    );
  assert.deepEqual(
    places([
      { type: "m7i.large", subnet: "subnet-1" },
      { type: "t3.micro", subnet: "subnet-1" },
      { type: "t3.micro", subnet: "subnet-2" },
    ]),
    [["m7i.large subnet-2", "m6i.large subnet-1", "m6i.large subnet-2"]],
  );
  assert.deepEqual(places([]), places(undefined));
});
