import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UpdraftError } from "../../core/errors.ts";
import { boot, BootFailure, type BootClock } from "../../core/node-boot.ts";

/** A clock that only sleeping moves. */
function clock(): BootClock & { pauses: number[] } {
  let time = 1000;
  const pauses: number[] = [];
  return {
    pauses,
    now: () => time,
    elapsed: () => time,
    sleep: async (seconds, signal) => {
      // A step that is under way takes as long as it takes.
      if (signal !== undefined) return new Promise(() => undefined);
      pauses.push(seconds);
      time += seconds;
    },
    random: () => 0.5,
  };
}
const passing = (): never => {
  throw new UpdraftError("failed", "not yet", "Wait.");
};

describe("a boot", () => {
  it("notes when each step ended", async () => {
    const time = clock();
    const { step, times } = boot(time, () => assert.fail("nothing to say"), 300);
    assert.equal(await step("One", () => 7), 7);
    await time.sleep(5);
    assert.equal(await step("Two", async () => "x"), "x");
    assert.deepEqual(times(), { Started: 1000, One: 1000, Two: 1005 });
  });

  it("tells all times by the clock as it was found to be right in the end, and what came before it too", async () => {
    const time = clock();
    let wrong = 3600;
    const late = { ...time, now: () => time.now() + wrong };
    const { step, note, times } = boot(late, () => undefined, 300);
    note("UserData", 2);
    await time.sleep(1);
    await step("One", () => undefined);
    wrong = 0;
    assert.deepEqual(times(), { Started: 1000, UserData: 998, One: 1001 });
  });

  it("ends a step that hangs when its time is over, and goes by no clock that may be set", async () => {
    const time = clock();
    const set = { ...time, now: () => time.now() * 7 };
    const hurried = { ...set, sleep: async () => void (await time.sleep(20)) };
    const { step } = boot(hurried, () => undefined, 20);
    await assert.rejects(
      step("Disks", () => new Promise(() => undefined)),
      { step: "Disks", attempts: 1, message: "it took longer than there was time for the boot" },
    );
  });

  it("tells what went wrong before rather than that the time was over in the middle of another try", async () => {
    const time = clock();
    let tries = 0;
    const sleep = async (seconds: number, signal?: AbortSignal): Promise<void> => {
      if (signal !== undefined && tries < 2) return new Promise(() => undefined);
      await time.sleep(seconds);
    };
    const { step } = boot({ ...time, sleep }, () => undefined, 20);
    const work = () => (++tries === 1 ? passing() : new Promise(() => undefined));
    await assert.rejects(step("Configuration", work), { attempts: 2, message: "not yet" });
  });

  it("says what to do about a disk that is full, read-only or broken", async () => {
    for (const [code, remedy] of [
      ["ENOSPC", /larger root volume/],
      ["EROFS", /read-only/],
      ["EIO", /another instance/],
    ] as const) {
      const { step } = boot(clock(), () => undefined, 1);
      const work = () => Promise.reject(Object.assign(new Error(`${code}: no`), { code }));
      await assert.rejects(step("Files", work), (error) => {
        assert.ok(error instanceof BootFailure);
        assert.match(error.remedy, remedy);
        return true;
      });
    }
  });

  it("tries again with growing pauses and says what went wrong", async () => {
    const time = clock();
    const said: string[] = [];
    const { step } = boot(time, (line) => said.push(line), 300);
    let tries = 0;
    await step("One", () => (++tries < 10 ? passing() : undefined));
    assert.equal(tries, 10);
    assert.equal(said[0], "One, attempt 1: not yet");
    assert.deepEqual(time.pauses.slice(0, 3), [0.1875, 0.375, 0.75]);
    assert.ok(Math.max(...time.pauses) <= 15);
  });

  it("gives up within its time, and the time is for all steps together", async () => {
    const time = clock();
    const { step } = boot(time, () => undefined, 20);
    await time.sleep(15);
    await assert.rejects(step("One", passing), (error) => {
      assert.ok(error instanceof BootFailure);
      assert.equal(error.step, "One");
      assert.equal(error.remedy, "Wait.");
      assert.ok(error.attempts > 1);
      return true;
    });
    assert.ok(time.now() <= 1020);
  });

  it("gives up sooner once it is known that there is less time, and never later", async () => {
    const time = clock();
    const { step, within } = boot(time, () => undefined, 100);
    within(20);
    within(Infinity);
    await assert.rejects(step("One", passing), BootFailure);
    assert.ok(time.now() <= 1020);
  });

  it("tries nothing more that runs beside a step that has failed for good", async () => {
    const time = clock();
    const { step } = boot(time, () => undefined, 300);
    let tries = 0;
    const third = Promise.withResolvers<void>();
    const beside = step("Beside", () => {
      if (++tries === 3) third.resolve();
      return passing();
    });
    const final = step("Final", async () => {
      await third.promise;
      throw new UpdraftError("config", "never", "Mend it.");
    });
    await assert.rejects(Promise.all([beside, final]), /never/);
    await assert.rejects(beside, /not yet/);
    // In five minutes there would be more than twenty.
    assert.ok(tries < 6, `${tries} tries`);
  });

  it("does not try again what no other try can mend", async () => {
    const time = clock();
    const final = new UpdraftError("config", "wrong annex", "Order again.");
    const { step } = boot(time, () => undefined);
    await assert.rejects(
      step("Tags", () => Promise.reject(final)),
      { step: "Tags", attempts: 1, message: "wrong annex" },
    );
    assert.deepEqual(time.pauses, []);
  });

  it("tries again after anything unforeseen, and says that it was", async () => {
    const { step } = boot(clock(), () => undefined, 1);
    await assert.rejects(
      step("Files", () => {
        throw new Error("ENOSPC: no space left");
      }),
      (error) => error instanceof BootFailure && error.attempts > 1 && /bug in Updraft/.test(error.remedy),
    );
  });
});
