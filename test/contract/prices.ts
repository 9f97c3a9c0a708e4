import assert from "node:assert/strict";
import { test } from "node:test";
import { fetchBook, type PriceList } from "../../core/price-list.ts";
import { bookOf, type SpotPrices } from "../../core/prices.ts";
import type { CloudSettings } from "../../sandbox/cloud/ports.ts";
import { BOOK } from "../support/cloud.ts";

/** What the price list and the spot market must tell, over a cloud whose prices can be set. */
export function pricesContract(
  priceList: () => PriceList,
  spotPrices: () => SpotPrices,
  settings: (change: Partial<CloudSettings>) => void,
): void {
  const fetched = async () =>
    fetchBook(priceList(), "us-east-1", ["RunInstances"], bookOf("us-east-1", [], [BOOK]), 1_900_000_000);

  test("the price list is read page by page to its end", async () => {
    const { book, refused } = await fetched();
    const types = book.onDemand["RunInstances"] ?? {};
    assert.ok(Object.keys(types).length > 1000);
    assert.deepEqual([types["m5.large"], types["x1e.xlarge"]], [0.096, 0.834]);
    assert.deepEqual([book.volumes["gp3"], book.publicIpv4, refused.size], [0.08, 0.005, 0]);
  });

  test("a price of zero in the price list is refused, and the types beside it have theirs", async () => {
    settings({ onDemandPrices: { "m5.large": 0, "c5.large": 0.5 } });
    const { book, refused } = await fetched();
    settings({ onDemandPrices: {} });
    assert.match(refused.get("m5.large") ?? "", /0\.0000000000", which is no price/);
    assert.equal(book.onDemand["RunInstances"]?.["m5.large"], undefined);
    assert.equal(book.onDemand["RunInstances"]?.["c5.large"], 0.5);
  });

  test("the latest spot price of each type and zone is told, also after it has jumped", async () => {
    const at = ["us-east-1a", "us-east-1b"];
    const before = await spotPrices()(["m5.large", "c5.large"], at);
    assert.equal(before.length, 4);
    settings({ spotPrices: { "m5.large us-east-1b": 1.5 } });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const after = await spotPrices()(["m5.large"], at);
    settings({ spotPrices: {} });
    const price = (zone: string) => after.find((one) => one.zone === zone)?.usd;
    assert.equal(price("us-east-1b"), 1.5);
    assert.equal(
      price("us-east-1a"),
      before.find((one) => one.type === "m5.large" && one.zone === at[0])?.usd,
    );
    assert.ok((await spotPrices()(["m5.large"], [])).length > 2, "no zones stand for all");
    assert.deepEqual(await spotPrices()(["m5.large"], ["mars-1a"]), []);
  });
}
