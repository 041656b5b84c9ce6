// Plots are SVG: curves over the number of Services, or bars.
const svgNS = "http://www.w3.org/2000/svg";

function svg(name, attributes, ...children) {
  const e = document.createElementNS(svgNS, name);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

// marker is a look's shape around a point.
function marker(look, x, y, r, color) {
  const paint = look.hollow
    ? { fill: "var(--ground)", stroke: color, "stroke-width": 1.8 }
    : { fill: color, stroke: "var(--ground)", "stroke-width": 1 };
  if (look.sides === 0) return svg("circle", { cx: x, cy: y, r, ...paint });
  const reach = r * (1 + 1.1 / look.sides);
  const corners = [];
  for (let i = 0; i < look.sides; i++) {
    const a = -Math.PI / 2 - (look.turn * Math.PI) / 180 + (2 * Math.PI * i) / look.sides;
    corners.push(`${(x + reach * Math.cos(a)).toFixed(2)},${(y + reach * Math.sin(a)).toFixed(2)}`);
  }
  return svg("polygon", { points: corners.join(" "), ...paint });
}

// dashes are those of a line that nobody here has measured.
const dashes = (look) => (look.dashed ? { "stroke-dasharray": "7 4" } : {});

// curvePanel draws curves; points tells the caller where each value lies.
function curvePanel(figure, panel, view, width) {
  const height = Math.max(230, Math.min(340, width * 0.62));
  const box = { left: 62, right: width - 14, top: panel.title ? 30 : 14, bottom: height - 40 };
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${figure.title}${panel.title ? ", " + panel.title : ""}. The table below has its figures.` });
  const { x, y, sizes } = view.scales(box);
  if (panel.title) root.append(svg("text", { x: (box.left + box.right) / 2, y: 16, "text-anchor": "middle", class: "title" }, panel.title));
  for (const v of ticksOf(y, figure.prefix, 6)) {
    root.append(svg("line", { x1: box.left, x2: box.right, y1: y(v), y2: y(v), class: "grid" }));
    root.append(svg("text", { x: box.left - 7, y: y(v) + 4, "text-anchor": "end" }, v === 0 ? "0" : shortNumber(figure.prefix, v) + figure.symbol));
  }
  let last = -Infinity;
  for (const v of x.log ? sizes : ticksOf(x, "si", Math.max(3, Math.floor(width / 110)))) {
    root.append(svg("line", { x1: x(v), x2: x(v), y1: box.bottom, y2: box.bottom + 4, class: "rule" }));
    if (x(v) - last < 42) continue;
    last = x(v);
    root.append(svg("text", { x: x(v), y: box.bottom + 18, "text-anchor": "middle" }, shortNumber("si", v)));
  }
  root.append(svg("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: "rule" }));
  root.append(svg("text", { x: box.right, y: height - 6, "text-anchor": "end", class: "faint" }, "Services"));
  const points = [];
  for (const c of panel.curves) {
    if (!view.shown(c.backend)) continue;
    const look = view.look(c.backend);
    const seen = c.points.filter((p) => (!x.log || p.x > 0) && (!y.log || p.y > 0));
    if (seen.length === 0) continue;
    root.append(svg("path", { d: pathOf(c, seen, x, y), fill: "none", stroke: look.color, "stroke-width": 2, "stroke-linejoin": "round", ...dashes(look) }));
    for (const p of seen) {
      if (p.hi != null) {
        const lo = y.log && p.lo <= 0 ? p.y : p.lo;
        root.append(svg("path", { d: `M${x(p.x)},${y(lo)}V${y(p.hi)}m-4,0h8M${x(p.x) - 4},${y(lo)}h8`, stroke: look.color, fill: "none" }));
      }
      root.append(marker(look, x(p.x), y(p.y), 4, look.color));
      points.push({ x: x(p.x), y: y(p.y), text: `${c.backend}\n${p.x.toLocaleString("en")} Services: ${p.text}${figure.symbol ? "" : unitOf(figure)}` });
    }
  }
  return { root, points, width, height };
}

// nines are the percentiles that are marked: how many nines each has.
const nines = [[Math.log10(2), "50 %"], [1, "90 %"], [2, "99 %"], [3, "99.9 %"], [4, "99.99 %"], [5, "99.999 %"]];

// percentilePanel draws the costs of single operations by percentile.
function percentilePanel(figure, panel, view, width) {
  const height = Math.max(230, Math.min(340, width * 0.62));
  const box = { left: 62, right: width - 18, top: panel.title ? 30 : 14, bottom: height - 40 };
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${figure.title}${panel.title ? ", " + panel.title : ""}. The table below has figures of it.` });
  const curves = panel.curves.filter((c) => view.shown(c.backend) && c.steps?.length);
  const all = figure.panels.flatMap((p) => p.curves).filter((c) => view.shown(c.backend)).flatMap((c) => c.steps ?? []);
  const most = Math.max(1, ...all.map((s) => s[0])), hi = Math.max(1e-12, ...all.map((s) => s[1])), lo = Math.min(hi, ...all.map((s) => s[1]).filter((v) => v > 0));
  const x = linearScale(0, most * 1.02, box.left, box.right);
  const y = view.log ? logScale(lo / 1.3, hi * 1.3, box.bottom, box.top) : linearScale(0, hi * 1.06, box.bottom, box.top);
  if (panel.title) root.append(svg("text", { x: (box.left + box.right) / 2, y: 16, "text-anchor": "middle", class: "title" }, panel.title));
  for (const v of ticksOf(y, figure.prefix, 6)) {
    root.append(svg("line", { x1: box.left, x2: box.right, y1: y(v), y2: y(v), class: "grid" }));
    root.append(svg("text", { x: box.left - 7, y: y(v) + 4, "text-anchor": "end" }, v === 0 ? "0" : shortNumber(figure.prefix, v) + figure.symbol));
  }
  let last = -Infinity;
  for (const [v, label] of nines) {
    if (v > most * 1.02) continue;
    root.append(svg("line", { x1: x(v), x2: x(v), y1: box.bottom, y2: box.bottom + 4, class: "rule" }));
    if (x(v) - last < 44) continue;
    last = x(v);
    root.append(svg("text", { x: x(v), y: box.bottom + 18, "text-anchor": "middle" }, label));
  }
  root.append(svg("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: "rule" }));
  root.append(svg("text", { x: box.right, y: height - 6, "text-anchor": "end", class: "faint" }, "percentile"));
  const points = [];
  for (const c of curves) {
    const look = view.look(c.backend);
    let d = "", from = 0;
    for (const [to, v] of c.steps) {
      if (!y.log || v > 0) d += `${d ? "V" : `M${x(from).toFixed(1)},`}${y(v).toFixed(1)}H${x(to).toFixed(1)}`;
      const share = 100 * (1 - 10 ** -to);
      points.push({ x: x(to), y: y(v), text: `${c.backend}\n${Number(share.toPrecision(4))} % of operations: at most ${withUnit(figure, v)}` });
      from = to;
    }
    root.append(svg("path", { d, fill: "none", stroke: look.color, "stroke-width": 2, "stroke-linejoin": "round" }));
    const [at, v] = c.steps[Math.floor((c.steps.length - 1) / 2)]; // tells curves apart without colours
    root.append(marker(look, x(at), y(v), 4, look.color));
  }
  return { root, points, width, height };
}

// pathOf is the fitted line where one describes the curve, else what connects its points.
function pathOf(curve, seen, x, y) {
  const line = [];
  if (curve.fit && seen.length > 1) {
    const [from, to] = [seen[0].x, seen[seen.length - 1].x];
    for (let i = 0; i <= 60; i++) {
      const at = x.log ? from * (to / from) ** (i / 60) : from + ((to - from) * i) / 60;
      const v = curve.fit[0] + curve.fit[1] * at;
      if (!y.log || v > 0) line.push([x(at), y(v)]);
    }
  } else for (const p of seen) line.push([x(p.x), y(p.y)]);
  return line.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)},${b.toFixed(1)}`).join("");
}

// barPanel draws one bar for each backend, lying, so that names are read level.
function barPanel(figure, panel, view, width) {
  const bars = panel.bars.filter((b) => view.shown(b.backend));
  const row = 26, top = panel.title ? 30 : 12, left = Math.min(150, width * 0.36);
  const height = top + row * bars.length + 26;
  const most = Math.max(1e-300, ...bars.map((b) => b.parts.reduce((s, v) => s + v, 0)));
  const x = linearScale(0, most, left, width - 74);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${figure.title}, ${panel.title}. The table below has its figures.` });
  if (panel.title) root.append(svg("text", { x: left, y: 16, class: "title" }, panel.title));
  const points = [];
  bars.forEach((b, i) => {
    const look = view.look(b.backend), y = top + row * i;
    const room = Math.floor(left / 6.7);
    root.append(svg("text", { x: left - 8, y: y + 16, "text-anchor": "end" }, b.backend.length > room ? b.backend.slice(0, room - 1) + "…" : b.backend));
    if (b.parts.length === 0) {
      root.append(svg("text", { x: left + 4, y: y + 16, class: "faint" }, "no value"));
      return;
    }
    let at = 0;
    b.parts.forEach((v, k) => {
      root.append(svg("rect", { x: x(at), y: y + 4, width: Math.max(0, x(at + v) - x(at)), height: row - 8, fill: look.color, "fill-opacity": look.dashed ? 0.4 : 1 - (0.65 * k) / Math.max(1, b.parts.length), stroke: "var(--ground)", "stroke-width": 0.6 }));
      at += v;
    });
    root.append(svg("text", { x: x(at) + 6, y: y + 16, class: "faint" }, b.sum));
    const parts = b.parts.length > 1 ? b.texts.map((t, k) => `\n${figure.parts?.[k] || ""}: ${t}`).join("") : "";
    points.push({ x: x(at), y: y + row / 2, text: `${b.backend}: ${b.sum}${figure.symbol ? "" : unitOf(figure)}${parts}` });
  });
  root.append(svg("line", { x1: left, x2: left, y1: top, y2: top + row * bars.length, class: "rule" }));
  return { root, points, width, height };
}
