#!/usr/bin/env python3
"""A vrs-image that lies: answers a mover as a source of 64 MiB would, but one kind of
request as the mode says. Modes: honest, noise, cut, flood, size, extents, short, long, seq,
type, text, digest, identity."""
import os
import random
import struct
import sys

HEAD = struct.Struct("<4sBBHIIQQ")
HELLO, PING, STAT, SOURCE, EXTENTS, READ, HASHES = range(1, 8)
OK, ERR, ALIVE = 64, 65, 66
SIZE = 64 << 20

mode = open(os.environ.get("PRETEND", "/dev/null")).read().strip() or sys.argv[1]
random.seed(mode)


def get(n):
    data = b""
    while len(data) < n:
        more = os.read(0, n - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def put(data):
    while data:
        data = data[os.write(1, data):]


def answer(seq, payload=b"", a=0, b=0, kind=OK, shift=0, length=None):
    put(HEAD.pack(b"VRI1", kind, 0, shift, seq, len(payload) if length is None else length, a, b)
        + payload)


def text(t):
    return struct.pack("<H", len(t)) + t


if mode == "noise":
    put(random.randbytes(200000))
while True:
    _, kind, slot, shift, seq, length, a, b = HEAD.unpack(get(HEAD.size))
    get(length)
    if mode == "seq":
        seq += 7
    if mode == "flood":
        for _ in range(1000):
            answer(seq, b"x" * 1000, kind=ALIVE)
    if kind == HELLO:
        answer(seq, a=3, b=1 << 19)
    elif kind == STAT:
        answer(seq, b"\0" * (8 if mode == "short" else 40), a=1, b=SIZE)
    elif kind == SOURCE:
        if mode == "text":
            answer(seq, b"\x1b[2J\n\r\0 no " * 20, a=4, kind=ERR)
        elif mode == "identity":
            answer(seq, struct.pack("<H", 60000) + b"x" * 60000, a=SIZE)
        else:
            answer(seq, text(b"raw:1:2:3"), a=1 << 62 if mode == "size" else SIZE)
    elif kind == EXTENTS:
        if mode == "extents":
            answer(seq, struct.pack("<QQQQ", 1 << 60, 1, 0, 1), a=a, b=b)
        else:
            answer(seq, struct.pack("<QQ", SIZE, 1), a=a, b=b)
    elif kind == READ:
        n = (b + 65535) // 65536
        if mode == "cut":
            put(HEAD.pack(b"VRI1", OK, 0, shift, seq, n * 16 + b, a, b) + b"half")
            sys.exit(0)
        if mode == "type":
            answer(seq, b"", kind=READ)
        elif mode == "long":
            answer(seq, b"", length=0xFFFFFFFF)
        elif mode == "digest":
            answer(seq, b"\1" * (n * 16) + b"z" * b, a=a, b=b, shift=shift)
        else:
            answer(seq, b"\1" * (n * 16 - (5 if mode == "honest" else 0)) + b"z" * (b // 2),
                   a=a, b=b, shift=shift)
    else:
        answer(seq)
