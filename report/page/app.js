// The page: themes, the backends that are drawn, plots and their tips.
(() => {
  const { figures, looks } = JSON.parse(document.getElementById("figures-data").textContent);
  const byBackend = new Map(looks.map((l) => [l.backend, l]));
  const off = new Set();
  const logs = new Map(figures.map((f) => [f.name, f.log]));
  const tip = document.getElementById("tip");
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  let printing = false; // on white paper
  const dark = () => !printing && (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";

  document.querySelectorAll("table.figures").forEach(sortable);
  document.querySelectorAll("[data-filters]").forEach(filtered);

  function look(backend) {
    const l = byBackend.get(backend) ?? { light: "#808080", dark: "#a0a0a0", sides: 0, turn: 0, hollow: false };
    return { ...l, color: dark() ? l.dark : l.light };
  }

  function swatch(backend) {
    const l = look(backend);
    const s = svg("svg", { width: 26, height: 14, viewBox: "0 0 26 14", "aria-hidden": "true" });
    s.append(svg("line", { x1: 0, x2: 26, y1: 7, y2: 7, stroke: l.color, "stroke-width": 2, ...dashes(l) }), marker(l, 13, 7, 4, l.color));
    return s;
  }

  // viewOf is how a figure is seen now: which backends, and on which scales. All panels
  // share them, so that they compare.
  function viewOf(figure) {
    const log = logs.get(figure.name);
    const hidden = new Set(log ? [] : figure.hidden);
    const alone = figure.hidden.length > 0 && figure.log ? new Set(figure.hidden) : hidden;
    const shown = (backend) => !off.has(backend) && !alone.has(backend);
    const points = figure.panels.flatMap((p) => p.curves).filter((c) => shown(c.backend)).flatMap((c) => c.points)
      .filter((p) => !log || (p.x > 0 && p.y > 0));
    const sizes = [...new Set(points.map((p) => p.x))].sort((a, b) => a - b);
    const tops = points.map((p) => p.hi ?? p.y), bottoms = points.map((p) => (p.lo > 0 || !log ? p.lo ?? p.y : p.y));
    const hi = points.length ? Math.max(...tops) : 1, lo = points.length ? Math.min(...bottoms) : 0.1;
    const most = sizes.at(-1) ?? 1, least = sizes[0] ?? 0.1;
    const scales = (box) => log
      ? { x: logScale(least / 1.25, most * 1.25, box.left, box.right), y: logScale(lo / 1.4, hi * 1.4, box.bottom, box.top), sizes }
      : { x: linearScale(-0.02 * most, 1.02 * most, box.left, box.right), y: linearScale(Math.min(0, lo), hi * 1.06 || 1, box.bottom, box.top), sizes };
    return { shown, look, scales, log };
  }

  function draw(figure) {
    const at = document.querySelector(`[data-figure="${CSS.escape(figure.name)}"]`);
    const focused = at.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const curved = figure.panels.some((p) => p.curves.length > 0);
    const room = at.clientWidth;
    const view = viewOf(figure);
    const seen = figure.panels.filter((p) => !p.timeline || view.shown(p.timeline.backend));
    const columns = seen.length === 1 ? 1 : Math.max(1, Math.min(seen.length, Math.floor(room / (figure.timelines ? 520 : curved ? 420 : 340))));
    const width = columns === 1 ? Math.min(room, 860) : (room - 16 * (columns - 1)) / columns;
    const tools = element("div", { class: "tools" }, element("span", { class: "axis" }, `${figure.axis}${figure.timelines ? ", over time" : !curved || figure.percentiles ? "" : ", by number of Services"}`));
    if (curved || figure.timelines) {
      const log = logs.get(figure.name), axes = figure.percentiles || figure.timelines ? "axis" : "axes";
      const button = element("button", { type: "button", "data-key": "scale", "aria-label": `${log ? "Linear" : "Logarithmic"} ${axes} for ${figure.title}` }, `${log ? "Linear" : "Logarithmic"} ${axes}`);
      button.addEventListener("click", () => { logs.set(figure.name, !log); draw(figure); });
      tools.append(button);
    }
    const panels = element("div", { class: "panels" });
    panels.style.gridTemplateColumns = columns === 1 ? `minmax(0, ${width}px)` : `repeat(${columns}, minmax(0, 1fr))`;
    seen.forEach((panel, i) => {
      const drawn = panel.timeline ? timelinePanel(figure, panel, view, width) : panel.curves.length ? (figure.percentiles ? percentilePanel : curvePanel)(figure, panel, view, width) : barPanel(figure, panel, view, width);
      drawn.root.setAttribute("tabindex", "0");
      drawn.root.dataset.key = `panel-${i}`;
      tips(drawn);
      panels.append(drawn.root);
    });
    at.replaceChildren(tools, panels, ...legendOf(figure, view));
    if (focused) at.querySelector(`[data-key="${focused}"]`)?.focus();
  }

  function legendOf(figure, view) {
    const list = element("ul", { class: "legend" });
    if (figure.parts?.length > 1) {
      figure.parts.forEach((part, k) => {
        const s = svg("svg", { width: 14, height: 12, "aria-hidden": "true" });
        s.append(svg("rect", { width: 14, height: 12, fill: "var(--rule)", "fill-opacity": 1 - (0.65 * k) / figure.parts.length }));
        list.append(element("li", {}, s, part));
      });
      return [list];
    }
    for (const e of figure.legend) {
      if (off.has(e.backend)) continue;
      const item = element("li", {}, swatch(e.backend), e.backend);
      const detail = view.shown(e.backend) || e.detail.includes("off the scale") ? e.detail : e.detail + ": not drawn";
      if (detail) item.append(element("span", { class: "detail" }, detail));
      if (e.failed) item.append(element("span", { class: "failed" }, e.failed));
      list.append(item);
    }
    if (figure.timelines) list.prepend(...timelineKeys(figure, view.shown).map(([picture, text]) => element("li", {}, picture, text)));
    const heading = figure.heading ? [element("p", { class: "meta" }, figure.heading[0].toUpperCase() + figure.heading.slice(1) + ":")] : [];
    return [...heading, list];
  }

  // tips tells the value nearest to the pointer, or walks by arrow keys through those that
  // are worth a stop: all of them, where nothing else is said.
  function tips({ root: picture, points, stops = points, width, height }) {
    let current = -1;
    const ring = svg("circle", { r: 8, fill: "none", stroke: "var(--ink)", "stroke-width": 1.5, visibility: "hidden" });
    picture.append(ring);
    const show = (p) => {
      current = stops.indexOf(p);
      const box = picture.getBoundingClientRect();
      ring.setAttribute("cx", p.x); ring.setAttribute("cy", p.y); ring.setAttribute("visibility", "visible");
      tip.textContent = p.text; tip.hidden = false;
      const x = box.left + (p.x / width) * box.width, y = box.top + (p.y / height) * box.height;
      tip.style.left = Math.max(4, Math.min(x + 12, innerWidth - tip.offsetWidth - 4)) + "px";
      tip.style.top = Math.max(4, y - tip.offsetHeight - 12) + "px";
    };
    const hide = () => { ring.setAttribute("visibility", "hidden"); tip.hidden = true; };
    const near = (event) => {
      const box = picture.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * width, y = ((event.clientY - box.top) / box.height) * height;
      let best = null, least = 60;
      for (const p of points) { const d = Math.hypot(p.x - x, p.y - y); if (d < least) { least = d; best = p; } }
      if (best) show(best); else hide();
    };
    picture.addEventListener("pointermove", near);
    picture.addEventListener("pointerdown", near); // a tap does not move
    picture.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") hide(); });
    picture.addEventListener("blur", hide);
    picture.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step || stops.length === 0) return;
      event.preventDefault();
      show(stops[(current + step + stops.length) % stops.length]);
    });
  }

  function element(name, attributes, ...children) {
    const e = document.createElement(name);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...children);
    return e;
  }

  function backendButtons() {
    const bar = document.getElementById("backends");
    if (!bar) return;
    const focused = bar.contains(document.activeElement) ? document.activeElement.dataset.backend : null;
    const drawn = new Set(figures.flatMap((f) => f.panels).flatMap((p) => [...p.curves, ...p.bars, ...(p.timeline ? [p.timeline] : [])]).map((c) => c.backend));
    bar.replaceChildren(...looks.filter((l) => drawn.has(l.backend)).map(({ backend }) => {
      const button = element("button", { type: "button", "aria-pressed": String(!off.has(backend)) }, swatch(backend), backend);
      button.dataset.backend = backend;
      button.addEventListener("click", () => { if (!off.delete(backend)) off.add(backend); redraw(); });
      return button;
    }));
    bar.hidden = false;
    if (focused !== null) [...bar.children].find((b) => b.dataset.backend === focused)?.focus();
  }

  function redraw() {
    tip.hidden = true;
    backendButtons();
    figures.forEach(draw);
    theme.textContent = dark() ? "Light" : "Dark";
    theme.setAttribute("aria-label", `${theme.textContent} theme`);
  }

  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; redraw(); });
  system.addEventListener("change", redraw);
  addEventListener("beforeprint", () => { printing = true; redraw(); });
  addEventListener("afterprint", () => { printing = false; redraw(); });
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; redraw(); } });
  redraw();
})();
