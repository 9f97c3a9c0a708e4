import assert from "node:assert/strict";
import { test } from "node:test";
import type { Owner } from "../../core/instance.ts";
import { order, type LaunchTemplate, type Order } from "../../core/order.ts";
import type { Ec2 } from "../../core/ports.ts";
import { TAG } from "../../core/tags.ts";

/** Where the instances of a contract are launched. */
export type LaunchSite = { template: LaunchTemplate; imageId: string; subnets: readonly string[] };

const owner: Owner = { annex: "contract", pool: "pool.test", schedd: "cm.pool.test" };

/** What EC2 must do for orders, status and delete. */
export function ec2Contract(name: string, ec2: () => Ec2, site: () => LaunchSite): void {
  const orderOf = (id: string, count: number, of: Owner = owner): Order =>
    order({
      ...of,
      ...site(),
      id,
      owner: "alice",
      market: "on-demand",
      count,
      orderedAt: 1_800_000_000,
      leaseExpiration: 4_000_000_000,
      idleSeconds: 1200,
      maxPrice: undefined,
      types: [{ type: "m5.large", burstable: false }],
      burstableTemplate: site().template,
      tags: { CostCenter: "42" },
    });
  const placed = async (one: Order): Promise<readonly string[]> => {
    const answer = await ec2().createFleet(one.request);
    assert.equal(answer.outcome, "answered");
    return answer.outcome === "answered" ? answer.instanceIds : [];
  };

  test(`${name}: an order's instances carry its tags from the first moment, and the same request is the same order`, async () => {
    const one = orderOf("order1", 3);
    const ids = await placed(one);
    assert.equal(ids.length, 3);
    const seen = (await ec2().instances(owner)).filter(({ id }) => ids.includes(id));
    assert.equal(seen.length, 3);
    for (const { tags } of seen) {
      assert.equal(tags[TAG.order], "order1");
      assert.equal(tags[TAG.lease], "4000000000");
      assert.equal(tags["CostCenter"], "42");
    }
    const answer = await ec2().createFleet(one.request);
    assert.ok(answer.outcome === "answered");
    assert.deepEqual(
      answer.launched?.map(({ id, type, zone }) => [id, type, zone]).sort(),
      seen.map(({ id, type, zone }) => [id, type, zone]).sort(),
    );
    assert.deepEqual([...(await placed(one))].sort(), [...ids].sort());
    assert.equal((await ec2().instances(owner)).length, 3);
  });

  test(`${name}: instances of another pool or schedd with the same annex name are not among ours`, async () => {
    const before = await ec2().instances(owner);
    await placed(orderOf("order2", 1, { ...owner, pool: "other.test" }));
    await placed(orderOf("order3", 1, { ...owner, schedd: "other.pool.test" }));
    assert.deepEqual(
      (await ec2().instances(owner)).map(({ id }) => id).sort(),
      before.map(({ id }) => id).sort(),
    );
    assert.ok((await ec2().liveInstances("contract")).length >= before.length + 2);
  });

  test(`${name}: one id that is gone does not keep the others alive`, async () => {
    const ids = await placed(orderOf("order4", 2));
    await ec2().terminate([ids[0] ?? "", "i-00000000000000000", ids[1] ?? ""]);
    const left = (await ec2().instances(owner)).filter(({ id }) => ids.includes(id));
    assert.deepEqual(
      [...new Set(left.map(({ state }) => state))].filter(
        (state) => state === "running" || state === "pending",
      ),
      [],
    );
    for (const { ended = 0, launched } of left) {
      assert.ok(ended >= Math.floor(launched) && ended < launched + 600, `${ended} after ${launched}`);
    }
  });

  test(`${name}: what a fleet could not launch says where, in which market and why`, async () => {
    const one = order({
      ...owner,
      ...site(),
      id: "order6",
      owner: "alice",
      market: "spot",
      count: 1,
      orderedAt: 1_800_000_000,
      leaseExpiration: 4_000_000_000,
      idleSeconds: 1200,
      maxPrice: undefined,
      types: [{ type: "g4dn.xlarge", burstable: false }],
      burstableTemplate: site().template,
      tags: {},
    });
    const answer = await ec2().createFleet(one.request);
    assert.equal(answer.outcome, "answered");
    if (answer.outcome !== "answered") return;
    assert.deepEqual(answer.instanceIds, []);
    assert.deepEqual(
      answer.errors.map(({ code, market, type, subnet }) => ({ code, market, type, subnet })),
      site().subnets.map((subnet) => ({
        code: "MaxSpotInstanceCountExceeded",
        market: "spot",
        type: "g4dn.xlarge",
        subnet,
      })),
      "a new account may launch no GPUs",
    );
    assert.match(answer.errors[0]?.zone ?? "", /^us-east-1[a-f]$/);
  });

  test(`${name}: one id that is gone does not keep the others from their tags, wherever it stands`, async () => {
    const ids = await placed(orderOf("order5", 3));
    for (let place = 0; place <= ids.length; place++) {
      const release = String(place + 1);
      await ec2().tag([...ids.slice(0, place), "i-00000000000000000", ...ids.slice(place)], {
        [TAG.release]: release,
      });
      const seen = (await ec2().instances(owner)).filter(({ id }) => ids.includes(id));
      assert.deepEqual(
        seen.map(({ tags }) => tags[TAG.release]),
        ids.map(() => release),
      );
    }
  });

  test(`${name}: an image that is not there is undefined, and one that is has its name`, async () => {
    assert.equal(await ec2().image("ami-0ffffffffffffffff"), undefined);
    const image = await ec2().image(site().imageId);
    assert.equal(image?.id, site().imageId);
    assert.deepEqual(
      [image.usageOperation, image.platform, image.marketplace],
      ["RunInstances", "Linux/UNIX", false],
    );
    assert.deepEqual(
      image.volumes.map(({ type, gib }) => [type, gib]),
      [["gp3", 8]],
    );
  });

  test(`${name}: types and subnets come with their facts, and one that is not there is said by name`, async () => {
    const [burstable, plain] = await Promise.all([
      ec2().instanceTypes(["t3.micro"]),
      ec2().instanceTypes(["m5.large"]),
    ]);
    assert.deepEqual([burstable[0]?.burstable, plain[0]?.burstable, plain[0]?.cpus], [true, false, 2]);
    assert.equal((await ec2().subnets(site().subnets)).length, site().subnets.length);
    await assert.rejects(ec2().subnets(["subnet-00000000000000000"]), /subnet-00000000000000000/);
  });
}
