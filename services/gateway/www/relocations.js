// Stories under way: where each stands, how far the copy is, and the way to stop it.
import { $, ago, bytes, el, keyed, many, percent, place, put, span, state, utc, words } from "./util.js";
import { askFirst, why } from "./dialogs.js";

const served = new Set(["PROTECTED", "RUNNING_AWAY", "CLEANUP"]);
const tone = (v) => (v.severity === "ERROR" ? "bad" : served.has(v.record.state) ? "good" : "busy");
const homeward = new Set(["REPROTECTING", "FAILBACK_READY", "FB_QUIESCE", "FB_FINAL_SYNC", "FB_GRANTING", "RESTORING_HOME", "CLEANUP"]);
const cancellable = new Set(["SUSPECT", "HOLD_BRAKE", "DOWN_LIKELY", "FENCING", "HOLD_OPERATOR", "FENCED", "DECIDING", "WAIT_REPAIR", "RESERVING", "TRANSFERRING", "VERIFYING", "REPROTECTING", "FAILBACK_READY"]);

const away = [["silent_since", "Silent"], ["detected_at", "Noticed"], ["fenced_at", "Proven off"], ["decided_at", "Decided"], ["copy_started_at", "Copying"], ["copied_at", "Proven equal"], ["granted_at", "May run"], ["alive_at", "Serves"]];
const home = [["alive_at", "Serves away"], ["host_back_at", "Home is back"], ["fb_stopped_at", "Stopped"], ["fb_alive_at", "Serves at home"]];

const views = new Map(); // vm id -> RelocationView
const progress = new Map(); // vm id -> ProgressView
let role = "read";
export const setRole = (r) => (role = r);
export const first = () => views.keys().next().value;

const travelling = new Set(["TRANSFERRING", "VERIFYING", "REPROTECTING", "FB_FINAL_SYNC"]);
const undecided = new Set(["FENCED", "DECIDING", "WAIT_REPAIR", "RESERVING", "HOLD_OPERATOR", "HOLD_BRAKE"]);

/** Moments of the story as a line of steps: done, now, still to come. A copy that was given
 * up is none. */
function steps(v) {
  const r = v.record;
  const way = homeward.has(r.state) ? home : r.planned ? away.slice(3) : away;
  const ends = undecided.has(r.state) ? "copy_started_at" : null;
  const till = ends ? way.findIndex(([field]) => field === ends) : way.length;
  const at = way.map(([field], i) => (r[field] && i < till ? Date.parse(r[field]) : 0));
  const from = at.find(Boolean) ?? 0;
  const newest = at.reduce((n, t, i) => (t ? i : n), -1);
  // What stands still has no next step.
  const next = tone(v) === "bad" || r.state === "WAIT_REPAIR" ? -1 : newest + 1;
  return way.map(([, name], i) =>
    el(
      at[i] ? "li.done" : i === next ? "li.now" : "li",
      i === next ? { "aria-current": "step" } : null,
      name,
      el("small", at[i] ? { title: utc(at[i]) } : null, at[i] ? (at[i] === from ? new Date(at[i]).toLocaleTimeString([], { hourCycle: "h23" }) : `+ ${span(at[i] - from)}`) : ""),
    ),
  );
}

/** ETA with its interval; it has one once two rates were seen. */
function eta(p) {
  if (!(p.eta_ms >= 0)) return "time left not known yet";
  const low = p.eta_low_ms, high = p.eta_high_ms;
  return low >= 0 && high > low ? `${span(p.eta_ms)} left (${span(low)} to ${span(high)})` : `${span(p.eta_ms)} left`;
}

function showProgress(card, v) {
  const p = progress.get(v.record.vm_id) ?? v.transfer;
  const box = card.querySelector(".bar");
  const copying = p && travelling.has(v.record.state) && Number(p.bytes_total) > 0 && ["QUEUED", "COPYING", "VERIFYING"].includes(p.state);
  box.hidden = !copying;
  if (!copying) return;
  const ratio = Math.min(1, Number(p.bytes_done) / Number(p.bytes_total));
  const bar = box.querySelector("progress");
  bar.value = ratio;
  put(box.querySelector("output"), percent(ratio));
  put(box.querySelector(".figures"), p.state === "VERIFYING" ? `${bytes(p.bytes_total)} sent; both copies are being compared` : `${bytes(p.bytes_done)} of ${bytes(p.bytes_total)} · ${bytes(p.rate_now_bytes_per_s)}/s · ${eta(p)}`);
}

function cancel(v) {
  const r = v.record;
  askFirst({
    title: `Stop the story of ${r.vm_name}?`,
    text: `${r.vm_name} is in ${words(r.state)}: ${v.meaning}. Stopping leaves it where its data is; nothing that was copied is believed.`,
    yes: "Yes, stop it",
    path: "/api/v1/cancel",
    body: { vm: r.vm_name || r.vm_id },
    reason: "wanted",
  });
}

function failback(r) {
  askFirst({
    title: `Bring ${r.vm_name} home?`,
    text: `From ${place(r.active_cluster, r.active_host)} to ${place(r.home_cluster, r.home_host)}. It stops for the last changes to travel; the copy away is kept until home serves.`,
    yes: "Yes, bring it home",
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
      el("button", { class: "b-home", onclick: () => failback(views.get(r.vm_id).record) }, "Bring home…"),
      el("button", { class: "b-cancel", onclick: () => cancel(views.get(r.vm_id)) }, "Cancel…"))),
    el("p.why"),
    el("p.hold", { hidden: true }),
    el("ol.steps", { "aria-label": "Moments of the story" }),
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
    const to = homeward.has(r.state) ? place(r.home_cluster, r.home_host) : place(r.target_cluster, r.target_host);
    const from = homeward.has(r.state) ? place(r.active_cluster, r.active_host) : place(r.home_cluster, r.home_host);
    put(card.querySelector(".route"), to && to !== from ? `${from} → ${to}` : from);
    put(card.querySelector("p.why"), [v.meaning, undecided.has(r.state) ? r.why : r.decision?.summary].filter(Boolean).join(". "));
    put(card.querySelector(".hold"), r.hold_reason ? `What is missing: ${r.hold_reason}` : "");
    card.querySelector(".hold").hidden = !r.hold_reason;
    card.querySelector(".steps").replaceChildren(...steps(v));
    card.querySelector(".b-cancel").hidden = role !== "operate" || !cancellable.has(r.state) || r.cancel_asked;
    card.querySelector(".b-home").hidden = role !== "operate" || !["RUNNING_AWAY", "FAILBACK_READY"].includes(r.state) || r.failback_asked;
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
  keyed($("relocation-list"), list.length ? list : [null], (v) => v?.record.vm_id ?? "none", (v) => (v ? make(v) : el("p.none", null, "Nothing. Every protected VM is where it belongs.")), (e, v) => v && update(e, v));
}

export function showTransfers(answer) {
  progress.clear();
  for (const p of answer.progress ?? []) progress.set(p.vm_id, p);
  for (const card of $("relocation-list").children) {
    const v = views.get(card.dataset.key);
    if (v) showProgress(card, v);
  }
}
