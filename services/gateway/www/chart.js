// The fan chart: measured load, now, and the quantiles of the next hours.
//
// Drawn by uPlot if the build had npm, else by Debian's dygraphs. chartlib.js is one of the
// two, or empty: then only the sentence below the chart remains.
import { el, hour, percent } from "./util.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const dark = matchMedia("(prefers-color-scheme: dark)");

/** One x axis in seconds for every series; null where a series has no value. */
function columns(history, forecast, limit) {
  const rows = new Map();
  const row = (t) => {
    if (!rows.has(t)) rows.set(t, [t, null, null, null, null]);
    return rows.get(t);
  };
  let now = null, last = null;
  if (history?.origin_at) {
    const from = Date.parse(history.origin_at) / 1000, step = history.step_ms / 1000;
    history.ratio.forEach((v, i) => {
      row(from + i * step)[1] = v;
      if (v !== null) [now, last] = [from + i * step, v];
    });
  }
  if (forecast?.p50?.length) {
    const from = Date.parse(forecast.origin_at || forecast.made_at) / 1000, step = forecast.step_ms / 1000;
    // The fan opens at the latest reading, where nothing is uncertain yet.
    if (now !== null && now <= from) row(now).splice(2, 3, last, last, last);
    forecast.p50.forEach((v, i) => row(from + i * step).splice(2, 3, v, forecast.p90[i], forecast.p99[i]));
    now ??= from;
  }
  const sorted = [...rows.values()].sort((a, b) => a[0] - b[0]);
  return { rows: sorted, now, limit: Number.isFinite(limit) ? limit : null };
}

/** The scale starts at 0 and includes the highest value and the limit line. */
function top(data) {
  let high = data.limit ?? 0;
  for (const r of data.rows) for (const v of r.slice(1)) if (v > high) high = v;
  return Math.min(1, Math.ceil((high + 0.05) * 5) / 5) || 1;
}

/** Limit line and "now" line, on the canvas of either library. */
function lines(ctx, box, data, x, y, ratio) {
  ctx.save();
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.lineWidth = 1.5 * ratio;
  if (data.limit !== null) {
    ctx.strokeStyle = ctx.fillStyle = colour("limit");
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(box.left, y(data.limit));
    ctx.lineTo(box.left + box.width, y(data.limit));
    ctx.stroke();
    ctx.fillText(`limit ${percent(data.limit)}`, box.left + 4 * ratio, y(data.limit) - 4 * ratio);
  }
  if (data.now !== null) {
    ctx.strokeStyle = ctx.fillStyle = colour("soft");
    ctx.lineWidth = ratio;
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(x(data.now), box.top);
    ctx.lineTo(x(data.now), box.top + box.height);
    ctx.stroke();
    ctx.fillText("now", x(data.now) + 4 * ratio, box.top + 11 * ratio);
  }
  ctx.restore();
}

function byUplot(where, data) {
  const u = globalThis.uPlot;
  const line = (stroke, width, dash) => ({ stroke, width, dash, points: { show: false }, spanGaps: false });
  const axis = { stroke: colour("soft"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return new u(
    {
      width: where.clientWidth,
      height: where.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: true }, y: { range: [0, top(data)] } },
      axes: [
        { ...axis, size: 26, space: 60, values: (_, ticks) => ticks.map((t) => hour(t * 1000)) },
        { ...axis, size: 42, space: 32, values: (_, ticks) => ticks.map((t) => percent(t)) },
      ],
      series: [{}, line(colour("seen"), 1.75), line(colour("mid"), 1.75, [6, 4]), line("transparent", 0), line("transparent", 0)],
      bands: [
        { series: [3, 2], fill: colour("band-near") },
        { series: [4, 3], fill: colour("band-far") },
      ],
      hooks: { draw: [(p) => lines(p.ctx, p.bbox, data, (v) => p.valToPos(v, "x", true), (v) => p.valToPos(v, "y", true), devicePixelRatio)] },
    },
    [0, 1, 2, 3, 4].map((i) => data.rows.map((r) => r[i])),
    where,
  );
}

