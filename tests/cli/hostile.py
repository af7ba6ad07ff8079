#!/usr/bin/env python3
"""Clients that no tool is, for the bats files: hostile.py SOCKET WHAT [ARGS]. Every wait has a deadline.

garbage SEED      lines of random bytes, then one good request on the same connection
half              half a line, then the end of input
long BYTES        a line of so many bytes
flood N METHOD    N requests, none of whose answers is read until stdin ends
hold N [TEXT]     N connections with TEXT written on each, kept until stdin ends
say TEXT          TEXT, then the end of input; prints the answers as they are
"""
import json
import random
import select
import socket
import sys

PATIENCE = 60


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(PATIENCE)
    s.connect(path)
    return s


def answers(s):
    """The lines that come until the node closes."""
    rest = b""
    while True:
        try:
            got = s.recv(1 << 20)
        except ConnectionResetError:
            sys.exit("the node cut the connection off with answers in it")
        if not got:
            break
        *lines, rest = (rest + got).split(b"\n")
        yield from lines
    if rest:
        sys.exit("the last line is cut off")


def kinds(lines):
    """How often each kind of error, or `result`, came."""
    count = {}
    for line in lines:
        answer = json.loads(line)
        kind = answer["error"]["data"]["kind"] if "error" in answer else "result"
        count[kind] = count.get(kind, 0) + 1
    return " ".join(f"{kind}={n}" for kind, n in sorted(count.items()))


def say(s, data):
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)


def wait_for_stdin():
    sys.stdout.flush()
    ready, _, _ = select.select([sys.stdin], [], [], PATIENCE)
    if not ready or sys.stdin.buffer.read():
        sys.exit("nobody closed stdin")


def garbage(path, seed):
    rng = random.Random(int(seed))
    s = connect(path)
    lines = []
    for _ in range(200):
        line = bytes(rng.choice(b'{}[]",:0e\\u\x00\x80\xff\xc3 ') for _ in range(rng.randrange(1, 300)))
        lines.append(b"x" + line)  # so that none is valid by chance, or empty
    say(s, b"\n".join(lines) + b'\n{"id":1,"method":"node.ping"}\n')
    print(kinds(answers(s)))


def half(path):
    s = connect(path)
    say(s, b'{"id":1,"method":"node.pi')
    print(kinds(answers(s)))


def long(path, size):
    s = connect(path)
    left = int(size)
    chunk = b"x" * (1 << 16)
    while left > 0:
        s.sendall(chunk[:left])
        left -= len(chunk)
    print(kinds(answers(s)))


def flood(path, count, method):
    s = connect(path)
    data = b"".join(b'{"id":%d,"method":"%s"}\n' % (i, method.encode()) for i in range(int(count)))
    s.setblocking(False)
    sent = 0
    # Until the node has taken nothing more for a while, as it reads no faster than it is read.
    while sent < len(data) and select.select([], [s], [], 0.3)[1]:
        sent += s.send(data[sent : sent + (1 << 16)])
    print("held" if sent < len(data) else "taken")
    wait_for_stdin()
    ids, rest, ended = [], b"", False
    while len(ids) < int(count):
        wants = [s] if sent < len(data) else []
        readable, writable, _ = select.select([s], wants, [], PATIENCE)
        if not readable and not writable:
            sys.exit(f"silent after {len(ids)} answers")
        if writable:
            sent += s.send(data[sent : sent + (1 << 16)])
        if readable:
            got = s.recv(1 << 20)
            if not got:
                sys.exit(f"closed after {len(ids)} answers")
            *lines, rest = (rest + got).split(b"\n")
            ids += [json.loads(line)["id"] for line in lines]
    print("each once" if sorted(ids) == list(range(int(count))) else "not each once")


def hold(path, count, text=""):
    held = []
    for _ in range(int(count)):
        s = connect(path)
        if text:
            s.sendall(text.encode())
        held.append(s)
    print("holding")
    wait_for_stdin()


def say_text(path, text):
    s = connect(path)
    say(s, text.encode("utf-8", "surrogateescape"))
    for line in answers(s):
        print(line.decode())


WHAT = {"garbage": garbage, "half": half, "long": long, "flood": flood, "hold": hold, "say": say_text}
WHAT[sys.argv[2]](sys.argv[1], *sys.argv[3:])
