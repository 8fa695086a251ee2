// Clusters: headroom now and at the peak of the next four hours, and the fan chart.
import { $, ago, cores, el, keyed, many, percent, put, state, words } from "./util.js";
import { get } from "./api.js";
import { fan } from "./chart.js";

let clusters = [];
const forecasts = new Map(); // cluster -> Forecast
const histories = new Map(); // cluster -> HistoryView

/** Cores that are left below the limit at this load. */
const headroom = (c, load) => (load === null || load === undefined ? null : (Math.min(1, c.max_cpu_ratio || 1) - load) * c.vcpus_total);

function figure(value) {
  if (value === null) return ["–"];
  return value < 0 ? [state("bad", cores(-value)), el("small", null, " cores short")] : [cores(value), el("small", null, " cores")];
}

function make(c) {
  return el(
    "article.chart",
    { "aria-label": `Cluster ${c.name}` },
    el("header", null, el("h3", null, c.name), el("span.up")),
    el("dl", null, el("dt", null, "Headroom now"), el("dd.now"), el("dt", null, "Headroom, 4 h peak"), el("dd.worst"), el("dt", null, "CPU, memory"), el("dd.use")),
    el("div.plot", { role: "img", "aria-label": `Load of ${c.name}` }),
    el("ul.legend", { "aria-hidden": "true" }, el("li.l-seen", null, "measured"), el("li.l-mid", null, "P50"), el("li.l-near", null, "to P90"), el("li.l-far", null, "to P99"), c.max_cpu_ratio ? el("li.l-limit", null, "limit") : null),
    el("p.caption"),
    el("p.hint.made"),
  );
}

function update(card, c) {
  const down = c.hosts - c.hosts_up;
  card.querySelector(".up").replaceChildren(state(down ? "bad" : "good", down ? `${c.hosts_up} of ${many(c.hosts, "host")} up` : `all ${many(c.hosts, "host")} up`));
  card.querySelector(".now").replaceChildren(...figure(headroom(c, c.cpu_ratio)));
  card.querySelector(".worst").replaceChildren(...figure(headroom(c, c.peak_p90_ratio)));
  put(card.querySelector(".use"), `${percent(c.cpu_ratio)}, ${percent(c.mem_ratio)}`);
  const f = forecasts.get(c.name);
  card.querySelector(".made").replaceChildren(...(f ? [`Forecast by ${f.method || "no method"}, computed `, ago(f.made_at), f.confidence === "OK" ? "" : `, confidence ${words(f.confidence) || "unknown"}: ${f.reason}`] : ["No forecast"]), ". Latest reading ", ago(c.last_sample_at), ".");
}

function charts() {
  for (const card of $("cluster-list").children) {
    const c = clusters.find((k) => k.name === card.dataset.key);
    if (!c) continue;
    const plot = card.querySelector(".plot");
    const said = fan(plot, histories.get(c.name), forecasts.get(c.name), c.max_cpu_ratio || NaN);
    put(card.querySelector(".caption"), said);
    plot.setAttribute("aria-label", `Load of ${c.name}: now ${percent(c.cpu_ratio)}. ${said}`);
  }
}

export function showClusters(list) {
  clusters = list ?? [];
  keyed($("cluster-list"), clusters.length ? clusters : [null], (c) => c?.name ?? "none", (c) => (c ? make(c) : el("p.none", null, "No clusters yet.")), (e, c) => c && update(e, c));
}

function showQuality(figures) {
  const rows = [...forecasts.values()].map((f) => {
    const q = figures.get(f.cluster) ?? {};
    return el("tr", null, el("th", { scope: "row" }, f.cluster), el("td", null, `${f.method || "–"} ${f.model_version ? f.model_version.slice(0, 8) : ""}`), el("td.wrap", null, state({ OK: "good", LOW: "warn" }[f.confidence] ?? "bad", words(f.confidence) || "none"), f.confidence === "OK" ? "" : ` ${f.reason}`), el("td.n", null, percent(q.error)), el("td.n", null, percent(q.coverage)), el("td.n", null, q.scored ? String(q.scored) : "–"), el("td", null, ago(f.made_at)), el("td", null, `${Math.floor(f.history_min / 60)} h`));
  });
  $("quality-table").tBodies[0].replaceChildren(...(rows.length ? rows : [el("tr", null, el("td", { colspan: "8" }, "No forecasts yet."))]));
}

/** The scheduler measures the accuracy of its forecasts; the metrics page has the figures. */
function scores(text) {
  const figures = new Map();
  for (const m of text.matchAll(/^vrsas_forecast_(error_ratio|coverage_ratio|scored)\{([^}]*)\} (\S+)/gm)) {
    const cluster = /(?:^|,)cluster="([^"]*)"/.exec(m[2])?.[1];
    if (!cluster) continue;
    const q = figures.get(cluster) ?? {};
    q[{ error_ratio: "error", coverage_ratio: "coverage", scored: "scored" }[m[1]]] = Number(m[3]);
    figures.set(cluster, q);
  }
  return figures;
}

/** Readings arrive once a minute, so once a minute is enough. Returns false if a cluster has
 * no forecast yet. */
export async function refreshForecasts() {
  const [answer, metrics] = await Promise.all([get("/api/v1/forecasts"), get("/metrics").catch(() => "")]);
  forecasts.clear();
  for (const f of answer.forecast ?? []) if (!f.host) forecasts.set(f.cluster, f);
  await Promise.all(
    clusters.map(async (c) => {
      try {
        histories.set(c.name, await get(`/api/v1/history?target=${encodeURIComponent(c.name)}&minutes=240`));
      } catch {
        histories.delete(c.name); // no reading yet
      }
    }),
  );
  showClusters(clusters);
  charts();
  showQuality(scores(String(metrics)));
  return clusters.every((c) => forecasts.has(c.name));
}