/* Its legend writes style attributes, which the Content-Security-Policy forbids. */
if (globalThis.Dygraph) globalThis.Dygraph.PLUGINS = globalThis.Dygraph.PLUGINS.filter((p) => !String(p.prototype).startsWith("Legend"));

function byDygraphs(where, data) {
  const one = (v) => (v === null ? null : [v, v, v]);
  // Each series is [low, middle, high]: the median's band reaches to P90, that of an
  // invisible line at P90 reaches to P99.
  const rows = data.rows.map(([t, seen, p50, p90, p99]) => [new Date(t * 1000), one(seen), p50 === null ? null : [p50, p50, p90], p90 === null ? null : [p90, p90, p99]]);
  const inner = el("div"); // dygraphs sets the width of its element, which then would not shrink
  where.append(inner);
  return new globalThis.Dygraph(inner, rows, {
    labels: ["time", "seen", "P50", "P90"],
    customBars: true,
    valueRange: [0, top(data)],
    width: where.clientWidth,
    height: where.clientHeight,
    showLabelsOnHighlight: false,
    highlightCircleSize: 0,
    interactionModel: {},
    axisLabelFontSize: 11,
    axisLineColor: colour("grid"),
    gridLineColor: colour("grid"),
    fillAlpha: 0.3,
    axes: { x: { axisLabelFormatter: (d) => hour(d), pixelsPerLabel: 60 }, y: { axisLabelFormatter: (v) => percent(v), axisLabelWidth: 40, pixelsPerLabel: 32 } },
    series: {
      seen: { color: colour("seen"), strokeWidth: 1.75 },
      P50: { color: colour("mid"), strokeWidth: 1.75, strokePattern: [6, 4] },
      P90: { color: colour("mid"), strokeWidth: 0, fillAlpha: 0.15 },
    },
    underlayCallback: (ctx, area, g) => lines(ctx, { left: area.x, top: area.y, width: area.w, height: area.h }, data, (t) => g.toDomXCoord(t * 1000), (v) => g.toDomYCoord(v), 1),
  });
}

const drawn = new Map(); // element -> {chart, data}

function draw(where, data) {
  drawn.get(where)?.chart?.destroy?.();
  where.replaceChildren();
  const chart = !where.clientWidth ? null : globalThis.uPlot ? byUplot(where, data) : globalThis.Dygraph ? byDygraphs(where, data) : null;
  if (!chart && where.clientWidth) where.append(el("p.plot-none", null, "no chart library in this build"));
  drawn.set(where, { chart, data, width: where.clientWidth });
}

const sized = new ResizeObserver((entries) => {
  for (const e of entries) {
    const d = drawn.get(e.target);
    if (d && Math.abs(d.width - e.target.clientWidth) > 1) draw(e.target, d.data);
  }
});
dark.addEventListener("change", () => {
  for (const [where, d] of drawn) draw(where, d.data);
});

/** Draws the chart into an element with a size. Returns its description, or "". */
export function fan(where, history, forecast, limit) {
  const data = columns(history, forecast, limit);
  if (!data.rows.length) {
    drawn.delete(where);
    where.replaceChildren(el("p.plot-none", null, "no readings and no forecast yet"));
    return "";
  }
  if (!drawn.has(where)) sized.observe(where);
  draw(where, data);
  where.dataset.bands = forecast?.p99?.length ? "2" : "0";
  if (!forecast?.p50?.length) return "No forecast yet.";
  let worst = null;
  for (const r of data.rows) if (r[3] !== null && r[0] > (data.now ?? 0) && (!worst || r[3] > worst[3])) worst = r;
  if (!worst) return "";
  const against = data.limit === null ? "" : worst[3] > data.limit ? ", above the limit" : `, ${percent(data.limit - worst[3])} below the limit`;
  return `Peak at ${hour(worst[0] * 1000)}: P50 ${percent(worst[2])}, P90 ${percent(worst[3])}${against}.`;
}

export function forget(where) {
  drawn.get(where)?.chart?.destroy?.();
  drawn.delete(where);
  sized.unobserve(where);
}
