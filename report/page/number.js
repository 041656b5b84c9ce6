"use strict";
// Numbers as the report prints them.
const prefixes = {
  si: { base: 1000, large: ["", "k", "M", "G", "T", "P"], small: [] },
  seconds: { base: 1000, large: [""], small: ["m", "µ", "n"] },
  iec: { base: 1024, large: ["", "Ki", "Mi", "Gi", "Ti", "Pi"], small: [] },
};

// shortNumber prints a round value with as few digits as say it.
function shortNumber(family, v) {
  const p = prefixes[family];
  if (v === 0) return "0";
  let n = 0;
  const near = (x) => Math.abs(Number(x.toPrecision(3)));
  if (p.small.length > 0 && near(v) < 1) {
    while (n < p.small.length && near(v) < 1) { v *= p.base; n++; }
    return Number(v.toPrecision(3)) + p.small[n - 1];
  }
  while (n + 1 < p.large.length && Math.max(Math.abs(v), near(v)) >= p.base) { v /= p.base; n++; }
  return Number(v.toPrecision(3)) + p.large[n];
}

// withUnit is a round value as a tip says it: an axis has a title for what it counts.
const withUnit = (figure, v) => shortNumber(figure.prefix, v) + unitOf(figure);
const unitOf = (figure) => figure.symbol || (figure.noun ? " " + figure.noun : "");

const factors = { n: 1e-9, "µ": 1e-6, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 };

// numberIn reads the first figure of a text, such as "222.5k" of "O(n) 222.5k [1, 2]";
// null when it has none.
function numberIn(text) {
  const m = /(?:^|[\s(+])(-?\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|Pi|[nµmkMGTP])?(?:s|B)?(?=$|[\s%±,)\]¹²³⁴⁵⁶⁷⁸⁹⁰])/u.exec(text);
  return m ? Number(m[1]) * (factors[m[2]] ?? 1) : null;
}
