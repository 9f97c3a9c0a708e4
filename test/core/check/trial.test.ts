import assert from "node:assert/strict";
import { test } from "node:test";
import { mustHaveLease, parseCredentialReport, tryOrders } from "../../../core/check/trial.ts";
import type { TrialLaunch } from "../../../core/check/ports.ts";
import type { FleetRequest } from "../../../core/order.ts";
import { CheckWorld } from "../../support/check.ts";

const WOULD = { code: "DryRunOperation", message: "" };

async function trial(world: CheckWorld) {
  const fleets: FleetRequest[] = [];
  const launches: TrialLaunch[] = [];
  const trials = {
    fleet: async (request: FleetRequest) => (fleets.push(request), WOULD),
    launch: async (request: TrialLaunch) => (launches.push(request), WOULD),
  };
  const made = await tryOrders({ ...world.annexPorts, trials }, world.knobs, world.site);
  return { made, fleets, launches };
}

test("the orders that are tried are those that would be placed, and the same without the lease alone", async () => {
  const { fleets, launches } = await trial(new CheckWorld());
  const keys = (request?: FleetRequest): string[] =>
    request?.TagSpecifications[0]?.Tags.map((tag) => tag.Key) ?? [];
  const [ordered, leaseless] = fleets;
  assert.deepEqual(
    keys(ordered).filter((key) => !keys(leaseless).includes(key)),
    ["htcondor:LeaseExpiration"],
  );
  assert.deepEqual(ordered?.LaunchTemplateConfigs, leaseless?.LaunchTemplateConfigs);
  const [launched, without] = launches;
  assert.deepEqual(
    Object.keys(launched?.tags ?? {}).filter((key) => !(key in (without?.tags ?? {}))),
    ["htcondor:LeaseExpiration"],
  );
  assert.deepEqual(
    [launched?.template.id, launched?.type, launched?.subnet, launched?.group],
    ["lt-1", "m7i.large", "subnet-0123456789abcdef0", "sg-1"],
  );
});

test("a burstable type is tried with the template for burstable types", async () => {
  const world = new CheckWorld();
  world.knobs = { ...world.knobs, instanceTypes: ["t3.micro"], purchase: "spot" };
  const { fleets, launches } = await trial(world);
  assert.equal(launches[0]?.template.id, "lt-2");
  assert.equal(fleets[0]?.TargetCapacitySpecification.DefaultTargetCapacityType, "spot");
});

test("without the lease both calls must be refused", async () => {
  const { made } = await trial(new CheckWorld());
  assert.equal(mustHaveLease(made, "the hook", "Narrow it.").length, 2);
});

test("what is no report of the hook is refused", () => {
  for (const text of ["", "burst_JobsIdle = 3", "{}", '{"arn": "a"}', '{"arn": 1, "annexes": {}}']) {
    assert.throws(() => parseCredentialReport(text), { kind: "config", remedy: /same version/ });
  }
  assert.equal(parseCredentialReport('{"arn": "a", "annexes": {}}').arn, "a");
});
