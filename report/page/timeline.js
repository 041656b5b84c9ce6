// Timelines: a dot for each operation where it was due, its marks where it went wrong,
// and the syncs behind them.
const wrongMarks = { // by shape, so that no colour is needed
  lost: "M-4,-4L4,4M-4,4L4,-4",
  refused: "M-5,0H5M0,-5V5",
  misdirected: "M0,-5L5,4H-5Z",
  stale: "M0,-5L5,0L0,5L-5,0Z",
};

const endings = {
  answered: "answered after", stale: "stale: answered after", misdirected: "misdirected: answered after",
  refused: "refused after", lost: "lost: given up after",
};

function wrongMark(outcome, x, y, scale = 1) {
  return svg("path", { d: wrongMarks[outcome], transform: `translate(${x.toFixed(1)},${y.toFixed(1)}) scale(${scale})`, fill: "none", stroke: "var(--ink)", "stroke-width": 1.6, "data-outcome": outcome });
}

const syncPaint = { fill: "var(--rule)", "fill-opacity": 0.25 };

// pairs walks through what was due when, and what it took.
function pairs(flat, visit) {
  for (let i = 0; i < flat.length; i += 2) visit(flat[i], Math.max(1, flat[i + 1]));
}

// tookRange is what operations took in all panels that are seen: they share y.
function tookRange(figure, shown) {
  let lo = Infinity, hi = 0;
  for (const { timeline: t } of figure.panels) {
    if (!shown(t.backend)) continue;
    for (const p of t.phases) for (const flat of Object.values(p.operations)) {
      pairs(flat, (due, took) => { lo = Math.min(lo, took * t.factor); hi = Math.max(hi, took * t.factor); });
    }
  }
  return hi > 0 ? [lo, hi] : [0.1, 1];
}

// timelineKeys says what marks mean: those that are seen.
function timelineKeys(figure, shown) {
  const all = figure.panels.filter((p) => shown(p.timeline.backend)).flatMap((p) => p.timeline.phases);
  const keys = [];
  if (all.some((p) => p.syncs.length > 0)) {
    keys.push([svg("svg", { width: 16, height: 14, "aria-hidden": "true" }, svg("rect", { width: 16, height: 14, ...syncPaint })), "a sync runs"]);
  }
  for (const outcome of Object.keys(wrongMarks)) {
    if (all.some((p) => p.operations[outcome])) keys.push([svg("svg", { width: 14, height: 14, "aria-hidden": "true" }, wrongMark(outcome, 7, 7)), outcome]);
  }
  return keys;
}

