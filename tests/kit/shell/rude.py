#!/usr/bin/env python3
"""rude.py VERB PORT [ARG]: what a careless or hostile client does to the gateway.

  half-open PORT N     opens N connections, sends nothing; prints "ready", holds them until
                       standard input ends
  slow PORT SECONDS    sends a request byte by byte; prints what ended it
  slow-body PORT TOKEN the same with a body
  deaf PORT TOKEN      asks for a lot and does not read; prints what ended it
  paths PORT           tries paths that lead elsewhere; prints what was not refused
  mutate PORT N SEED   sends N requests with bytes changed; prints statuses and their number"""
import collections
import random
import select
import socket
import sys
import time

port = int(sys.argv[2])


def connect():
    s = socket.socket()
    s.settimeout(30)
    s.connect(("127.0.0.1", port))
    return s


def status_of(s, data):
    try:
        s.sendall(data)
        got = b""
        while b"\r\n" not in got and len(got) < 4096:
            more = s.recv(4096)
            if not more:
                break
            got += more
        return got.split(b" ")[1].decode() if got.startswith(b"HTTP/") else "closed"
    except (ConnectionError, BrokenPipeError, IndexError):
        return "closed"
    except socket.timeout:
        return "HANGS"


def half_open(n):
    held = []
    for _ in range(n):
        s = socket.socket()
        s.setblocking(False)
        try:
            s.connect(("127.0.0.1", port))
        except BlockingIOError:
            pass
        held.append(s)
    print("ready", flush=True)
    sys.stdin.read()


def drip(head, seconds):
    """One byte at a time, as slowly as the limit on silence allows."""
    s = connect()
    s.sendall(head)
    s.settimeout(0.5)
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            s.sendall(b"a")
            if s.recv(100) == b"":
                return "closed after %d s" % (time.monotonic() - began)
            return "answered after %d s" % (time.monotonic() - began)
        except socket.timeout:
            continue
        except ConnectionError:
            return "closed after %d s" % (time.monotonic() - began)
    return "HELD"


PATHS = ["/../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
         "/index.html/../../secret", "/./index.html", "/index.html%00.js", "/www/../tokens",
         "/index.html/", "/.", "/..", "/%", "/%zz", "/%0d%0aX-Evil:%201", "/api/v1/../v1/status",
         "/api/v1/status/", "/api//v1/status", "/API/V1/STATUS", "/api/v1/relocations/..%2f..",
         "/api/v1/relocations/%00", "/\\..\\..\\windows", "/index.html;.css", "*", "http://evil/", ""]


def paths():
    for path in PATHS:
        s = connect()
        got = status_of(s, b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path.encode())
        s.close()
        if got not in ("400", "401", "403", "404", "405", "closed"):
            print(path, got)


def mutated(rng, data):
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data))
        what = rng.randrange(4)
        if what == 0:
            data[at] = rng.randrange(256)
        elif what == 1:
            del data[at:at + rng.randint(1, 20)]
        elif what == 2:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 20)))
        else:
            data[at:at] = data[at:at + rng.randint(1, 40)] * rng.randint(1, 30)
        if not data:
            data = bytearray(b"G")
    return bytes(data)


def mutate(n, seed):
    rng = random.Random(seed)
    body = (b'{"version": "4", "alerts": [{"status": "firing", "labels": {"cluster": "c1", "host": "h1", '
            b'"vrsas_event": "host_down"}, "startsAt": "2026-03-01T00:00:00Z", "fingerprint": "ab"}]}')
    seeds = [b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % sys.argv[5].encode(),
             b"GET /api/v1/events?after=1-1&limit=5 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n"
             % sys.argv[5].encode(),
             b"GET /index.html HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nCookie: a=b; c=d\r\n\r\n",
             b"POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
             b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (sys.argv[6].encode(), len(body), body),
             b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
             b"Transfer-Encoding: chunked\r\n\r\n5\r\ntoken\r\n3\r\n=ab\r\n0\r\n\r\n"]
    seen = collections.Counter()
    for start in range(0, n, 150):
        batch = []
        for _ in range(min(150, n - start)):
            s = connect()
            try:
                s.sendall(mutated(rng, bytearray(rng.choice(seeds))))
            except OSError:
                pass
            batch.append(s)
        # What is whole is answered by now; what is cut short ends with its sender.
        answered, ready = set(), batch
        while ready:
            ready = select.select([s for s in batch if s not in answered], [], [], 0.2)[0]
            answered.update(ready)
        for s in batch:
            if s not in answered:
                try:
                    s.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            seen[status_of(s, b"")] += 1
            s.close()
    for code, count in sorted(seen.items()):
        print(code, count)


verb = sys.argv[1]
if verb == "half-open":
    half_open(int(sys.argv[3]))
elif verb == "slow":
    print(drip(b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: ", float(sys.argv[3])))
elif verb == "slow-body":
    print(drip(b"POST /api/v1/alerts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
               b"Authorization: Bearer %s\r\nContent-Length: 100000\r\n\r\n" % sys.argv[3].encode(), 30))
elif verb == "deaf":
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", port))
    s.sendall(b"GET /big.js HTTP/1.1\r\nHost: x\r\n\r\n" * 8)
    print("ready", flush=True)
    sys.stdin.read()
elif verb == "paths":
    paths()
elif verb == "mutate":
    mutate(int(sys.argv[3]), int(sys.argv[4]))
