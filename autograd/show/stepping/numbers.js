"use strict";

// Numbers as texts, exactly as Python writes them with four significant digits.

/** A number that is not finite has no other form in JSON than as a text of Python. */
const numberOf = (text) => Number(text.replace("inf", "Infinity"));

const isNegative = (number) => number < 0 || Object.is(number, -0);

/** Python's f"{number:.4g}", which rounds halves to even where toPrecision rounds them up. */
function digits(number, precision = 4) {
  if (Number.isNaN(number)) return "nan";
  const sign = isNegative(number) ? "-" : "";
  if (!Number.isFinite(number)) return `${sign}inf`;
  if (number === 0) return `${sign}0`;
  let [mantissa, exponent] = rounded(Math.abs(number), precision);
  const decimals = mantissa.replace(/0+$/, "");
  if (exponent < -4 || exponent >= precision) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    const fraction = decimals.slice(1);
    return `${sign}${decimals[0]}${fraction && `.${fraction}`}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${decimals}`;
  const whole = mantissa.slice(0, exponent + 1);
  const fraction = decimals.slice(exponent + 1);
  return `${sign}${whole}${fraction && `.${fraction}`}`;
}

/** The significant digits of a positive number, and its exponent. */
function rounded(number, precision) {
  // A double whose first 60 digits are those of a half is one: it has few digits then.
  const exact = number.toExponential(60);
  const digitsOf = (text) => text.slice(0, text.indexOf("e")).replace(".", "");
  const isHalf = /^50*$/.test(digitsOf(exact).slice(precision));
  const isEven = Number(digitsOf(exact)[precision - 1]) % 2 === 0;
  const text = isHalf && isEven ? exact : number.toExponential(precision - 1);
  return [digitsOf(text).slice(0, precision), Number(text.slice(text.indexOf("e") + 1))];
}

/** A factor: one with a sign has parentheses where it follows another. */
const product = (first, second) => `${first} · ${second.startsWith("-") ? `(${second})` : second}`;

const sum = (first, second) => `${first} + ${second.startsWith("-") ? `(${second})` : second}`;

const joined = (name) => (name.includes(" ") ? `(${name})` : name);

const count = (number, noun, plural = `${noun}s`) =>
  `${number.toLocaleString("en-US")} ${number === 1 ? noun : plural}`;
