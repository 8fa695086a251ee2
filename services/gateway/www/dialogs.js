// Dialogs: "Why here?", and the confirmation before an order.
import { $, bytes, cores, el, many, percent, place, span, state, time, words } from "./util.js";
import { get, post } from "./api.js";

const verdicts = {
  WAIT: () => "wait for the repair",
  LOCAL: (d) => `restart at ${place(d.cluster, d.host)}`,
  RELOCATE: (d) => `relocate to ${place(d.cluster, d.host)}`,
  HOLD: () => "hold for an operator",
};
export const verdict = (d) => verdicts[d.verdict]?.(d) ?? "undecided";

function reason(r) {
  const [tone, word] = r.rules_out ? ["bad", "rejected"] : r.in_favour ? ["good", "for"] : ["warn", "against"];
  return el("li", null, state(tone, word), el("span", null, r.text));
}

function candidate(c) {
  const chosen = c.rank === 1;
  const doubt = c.confidence && c.confidence !== "OK" ? ` (${words(c.confidence)} confidence)` : "";
  const transfer = c.transfer_high_ms > c.transfer_ms ? `${span(c.transfer_ms)}, at most ${span(c.transfer_high_ms)}` : span(c.transfer_ms);
  return el(
    chosen ? "li.chosen" : "li",
    null,
    el("h3", null, place(c.cluster, c.host), chosen ? state("good", "chosen") : c.rank ? state("dim", `rank ${c.rank}`) : state("bad", "rejected")),
    el(
      "p.facts",
      null,
      `projected peak: ${percent(c.peak_p50_ratio)} (P50), ${percent(c.peak_p90_ratio)} (P90) by ${c.forecast_method || "no forecast"}${doubt} · `,
      `needs ${cores(c.demand_cores)} of ${cores(c.capacity_cores)} cores · RAM free ${bytes(c.ram_free_bytes)} · disk free ${bytes(c.disk_free_bytes)} · `,
      `transfer ${transfer} · outage ${span(c.outage_ms)}`,
    ),
    el("ul.for-against", null, ...(c.reason ?? []).map(reason)),
  );
}

export function decision(d) {
  const order = [...(d.candidate ?? [])].sort((a, b) => (a.rank || 1e9) - (b.rank || 1e9) || place(a.cluster, a.host).localeCompare(place(b.cluster, b.host)));
  return [
    el("p", null, d.summary || verdict(d)),
    el("p.hint", null, "Decided ", time(d.at), `, class ${d.vm_class} · ${bytes(d.bytes_to_move)} to move at ${bytes(d.rate_bytes_per_s)}/s (${d.rate_source}) · repair expected in ${span(d.expected_repair_ms)}, expected stay ${span(d.stay_ms)}`),
    el("ol.candidates", null, ...order.map(candidate)),
  ];
}

function journal(entries) {
  if (!entries?.length) return null;
  return el(
    "details.journal",
    null,
    el("summary", null, `Journal: ${many(entries.length, "step")}`),
    el("div.scroll", { tabindex: "0" }, el("table", null, el("tbody", null, ...entries.map((j) => el("tr", null, el("td", null, time(j.at)), el("td", null, words(j.to)), el("td", null, j.by), el("td.wrap", null, j.why)))))),
  );
}

/** Opens "Why here?" of a VM's relocation, or of a host's plan. */
export async function why(title, path) {
  $("why-title").textContent = title;
  $("why-body").replaceChildren(el("p.none", null, "…"));
  if (!$("why").open) $("why").showModal();
  try {
    const answer = await get(path);
    const parts = [];
    for (const v of answer.relocation ?? []) {
      if (v.record?.hold_reason) parts.push(el("p.hold", null, v.record.hold_reason));
      if (v.record?.decision) parts.push(...decision(v.record.decision));
      for (const e of v.record?.evidence ?? []) parts.push(el("p.hint", null, `Proof of death ${words(e.cls).slice(0, 2).toUpperCase()}: ${e.by}, ${e.text} (`, time(e.at), ")"));
      parts.push(journal(v.journal));
    }
    for (const d of answer.decision ?? []) parts.push(el("h3", null, `${d.vm_name}: ${verdict(d)}`), ...decision(d));
    if (answer.note) parts.unshift(el("p", null, answer.note));
    if (!parts.length) parts.push(el("p.none", null, "No decision yet."));
    $("why-body").replaceChildren(...parts.filter(Boolean));
  } catch (e) {
    $("why-body").replaceChildren(el("p.error", { role: "alert" }, e.message, e.hint ? ` ${e.hint}` : ""));
  }
}

/** Shows the result of a dry run, and sends the order only after a yes. order: {title, text,
 * yes, path, body, reason: "wanted" or "required", preview(dry reply) -> elements} */
export async function askFirst(order) {
  const form = $("ask-form");
  $("ask-title").textContent = order.title;
  $("ask-body").replaceChildren(el("p", null, order.text));
  $("ask-yes").textContent = order.yes;
  $("ask-yes").disabled = true;
  $("ask-error").textContent = "";
  $("ask-reason").value = "";
  $("ask-reason").required = order.reason === "required";
  $("ask-reason-line").hidden = !order.reason;
  $("ask").showModal();
  $("ask-no").focus();
  form.onsubmit = async (e) => {
    e.preventDefault();
    $("ask-yes").disabled = true;
    $("ask-error").textContent = "";
    try {
      const body = { ...order.body };
      if (order.reason && $("ask-reason").value.trim()) body.reason = $("ask-reason").value.trim();
      await post(order.path, body);
      $("ask").close();
    } catch (x) {
      $("ask-error").textContent = `${x.message} ${x.hint}`.trim();
      $("ask-yes").disabled = false;
    }
  };
  try {
    const body = { ...order.body, dry_run: true };
    if (order.reason === "required") body.reason = "dry run"; // not recorded
    const dry = await post(order.path, body);
    if (order.preview) $("ask-body").append(...order.preview(dry));
    $("ask-yes").disabled = false;
  } catch (x) {
    $("ask-error").textContent = `${x.message} ${x.hint}`.trim();
  }
}

$("ask-no").addEventListener("click", () => $("ask").close());
for (const id of ["why", "ask", "keys"])
  $(id).addEventListener("click", (e) => {
    if (e.target === e.currentTarget) {
      const box = e.currentTarget.getBoundingClientRect();
      if (e.clientX < box.left || e.clientX > box.right || e.clientY < box.top || e.clientY > box.bottom) e.currentTarget.close();
    }
  });
