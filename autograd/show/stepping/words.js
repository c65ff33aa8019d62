"use strict";

// The words of the table's rules that JavaScript lacks, as IEEE 754 and the engine have them.

/** x to the power y: 1 to any power is 1, also to nan, and -1 to infinity. */
const pow = (x, y) => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : Math.pow(x, y));

const exp2 = (x) => Math.pow(2, x);

/** The remainder with the sign of the divisor, which JavaScript gives the sign of the dividend. */
function mod(x, y) {
  const rest = x % y;
  if (rest === 0) return y < 0 || Object.is(y, -0) ? -0 : 0;
  return rest < 0 !== y < 0 ? rest + y : rest;
}

/** By the remainder, which is exact: 1 / 0.1 rounds up to 10, and the largest whole number below is 9. */
function floordiv(x, y) {
  if (y === 0) return x / y;
  const rest = x % y;
  const quotient = (x - rest) / y - (rest !== 0 && rest < 0 !== y < 0 ? 1 : 0);
  if (quotient === 0) return (x / y) * 0;
  const low = Math.floor(quotient);
  return quotient - low > 0.5 ? low + 1 : low;
}

const TWO_BY_ROOT_PI = 1.1283791670955126;

/** exp(-x * x) without the rounding of the square, which costs 64 ulp at 10. */
function gaussian(x) {
  const high = Math.fround(x);
  return Math.exp(-high * high) * Math.exp((high - x) * (high + x));
}

/** The error function by its series of positive terms, where none is much larger than the sum. */
function erf(x) {
  if (Math.abs(x) >= 0.5) return x < 0 ? erfc(-x) - 1 : 1 - erfc(x);
  let [term, total] = [x, x];
  for (let n = 1; n < 20; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return TWO_BY_ROOT_PI * gaussian(x) * total;
}

/** 1 - erf(x), by Laplace's continued fraction: the nearer to 0, the more terms it takes. */
function erfc(x) {
  if (Number.isNaN(x)) return x;
  if (x < 0) return 2 - erfc(-x);
  if (x < 0.5) return 1 - erf(x);
  if (x > 28) return 0;
  let fraction = x;
  for (let n = Math.ceil(20 + 200 / (x * x)); n > 0; n--) fraction = x + n / 2 / fraction;
  return (gaussian(x) / fraction) * (TWO_BY_ROOT_PI / 2);
}

/** What a rule for one element gives for each, with the elements of all sequences. */
const each = (rule, ...sequences) =>
  sequences[0].map((_, i) => rule(...sequences.map((sequence) => sequence[i])));

const len = (x) => x.length;

/** For each factor the product of all others. */
function products_of_others(x) {
  const before = [1];
  const after = [1];
  for (let i = 1; i < x.length; i++) {
    before.push(before[i - 1] * x[i - 1]);
    after.push(after[i - 1] * x[x.length - i]);
  }
  return x.map((_, i) => before[i] * after[x.length - 1 - i]);
}
