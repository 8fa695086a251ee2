// Client of the gateway: queries, orders, and the stream of events.

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error || `the gateway replied with status ${status}`);
    this.status = status;
    this.hint = body?.hint || "";
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch {
    throw new ApiError(0, { error: "no reply from the gateway" });
  }
  const text = await answer.text();
  let body = text;
  if ((answer.headers.get("Content-Type") ?? "").includes("json"))
    try {
      body = JSON.parse(text);
    } catch {
      body = null;
    }
  if (!answer.ok) throw new ApiError(answer.status, body);
  return body;
}

export const get = (path) => ask(path);
export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** The stream; it reconnects, and resumes after the last journal event received.
 * on: {journal, status, relocations, ...}, each with the parsed data; link(up). */
export function listen(after, on, link) {
  let last = after;
  let source;
  let pause = 500;
  let timer;

  const open = () => {
    source = new EventSource(`/api/v1/events${last ? `?after=${encodeURIComponent(last)}` : ""}`);
    source.onopen = () => {
      pause = 500;
      link(true);
    };
    source.onerror = () => {
      link(false);
      // EventSource retries with its last id; when it gives up, this code reconnects.
      if (source.readyState === EventSource.CLOSED) {
        timer = setTimeout(open, pause * (0.5 + Math.random()));
        pause = Math.min(pause * 2, 15000);
      }
    };
    for (const [name, then] of Object.entries(on))
      source.addEventListener(name, (e) => {
        if (e.lastEventId) last = e.lastEventId;
        then(JSON.parse(e.data));
      });
  };
  open();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