// timelinePanel draws one backend's. The arrow keys stop at syncs, at what was not
// answered right and at the slowest answers.
function timelinePanel(figure, panel, view, width) {
  const t = panel.timeline, look = view.look(t.backend);
  const height = Math.max(240, Math.min(320, width * 0.5));
  const box = { left: 62, right: width - 18, top: 44, bottom: height - 40 };
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${figure.title}, ${panel.title}. Arrow keys go to syncs, what went wrong and the slowest answers. The table below has figures of it.` });
  const [lo, hi] = tookRange(figure, view.shown);
  let from = Infinity, to = -Infinity;
  const reach = (a, b) => { from = Math.min(from, a); to = Math.max(to, b); };
  const begins = t.phases.map((p) => {
    let first = Infinity;
    for (const flat of Object.values(p.operations)) pairs(flat, (due) => { reach(due, due); first = Math.min(first, due); });
    for (const s of p.syncs) { reach(s.from, s.to); first = Math.min(first, s.from); }
    return first;
  });
  const x = linearScale(from * t.factor, Math.max(to, from + 1) * t.factor, box.left, box.right);
  const y = view.log ? logScale(lo / 1.3, hi * 1.3, box.bottom, box.top) : linearScale(0, hi * 1.06, box.bottom, box.top);
  const who = (phase) => t.backend + (phase.name ? ", " + phase.name : "");
  const value = (v) => withUnit(figure, v * t.factor);
  root.append(svg("text", { x: (box.left + box.right) / 2, y: 16, "text-anchor": "middle", class: "title" }, panel.title));

  const points = [], stops = [];
  for (const p of t.phases) for (const s of p.syncs) {
    const a = x(s.from * t.factor), b = x(s.to * t.factor);
    root.append(svg("rect", { x: a.toFixed(1), y: box.top, width: Math.max(1.2, b - a).toFixed(1), height: box.bottom - box.top, ...syncPaint, "data-sync": s.name }));
    const point = { at: s.from, x: (a + b) / 2, y: box.bottom - 6, text: `${who(p)}\na ${s.name} sync from ${value(s.from)}, took ${value(s.to - s.from)}` };
    points.push(point); stops.push(point);
  }
  for (const v of ticksOf(y, figure.prefix, 6)) {
    root.append(svg("line", { x1: box.left, x2: box.right, y1: y(v), y2: y(v), class: "grid" }));
    root.append(svg("text", { x: box.left - 7, y: y(v) + 4, "text-anchor": "end" }, v === 0 ? "0" : shortNumber(figure.prefix, v) + figure.symbol));
  }
  for (const v of ticksOf(x, figure.prefix, Math.max(3, Math.floor(width / 75)))) {
    root.append(svg("line", { x1: x(v), x2: x(v), y1: box.bottom, y2: box.bottom + 4, class: "rule" }));
    root.append(svg("text", { x: x(v), y: box.bottom + 18, "text-anchor": "middle" }, v === 0 ? "0" : shortNumber(figure.prefix, v) + figure.symbol));
  }
  root.append(svg("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: "rule" }));
  root.append(svg("text", { x: box.right, y: height - 6, "text-anchor": "end", class: "faint" }, "since the measurement began"));
  const ends = [-Infinity, -Infinity]; // of the names, in two rows: short phases have no room in one
  t.phases.forEach((p, i) => {
    if (!p.name || begins[i] === Infinity) return;
    const at = x(begins[i] * t.factor), row = ends.findIndex((end) => at >= end);
    root.append(svg("line", { x1: at, x2: at, y1: box.top - 12 * (1 + Math.max(0, row)), y2: box.bottom, class: "rule", "stroke-dasharray": "2 3" }));
    if (row < 0) return;
    const width = 4 + 6.5 * p.name.length, left = at + width > box.right; // a name near the edge would be cut
    ends[row] = at + (left ? 10 : 10 + width);
    root.append(svg("text", { x: left ? at - 4 : at + 4, y: box.top - 4 - 12 * row, "text-anchor": left ? "end" : "start", class: "faint" }, p.name));
  });

  let d = "";
  const marks = [], right = [];
  const many = t.phases.flatMap((p) => Object.keys(wrongMarks).flatMap((outcome) => p.operations[outcome] ?? [])).length > 2 * 60;
  for (const p of t.phases) for (const [outcome, flat] of Object.entries(p.operations)) {
    pairs(flat, (due, took) => {
      const at = x(due * t.factor), v = y(took * t.factor);
      const point = {
        at: due, took, x: at, y: v,
        get text() { // of thousands one is read
          const beside = p.syncs.find((s) => due < s.to && due + took > s.from);
          return `${who(p)}\n${endings[outcome]} ${value(took)}\ndue at ${value(due)}${beside ? `, beside a ${beside.name} sync` : ""}`;
        },
      };
      points.push(point);
      if (outcome === "answered") {
        d += `M${at.toFixed(1)},${v.toFixed(1)}h0`;
        right.push(point);
      } else {
        marks.push(wrongMark(outcome, at, v, many ? 0.6 : 1));
        stops.push(point);
      }
    });
  }
  root.append(svg("path", { d, fill: "none", stroke: look.color, "stroke-width": 3, "stroke-linecap": "round", "data-outcome": "answered" }), ...marks);
  stops.push(...right.sort((a, b) => b.took - a.took).slice(0, 10));
  stops.sort((a, b) => a.at - b.at);
  return { root, points, stops, width, height };
}
