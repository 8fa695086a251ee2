// Relocations in progress: state, progress of the copy, and the buttons of an operator.
import { $, ago, bytes, el, keyed, many, percent, place, put, span, state, utc, words } from "./util.js";
import { askFirst, why } from "./dialogs.js";

const undecided = new Set(["DETECT", "FENCE", "DECIDE"]); // phases before the move
const tone = (v) => (v.severity === "ERROR" ? "bad" : ["HOME", "AWAY"].includes(v.phase) ? "good" : "busy");
const homeward = (v) => v.phase === "FAILBACK" || v.phase === "HOME" || (v.phase === "AWAY" && v.record.host_back_at);

const away = [["silent_since", "Silent"], ["detected_at", "Detected"], ["fenced_at", "Proven off"], ["decided_at", "Decided"], ["copy_started_at", "Copying"], ["copied_at", "Verified"], ["granted_at", "Granted"], ["alive_at", "Running"]];
const home = [["alive_at", "Running away"], ["host_back_at", "Home is back"], ["fb_stopped_at", "Stopped"], ["fb_alive_at", "Running at home"]];

const views = new Map(); // vm id -> RelocationView
const progress = new Map(); // vm id -> ProgressView
let role = "read";
export const setRole = (r) => (role = r);
export const first = () => views.keys().next().value;

/** Milestones as a line of steps: done, current, still to come. An abandoned copy does not
 * count. */
function steps(v) {
  const r = v.record;
  const way = homeward(v) ? home : r.planned ? away.slice(3) : away;
  const ends = undecided.has(v.phase) ? "copy_started_at" : null;
  const till = ends ? way.findIndex(([field]) => field === ends) : way.length;
  const at = way.map(([field], i) => (r[field] && i < till ? Date.parse(r[field]) : 0));
  const from = at.find(Boolean) ?? 0;
  const newest = at.reduce((n, t, i) => (t ? i : n), -1);
  // No next step while it waits for an operator or for a repair.
  const next = tone(v) === "bad" || (undecided.has(v.phase) && r.decision?.verdict === "WAIT") ? -1 : newest + 1;
  return way.map(([, name], i) =>
    el(
      at[i] ? "li.done" : i === next ? "li.now" : "li",
      i === next ? { "aria-current": "step" } : null,
      name,
      el("small", at[i] ? { title: utc(at[i]) } : null, at[i] ? (at[i] === from ? new Date(at[i]).toLocaleTimeString([], { hourCycle: "h23" }) : `+ ${span(at[i] - from)}`) : ""),
    ),
  );
}

/** ETA with its interval, which exists after two measurements of the rate. */
function eta(p) {
  if (!(p.eta_ms >= 0)) return "time left unknown";
  const low = p.eta_low_ms, high = p.eta_high_ms;
  return low >= 0 && high > low ? `${span(p.eta_ms)} left (${span(low)} to ${span(high)})` : `${span(p.eta_ms)} left`;
}

function showProgress(card, v) {
  const p = progress.get(v.record.vm_id) ?? v.transfer;
  const box = card.querySelector(".bar");
  const copying = p && v.transfers && Number(p.bytes_total) > 0 && ["QUEUED", "COPYING", "VERIFYING"].includes(p.state);
  box.hidden = !copying;
  if (!copying) return;
  const ratio = Math.min(1, Number(p.bytes_done) / Number(p.bytes_total));
  const bar = box.querySelector("progress");
  bar.value = ratio;
  put(box.querySelector("output"), percent(ratio));
  put(box.querySelector(".figures"), p.state === "VERIFYING" ? `${bytes(p.bytes_total)} sent; comparing both copies` : `${bytes(p.bytes_done)} of ${bytes(p.bytes_total)} · ${bytes(p.rate_now_bytes_per_s)}/s · ${eta(p)}`);
}

function cancel(v) {
  const r = v.record;
  askFirst({
    title: v.phase === "AWAY" ? `Keep ${r.vm_name} away from home?` : `Cancel the relocation of ${r.vm_name}?`,
    text: `State ${words(r.state)}: ${v.meaning}. ${v.phase === "AWAY" ? "The VM stays where it runs until someone requests the failback." : "The VM stays where its data is; an unfinished copy is not used."}`,
    yes: "Yes, cancel",
    path: "/api/v1/cancel",
    body: { vm: r.vm_name || r.vm_id },
    reason: "wanted",
  });
}

