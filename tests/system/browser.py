"""browser.py - a real Chromium, driven over its DevTools protocol.

A small part of it: pages, clicks by selector, waits for a condition of the page, console
errors, screenshots. For tests."""
import base64
import json
import os
import queue
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request

import websocket


class BrowserError(Exception):
    pass


class Browser:
    """Chromium with a profile of its own, gone when closed. fonts and GPU do not matter."""

    def __init__(self, program="chromium"):
        self.home = tempfile.mkdtemp(prefix="vrsas-browser-")
        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-extensions", "--no-first-run", "--mute-audio",
             "--disable-dev-shm-usage", "--force-device-scale-factor=1",
             "--no-proxy-server", "--remote-debugging-port=0",
             "--remote-allow-origins=*", "--user-data-dir=" + self.home, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env={**os.environ, "HOME": self.home})
        try:
            self.port = self._port()
        except BrowserError:
            self.close()
            raise

    def _port(self):
        """Chromium says it on its standard error, which has a reader to its end."""
        said = queue.Queue()

        def read():
            for line in self.process.stderr:
                m = re.search(rb"DevTools listening on ws://[^:]+:(\d+)/", line)
                if m:
                    said.put(int(m.group(1)))
            said.put(None)

        threading.Thread(target=read, daemon=True).start()
        try:
            port = said.get(timeout=60)
        except queue.Empty:
            raise BrowserError("chromium does not open its port") from None
        if port is None:
            raise BrowserError("chromium ended with %d" % self.process.wait())
        return port

    def page(self):
        with urllib.request.urlopen("http://127.0.0.1:%d/json/list" % self.port) as answer:
            target = next(t for t in json.load(answer) if t["type"] == "page")
        return Page(target["webSocketDebuggerUrl"])

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


class Page:
    def __init__(self, url):
        self.socket = websocket.create_connection(url, timeout=150)
        self.number = 0
        self.complaints = []  # console errors, exceptions, refused resources
        self.events = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.do(domain + ".enable")

    def do(self, method, **params):
        self.number += 1
        number = self.number
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == number:
                if "error" in message:
                    raise BrowserError("%s: %s" % (method, message["error"]["message"]))
                return message["result"]
            self._take(message)

    def _take(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.complaints.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append("%s %s" % (params["entry"]["text"], params["entry"].get("url", "")))
        else:
            self.events.append(message)
            del self.events[:-5000]

    def js(self, expression):
        result = self.do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise BrowserError("%s: %s" % (expression, result["exceptionDetails"].get("exception", {}).get("description")))
        return result["result"].get("value")

    def wait(self, condition, seconds=30):
        """Until the JavaScript condition holds; its value. Looked at whenever the page has
        drawn a frame; a page that goes meanwhile leaves the question to the next one."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                value = self.js("""(async () => {
                    for (const end = performance.now() + %d; performance.now() < end;) {
                        const v = (%s);
                        if (v) return v instanceof Node || v;
                        await new Promise(requestAnimationFrame);
                    }
                })()""" % (left * 1000, condition))
            except BrowserError as e:
                if re.search("navigated|context was destroyed|find context", str(e)):
                    continue
                raise
            if value:
                return value
        raise BrowserError("not within %d s: %s" % (seconds, condition))

    def drawn(self):
        """Until what was changed is on the screen."""
        self.js("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r())))")

    def open(self, url):
        self.do("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def size(self, width, height, dark=False, scale=1):
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 500)
        self.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def click(self, selector):
        """As a person clicks: where the thing is, with the mouse."""
        box = self.js("""(() => {
            const e = document.querySelector(%s);
            if (!e) return null;
            e.scrollIntoView({ block: "center", behavior: "instant" });
            const b = e.getBoundingClientRect();
            return b.width && !e.disabled ? [b.x + b.width / 2, b.y + b.height / 2] : null;
        })()""" % json.dumps(selector))
        if not box:
            raise BrowserError("nothing to click at %s" % selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.do("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def key(self, key, code=None, virtual=0, text=None):
        text = text if text is not None else (key if len(key) == 1 else "")
        self.do("Input.dispatchKeyEvent", type="keyDown", key=key, code=code or key, windowsVirtualKeyCode=virtual, text=text)
        self.do("Input.dispatchKeyEvent", type="keyUp", key=key, code=code or key, windowsVirtualKeyCode=virtual)

    def type(self, text):
        self.do("Input.insertText", text=text)

    def screenshot(self, path, whole=False, clip=None):
        params = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            box = self.do("Page.getLayoutMetrics")["cssContentSize"]
            params["clip"] = {"x": 0, "y": 0, "width": box["width"], "height": box["height"], "scale": 1}
        if clip:
            params["clip"] = {**clip, "scale": 1}
        data = self.do("Page.captureScreenshot", **params)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))
