// Scales map values to pixels; ticks are their round values.
function linearScale(lo, hi, from, to) {
  const f = (v) => from + ((v - lo) / (hi - lo || 1)) * (to - from);
  f.log = false; f.lo = lo; f.hi = hi;
  return f;
}

function logScale(lo, hi, from, to) {
  const span = Math.log(hi / lo) || 1;
  const f = (v) => from + (Math.log(v / lo) / span) * (to - from);
  f.log = true; f.lo = lo; f.hi = hi;
  return f;
}

function ticksOf(scale, family, most) {
  const binary = family === "iec";
  const out = [];
  if (scale.log) {
    let base = binary ? 4 : 10;
    while (Math.log(scale.hi / scale.lo) / Math.log(base) > 7) base *= base;
    const first = Math.ceil(Math.log(scale.lo) / Math.log(base) - 1e-9);
    for (let e = first; base ** e <= scale.hi * 1.000001; e++) out.push(base ** e);
    if (out.length >= 2 || binary) return out;
    out.length = 0; // less than a decade or two: 1, 2 and 5 of each
    for (let e = Math.floor(Math.log10(scale.lo)); 10 ** e <= scale.hi; e++) {
      for (const m of [1, 2, 5]) {
        const v = m * 10 ** e;
        if (v >= scale.lo && v <= scale.hi) out.push(v);
      }
    }
    return out;
  }
  const rough = (scale.hi - scale.lo) / most;
  if (!(rough > 0)) return [scale.lo];
  let step;
  if (binary) step = 2 ** Math.ceil(Math.log2(rough));
  else {
    const ten = 10 ** Math.floor(Math.log10(rough));
    step = [1, 2, 5, 10].map((m) => m * ten).find((s) => s >= rough * 0.999999);
  }
  for (let i = Math.ceil(scale.lo / step - 1e-9); i * step <= scale.hi * 1.000001; i++) out.push(i * step);
  return out;
}
