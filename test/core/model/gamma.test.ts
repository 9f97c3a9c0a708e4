import assert from "node:assert/strict";
import { test } from "node:test";
import {
  gammaQuantile,
  logGamma,
  logNormalTail,
  lowerGamma,
  normalQuantile,
  studentQuantile95,
} from "../../../core/model/gamma.ts";

const near = (found: number, expected: number, error = 1e-12): void =>
  assert.ok(Math.abs(found - expected) <= error * Math.max(1, Math.abs(expected)), `${found} ${expected}`);

test("the logarithm of Γ is that of factorials and of √π at one half", () => {
  near(logGamma(0.5), Math.log(Math.PI) / 2);
  near(logGamma(1), 0);
  near(logGamma(11), Math.log(3628800));
});

test("the incomplete gamma function has its closed forms, from its start to its tail", () => {
  assert.equal(lowerGamma(2, 0), 0);
  for (const x of [0.1, 1, 2.9, 3.1, 20]) {
    near(lowerGamma(1, x), 1 - Math.exp(-x));
    near(lowerGamma(3, x), 1 - Math.exp(-x) * (1 + x + (x * x) / 2));
  }
});

test("quantiles of the gamma distribution are those of SciPy", () => {
  near(gammaQuantile(0.5, 0.05), 0.001966070000009761, 1e-9);
  near(gammaQuantile(0.5, 0.95), 1.920729410347062, 1e-11);
  near(gammaQuantile(5.5, 0.05), 2.287406539661112, 1e-11);
  near(gammaQuantile(100.5, 0.95), 117.53825482177676, 1e-11);
  near(gammaQuantile(9999, 0.95), 10164.043687393954, 1e-11);
  near(gammaQuantile(1e6, 0.05), 998355.7150837178, 1e-8);
});

test("far in the normal tail the logarithm is still right", () => {
  near(logNormalTail(0), Math.log(0.5));
  near(logNormalTail(1.6448536269514722), Math.log(0.05), 1e-10);
  near(logNormalTail(-1.6448536269514722), Math.log(0.95), 1e-10);
  near(logNormalTail(-3), Math.log1p(-Math.exp(logNormalTail(3))), 1e-12);
  near(logNormalTail(10), -53.231285151, 1e-9);
  near(logNormalTail(40), -804.6084420137539, 1e-12);
});

test("normal quantiles are symmetric", () => {
  near(normalQuantile(0.95), 1.6448536269514722, 1e-9);
  near(normalQuantile(0.05), -1.6448536269514722, 1e-9);
  assert.equal(normalQuantile(0.5), 0);
});

test("Student's quantile is right to three digits from one degree of freedom on", () => {
  for (const [degrees, expected] of [
    [0.3, 6.3138],
    [1, 6.3138],
    [4.9, 2.1318],
    [5, 2.015],
    [11, 1.7959],
    [1000, 1.6464],
  ] as const)
    near(studentQuantile95(degrees), expected, 1e-3);
});
