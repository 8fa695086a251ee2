// Incidents, risk, hosts and events.
import { $, ago, bytes, el, keyed, many, percent, place, put, span, state, time, words } from "./util.js";
import { askFirst, why } from "./dialogs.js";

let role = "read";
export const setRole = (r) => (role = r);

/* --- incidents --- */

function confirmOff(i) {
  askFirst({
    title: `Confirm that ${place(i.cluster, i.host)} is powered off?`,
    text: "Your claim counts as proof of death: VMs of this host may then start elsewhere. If the host still runs, a VM may run twice. Check the host before you confirm.",
    yes: "Yes, it is off and stays off",
    path: "/api/v1/confirm-off",
    body: { host: place(i.cluster, i.host) },
    reason: "required",
    preview: (dry) => (dry.decision ?? []).map((d) => el("p.hint", null, `${d.vm_name}: ${d.summary}`)),
  });
}

const settled = new Set(["up", "fenced", "maintenance"]); // no operator claim is needed

function parts(i) {
  const tone = !i.open ? "dim" : i.severity === "critical" ? "bad" : "warn";
  return [
    el("h3", null, state(tone, place(i.cluster, i.host)), el("span.dim", null, i.open ? words(i.host_state) : "resolved")),
    el("p", null, i.summary),
    i.next ? el("p.next", null, el("b", null, "Next:"), i.next) : null,
    el("p.hint", null, i.origin === "alert" ? "Reported by monitoring, " : "Detected by the scheduler, ", i.open ? ["since ", time(i.starts_at), " (", ago(i.starts_at), ")"] : ["ended ", time(i.ends_at), i.starts_at && i.ends_at ? ` after ${span(Date.parse(i.ends_at) - Date.parse(i.starts_at))}` : ""], i.vm?.length ? `. VMs: ${i.vm.join(", ")}` : ""),
    i.open && i.host && role === "operate" && !settled.has(i.host_state) ? el("p.buttons", null, el("button", { onclick: () => confirmOff(i) }, "Confirm off…")) : null,
  ].filter(Boolean);
}

/** Keeps the focus: the text may change every second. */
function update(card, i) {
  const mark = JSON.stringify([role, i]);
  if (card.dataset.mark === mark) return;
  const focused = card.contains(document.activeElement);
  card.dataset.mark = mark;
  card.classList.toggle("over", !i.open);
  card.replaceChildren(...parts(i));
  if (focused) card.querySelector("button")?.focus();
}

export function showIncidents(answer) {
  const list = [...(answer.incident ?? [])].sort((a, b) => Number(b.open) - Number(a.open));
  const open = list.filter((i) => i.open).length;
  put($("incident-count"), open ? many(open, "open", "open") : "");
  keyed($("incident-list"), list.length ? list : [null], (i) => i?.id ?? "none", (i) => (i ? el("article.card") : el("p.none", null, "None in the last 24 h.")), (e, i) => i && update(e, i));
}

/* --- risk --- */

const risks = new Map();

function outcome(r) {
  if (!r.vms) return state("dim", "no protected VM");
  if (r.hold) return state("bad", `no target for ${many(r.hold, "VM")}`);
  if (r.wait) return state("warn", `${many(r.wait, "VM")} would wait`);
  return r.relocate ? state("good", "absorbed by other clusters") : state("good", "absorbed by its cluster");
}

export function showRisk(answer) {
  for (const r of answer.risk ?? []) risks.set(place(r.cluster, r.host), r);
  const list = [...risks.values()].sort((a, b) => b.hold - a.hold || b.wait - a.wait || b.vms - a.vms || place(a.cluster, a.host).localeCompare(place(b.cluster, b.host)));
  const bad = list.filter((r) => r.hold + r.wait > 0).length;
  put($("risk-count"), list.length ? `${bad ? `${bad} of ${many(list.length, "host")} could not be absorbed` : `all ${many(list.length, "host")} could be absorbed`}${answer.hosts > list.length ? `, ${answer.hosts - list.length} not computed yet` : ""}` : "");
  const shown = list.slice(0, 200);
  keyed($("risk-table").tBodies[0], shown.length ? shown : [null], (r) => (r ? JSON.stringify(r) : "none"), (r) =>
    r
      ? el("tr", null,
          el("th", { scope: "row" }, place(r.cluster, r.host)),
          el("td.wrap", null, el("button.quiet", { title: "each VM with its candidates", onclick: () => why(`If ${place(r.cluster, r.host)} failed now`, `/api/v1/plan?host=${encodeURIComponent(place(r.cluster, r.host))}`) }, outcome(r)), r.why?.length ? el("br") : null, r.why?.length ? el("small.dim", null, r.why.slice(0, 3).join("; ")) : null, r.note ? el("small.dim", null, ` ${r.note}`) : null),
          ...[r.vms, r.local, r.relocate, r.wait, r.hold].map((n) => el("td.n", null, n ? String(n) : "–")),
          el("td", null, ago(r.at)))
      : el("tr", null, el("td", { colspan: "8" }, "No hosts computed yet.")));
}

