// SPDX-License-Identifier: MIT
// Numbers as text: their bits, and a few digits of them.

/** Each number's bits as 16 hexadecimal digits, the sign first. */
export function patterns(values) {
  const view = new DataView(new ArrayBuffer(8));
  return Array.from(values, (value) => {
    view.setFloat64(0, value);
    return view.getBigUint64(0).toString(16).padStart(16, "0");
  });
}

/** About so many digits of a number, for reading. */
export function short(value, digits = 4) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(digits - 1) : value.toPrecision(digits);
  const [mantissa, exponent] = text.split("e");
  const plain = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return (exponent ? `${plain}e${exponent.replace("+", "")}` : plain).replaceAll("-", "−");
}

/** Digits as an index below the line. */
export const sub = (number) => String(number).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
