// The page: sign-in, the first requests, and updates from the event stream.
import { $, ago, el, many, put, state, tick, zone } from "./util.js";
import { get, listen, post } from "./api.js";
import { first, setRole as setRelocationRole, showRelocations, showTransfers } from "./relocations.js";
import { refreshForecasts, showClusters } from "./clusters.js";
import { addEvents, drawEvents, setRole, showColumns, showHosts, showIncidents, showRisk } from "./tables.js";

const health = { HEALTHY: ["good", "✓", "Healthy"], WARNING: ["warn", "!", "Warning"], CRITICAL: ["bad", "✕", "Critical"] };
let forecastTimer = 0;

function showStatus(s) {
  const [tone, sign, word] = health[s.health] ?? ["bad", "?", s.health];
  const hosts = s.cluster.reduce((n, c) => n + c.hosts, 0);
  const up = s.cluster.reduce((n, c) => n + c.hosts_up, 0);
  const vms = s.cluster.reduce((n, c) => n + c.vms_protected, 0);
  $("health").className = `health ${tone}`;
  put($("health").querySelector(".sign"), sign);
  put($("health").querySelector(".word"), word);
  document.title = `${sign} ${word} · VR-SAS`;
  $("health-line").replaceChildren(`${many(s.cluster.length, "cluster")} · ${up} of ${many(hosts, "host")} up · ${many(vms, "VM")} protected · as of `, ago(s.at));
  const mark = JSON.stringify(s.reason);
  if ($("health-reasons").dataset.mark !== mark) {
    $("health-reasons").dataset.mark = mark;
    $("health-reasons").replaceChildren(...s.reason.map((r) => el("li", null, r)));
  }
  showClusters(s.cluster);
}

function showLink(up) {
  $("link").className = up ? "link" : "link off";
  $("link").replaceChildren(up ? state("good", "live") : state("bad", "no connection, retrying"));
}

async function forecasts() {
  clearTimeout(forecastTimer);
  let complete = true;
  try {
    if (!document.hidden) complete = await refreshForecasts();
  } catch {
    // the line at the top shows it; retried in a minute
  }
  forecastTimer = setTimeout(forecasts, complete ? 60000 : 10000);
}
document.addEventListener("visibilitychange", () => document.hidden || forecasts());

async function begin(session) {
  localStorage.setItem("vrsas-session", session.name);
  setRole(session.role);
  setRelocationRole(session.role);
  put($("who"), `${session.name} (role ${session.role})`);
  $("leave").hidden = false;
  $("login").hidden = true;
  for (const id of ["live", "nav"]) $(id).hidden = false;
  // All at once; a failed part is repaired by the stream or by the next visit.
  const [, , , , , events] = await Promise.allSettled([
    get("/api/v1/status").then(showStatus),
    get("/api/v1/relocations?open=1").then(showRelocations),
    get("/api/v1/incidents").then(showIncidents),
    get("/api/v1/hosts").then(showHosts),
    get("/api/v1/risk").then(showRisk),
    get("/api/v1/events?limit=300").then((a) => {
      addEvents(a.event ?? []);
      drawEvents();
      return a.next_id;
    }),
    get("/api/v1/columns").then(showColumns),
  ]);
  forecasts();
  listen(
    events.value ?? "",
    {
      journal: (e) => addEvents([e]),
      status: showStatus,
      relocations: showRelocations,
      progress: showTransfers,
      hosts: showHosts,
      incidents: showIncidents,
      risk: showRisk,
    },
    showLink,
  );
  document.documentElement.dataset.ready = "yes";
}

function askToken(message) {
  $("login").hidden = false;
  put($("login-error"), message ?? "");
  $("token").focus();
}

$("login-form").addEventListener("submit", async (e) => {
  e.preventDefault();
  try {
    const session = await post("/api/v1/session", { token: $("token").value.trim() });
    $("token").value = "";
    await begin(session);
  } catch (x) {
    askToken(x.status === 401 ? "Unknown token." : x.message);
  }
});
$("leave").addEventListener("click", async () => {
  localStorage.removeItem("vrsas-session");
  await post("/api/v1/session/end", {}).catch(() => {});
  location.reload();
});

const jump = { u: "under-way", c: "clusters", r: "risk", h: "hosts", e: "events", f: "quality" };
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) || document.querySelector("dialog[open]")) return;
  if (e.key === "/") $("event-filter").focus();
  else if (e.key === "?") $("keys").showModal();
  else if (e.key === "w" && first()) $("relocation-list").querySelector(".b-why:not([hidden])")?.click();
  else if (jump[e.key]) $(jump[e.key]).scrollIntoView({ behavior: "smooth" });
  else return;
  e.preventDefault();
});
$("show-keys").addEventListener("click", () => $("keys").showModal());

put($("zone"), `Times are in ${zone}; UTC on hover.`);
setInterval(() => document.hidden || tick(), 1000);
// Without an earlier sign-in there is no cookie, and the request would be refused.
if (localStorage.getItem("vrsas-session")) get("/api/v1/session").then(begin, (e) => askToken(e.status === 401 ? "" : e.message));
else askToken();