/* --- hosts --- */

const MAX_HOSTS = 100;
const hosts = new Map();
const byName = new Intl.Collator(undefined, { numeric: true }).compare;
let columns = []; // of the table, from GET /api/v1/columns

const toneOf = (c, text) => c.tones.find((t) => t.text === null || t.text === text)?.tone;
const right = new Set(["count", "of", "bytes", "ratio"]);
const show = {
  text: (c, v) => (c.tones.length ? state(toneOf(c, v), v) : v),
  place: (c, v, second) => place(v, second),
  count: (c, v) => String(v),
  of: (c, v, second) => `${v} of ${second}`,
  bytes: (c, v) => bytes(v),
  ratio: (c, v) => percent(v),
  age: (c, v) => ago(v),
};
const field = (row, path) => path?.split(".").reduce((v, name) => v?.[name], row);

function cell(c, row) {
  const shown = show[c.kind](c, field(row, c.field), field(row, c.second));
  if (c.tones[0]?.tone === "name") return el("th", { scope: "row" }, shown);
  return el(right.has(c.kind) ? "td.n" : c.kind === "text" ? "td.wrap" : "td", null, shown);
}

export function showColumns(answer) {
  columns = answer.host;
  $("host-table").tHead.rows[0].replaceChildren(...columns.map((c) => el(right.has(c.kind) ? "th.n" : "th", { scope: "col" }, c.title)));
  drawHosts();
}

export function showHosts(answer) {
  for (const h of answer.host ?? []) hosts.set(place(h.cluster, h.name), h);
  drawHosts();
}

function drawHosts() {
  if (!columns.length) return;
  const wanted = $("host-filter").value.trim().toLowerCase().split(/\s+/);
  const all = [...hosts.values()];
  const fit = all.filter((h) => wanted.every((w) => `${h.cluster}/${h.name} ${h.state} ${h.note}`.toLowerCase().includes(w)));
  const up = all.filter((h) => h.state === "up").length;
  fit.sort((a, b) => Number(a.state === "up") - Number(b.state === "up") || byName(place(a.cluster, a.name), place(b.cluster, b.name)));
  put($("host-count"), all.length ? `${up} of ${all.length} up` : "");
  keyed($("host-table").tBodies[0], fit.slice(0, MAX_HOSTS), (h) => JSON.stringify(h), (h) =>
    el("tr", null, columns.map((c) => cell(c, h))));
  put($("host-more"), fit.length > MAX_HOSTS ? `and ${fit.length - MAX_HOSTS} more; hosts that are not up are listed first` : fit.length ? "" : "No matching hosts.");
}
$("host-filter").addEventListener("input", drawHosts);

/* --- events --- */

const MAX_EVENTS = 500;
const events = [];
const rank = { INFO: 0, NOTICE: 1, WARNING: 2, ERROR: 3, CRITICAL: 4 };
const tones = { WARNING: "warn", ERROR: "bad", CRITICAL: "bad", NOTICE: "busy" };

function fits(e) {
  const wanted = $("event-filter").value.trim().toLowerCase().split(/\s+/);
  const text = `${e.text} ${e.vm_name} ${e.cluster}/${e.host} ${e.kind} ${e.service}`.toLowerCase();
  return (rank[e.severity] ?? 0) >= rank[$("event-severity").value] && wanted.every((w) => text.includes(w));
}

const line = (e) => el("li", null, time(e.at), state(tones[e.severity] ?? "dim", words(e.severity)), el("p", { title: `${e.service} · ${e.kind}` }, e.text));

export function addEvents(list) {
  for (const e of list) {
    if (events.some((k) => k.id === e.id)) continue;
    events.unshift(e);
    if (fits(e)) {
      $("event-list").querySelector(".none")?.remove();
      $("event-list").prepend(line(e));
    }
  }
  events.length = Math.min(events.length, MAX_EVENTS);
  while ($("event-list").children.length > MAX_EVENTS) $("event-list").lastElementChild.remove();
}

export function drawEvents() {
  const shown = events.filter(fits).map(line);
  $("event-list").replaceChildren(...(shown.length ? shown : [el("li.none", null, "No matching events.")]));
}
$("event-filter").addEventListener("input", drawEvents);
$("event-severity").addEventListener("input", drawEvents);