function failback(r) {
  askFirst({
    title: `Fail ${r.vm_name} back?`,
    text: `From ${place(r.active_cluster, r.active_host)} to ${place(r.home_cluster, r.home_host)}. The VM stops while its last changes are copied; the remote copy is kept until the VM runs at home.`,
    yes: "Yes, fail back",
    path: "/api/v1/failback",
    body: { vm: r.vm_name || r.vm_id },
    preview: (dry) => (dry.done ? [el("p.hint", null, dry.done)] : []),
  });
}

function make(v) {
  const r = v.record;
  const card = el(
    "article.story",
    { "aria-label": r.vm_name },
    el("header", null, el("h3", null, r.vm_name || r.vm_id), el("span.where"), el("span.route"), el("p.buttons", null,
      el("button", { class: "b-why", onclick: () => why(`Why here? ${r.vm_name}`, `/api/v1/relocations/${encodeURIComponent(r.vm_name || r.vm_id)}`) }, "Why here?"),
      el("button", { class: "b-home", onclick: () => failback(views.get(r.vm_id).record) }, "Fail back…"),
      el("button", { class: "b-cancel", onclick: () => cancel(views.get(r.vm_id)) }, "Cancel…"))),
    el("p.why"),
    el("p.hold", { hidden: true }),
    el("ol.steps", { "aria-label": "Milestones of the relocation" }),
    el("div.bar", { hidden: true }, el("progress", { max: "1", value: "0", "aria-label": `Copy of ${r.vm_name}` }), el("output"), el("span.figures")),
  );
  return card;
}

function update(card, v) {
  const r = v.record;
  const mark = JSON.stringify(r);
  if (card.dataset.mark !== mark) {
    card.dataset.mark = mark;
    card.dataset.state = r.state;
    card.querySelector(".where").replaceChildren(state(tone(v), words(r.state)), " · ", ago(r.state_since));
    const to = homeward(v) ? place(r.home_cluster, r.home_host) : place(r.target_cluster, r.target_host);
    const from = homeward(v) ? place(r.active_cluster, r.active_host) : place(r.home_cluster, r.home_host);
    put(card.querySelector(".route"), to && to !== from ? `${from} → ${to}` : from);
    put(card.querySelector("p.why"), [v.meaning, undecided.has(v.phase) ? r.why : r.decision?.summary].filter(Boolean).join(". "));
    put(card.querySelector(".hold"), r.hold_reason ? `Missing: ${r.hold_reason}` : "");
    card.querySelector(".hold").hidden = !r.hold_reason;
    card.querySelector(".steps").replaceChildren(...steps(v));
    card.querySelector(".b-cancel").hidden = role !== "operate" || !v.may_cancel;
    card.querySelector(".b-home").hidden = role !== "operate" || !v.may_fail_back;
    card.querySelector(".b-why").hidden = !r.decision;
  }
  showProgress(card, v);
}

const urgency = (v) => ({ bad: 0, busy: 1, good: 2 })[tone(v)];

export function showRelocations(answer) {
  views.clear();
  for (const v of answer.relocation ?? []) if (v.record) views.set(v.record.vm_id, v);
  for (const id of progress.keys()) if (!views.has(id)) progress.delete(id);
  const list = [...views.values()].sort((a, b) => urgency(a) - urgency(b) || a.record.vm_name.localeCompare(b.record.vm_name));
  put($("relocation-count"), list.length ? many(list.length, "VM") : "");
  keyed($("relocation-list"), list.length ? list : [null], (v) => v?.record.vm_id ?? "none", (v) => (v ? make(v) : el("p.none", null, "None. Every protected VM runs at home.")), (e, v) => v && update(e, v));
}

export function showTransfers(answer) {
  progress.clear();
  for (const p of answer.progress ?? []) progress.set(p.vm_id, p);
  for (const card of $("relocation-list").children) {
    const v = views.get(card.dataset.key);
    if (v) showProgress(card, v);
  }
}
