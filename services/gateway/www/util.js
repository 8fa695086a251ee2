// Formatting of text and numbers, and helpers for elements, used everywhere on the page.

/** el("p.note", {title: "x", onclick: f}, "text", child...) -> element */
export function el(what, attributes, ...children) {
  const [tag, ...classes] = what.split(".");
  const e = document.createElement(tag || "div");
  if (classes.length) e.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== ""));
  return e;
}

export const $ = (id) => document.getElementById(id);

/** Sets the text only if it changed, so that selections and screen readers are not disturbed. */
export function put(e, text) {
  if (e.textContent !== text) e.textContent = text;
}

/** Gives parent one child for each item, reusing the element of each key. */
export function keyed(parent, items, key, make, update) {
  const old = new Map([...parent.children].map((c) => [c.dataset.key, c]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const k = String(key(item));
    let e = old.get(k);
    old.delete(k);
    if (!e) {
      e = make(item);
      e.dataset.key = k;
    }
    if (e !== at) parent.insertBefore(e, at);
    else at = at.nextElementSibling;
    update?.(e, item);
  }
  for (const e of old.values()) e.remove();
}

const known = (v) => v !== null && v !== undefined && Number.isFinite(Number(v));

export const percent = (ratio) => (known(ratio) ? `${Math.round(ratio * 100)} %` : "–");

export function bytes(n) {
  if (!known(n)) return "–";
  const unit = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let i = 0;
  for (n = Number(n); n >= 1023.5 && i + 1 < unit.length; i++) n /= 1024;
  return `${i && n < 9.95 ? n.toFixed(1) : Math.round(n)} ${unit[i]}`;
}

export const cores = (n) => (known(n) ? `${Math.abs(n) < 9.95 ? n.toFixed(1) : Math.round(n)}` : "–");

export function span(ms) {
  if (!known(ms) || ms < 0) return "–";
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, "0")} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** "4 s ago", in whole units that do not jitter. */
export function age(at, now = Date.now()) {
  if (!at) return "never";
  const s = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  if (s < 120) return `${s} s ago`;
  if (s < 7200) return `${Math.round(s / 60)} min ago`;
  return s < 172800 ? `${Math.round(s / 3600)} h ago` : `${Math.round(s / 86400)} d ago`;
}

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const short = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dated = new Intl.DateTimeFormat([], { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";
export const hour = (ms) => short.format(ms);
export const utc = (at) => `${new Date(at).toISOString().replace("T", " ").slice(0, 19)} UTC`;

/** The viewer's time, UTC on hover. Today without the date. */
export function time(at) {
  if (!at) return el("span.dim", null, "–");
  const d = new Date(at);
  const today = d.toDateString() === new Date().toDateString();
  return el("time", { datetime: at, title: utc(at) }, today ? clock.format(d) : dated.format(d));
}

/** The age of a time; tick() keeps it current. */
export function ago(at) {
  return at ? el("time", { datetime: at, title: utc(at), "data-ago": "" }, age(at)) : el("span.dim", null, "never");
}
export function tick(root = document) {
  const now = Date.now();
  for (const e of root.querySelectorAll("time[data-ago]")) put(e, age(e.dateTime, now));
}

/** A state: a sign and a word; the colour carries no information of its own. */
export function state(tone, word) {
  const sign = { good: "✓", warn: "!", bad: "✕", busy: "→", dim: "·" }[tone] ?? "·";
  return el(`span.state.${tone === "busy" ? "now" : tone}`, { "data-sign": sign }, word);
}

export const words = (name) => String(name ?? "").toLowerCase().replaceAll("_", " ");
export const place = (cluster, host) => (host ? `${cluster}/${host}` : (cluster ?? ""));
export const many = (n, one, more = `${one}s`) => `${n} ${n === 1 ? one : more}`;
