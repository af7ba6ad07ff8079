#!/usr/bin/env python3
"""Clients of `cache serve` for the bats files: resp_clients.py SOCKET WHAT [ARGS]. They go on until stdin ends; each wait for
an answer has a deadline.

read N            gets keys 1 to N (each its own value), over and over; says how many answers were right, and the
                  longest one's milliseconds
write NAME N      puts, changes and deletes keys NAME:0 to NAME:N-1, reads each back at once, and all of them at the end
never KEY         asks for KEY again and again, and reads nothing, until it is taken no more or closed
lengths N TEXT    N connections that send TEXT, with escapes in it, and nothing more
"""
import random
import select
import socket
import sys
import time

PATIENCE = 60


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)  # which waits for a place in the queue, but not with a timeout
    s.settimeout(PATIENCE)
    return s


def goes_on():
    return not select.select([sys.stdin], [], [], 0)[0]


def say(text):
    print(text, flush=True)


def wait_for_stdin():
    ready, _, _ = select.select([sys.stdin], [], [], PATIENCE)
    if not ready:
        sys.exit("nobody closed stdin")


def encode(words):
    words = [str(w).encode() for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


class Client:
    def __init__(self, path):
        self.socket = connect(path)
        self.file = self.socket.makefile("rb")

    def ask_many(self, commands):
        self.socket.sendall(b"".join(encode(c) for c in commands))
        return [self.answer() for _ in commands]

    def ask(self, *words):
        return self.ask_many([words])[0]

    def answer(self):
        line = self.file.readline()
        if line[:1] == b"$":
            size = int(line[1:])
            return None if size < 0 else self.file.read(size + 2)[:-2].decode()
        if not line or line[:1] == b"-":
            sys.exit("an answer was %r" % line)
        return line[1:-2].decode()


def read(path, count):
    c, count, answers, hits, longest = Client(path), int(count), 0, 0, 0.0
    rng = random.Random(1)
    while goes_on():
        keys = [rng.randrange(1, count + 1) for _ in range(16)]
        begin = time.monotonic()
        values = c.ask_many([("GET", k) for k in keys])
        longest = max(longest, time.monotonic() - begin)
        for key, value in zip(keys, values):
            if value not in (None, str(key)):
                sys.exit("key %d had value %r" % (key, value))
            hits += value is not None
        if answers == 0:
            say("reading")
        answers += len(keys)
    say("right=%d hits=%d longest_ms=%d" % (answers, hits, longest * 1000))


def write(path, name, count):
    c, rng, mine, lost, rounds = Client(path), random.Random(name), {}, 0, 0
    while goes_on():
        key = "%s:%d" % (name, rng.randrange(int(count)))
        what = rng.randrange(4)
        if what == 0:
            c.ask("DEL", key)
            mine.pop(key, None)
        elif what == 1:
            mine[key] = mine.get(key, "") + "x"
            c.ask("APPEND", key, "x")
        else:
            mine[key] = str(rng.randrange(10**9))
            c.ask("SET", key, mine[key], "EX", 10000)
        lost += c.ask("GET", key) != mine.get(key)
        rounds += 1
        if rounds == 1:
            say("writing")
    keys = ["%s:%d" % (name, i) for i in range(int(count))]
    lost += sum(v != mine.get(k) for k, v in zip(keys, c.ask_many([("GET", k) for k in keys])))
    say("lost=%d of %s" % (lost, "many" if rounds > 100 else "only %d" % rounds))


def never(path, key):
    s = connect(path)
    data = encode(("GET", key)) * 1000
    s.setblocking(False)
    try:
        # Until nothing more is taken for a while.
        while select.select([], [s], [], 1)[1]:
            s.send(data)
        say("held")
    except OSError:
        say("closed")
    wait_for_stdin()


def lengths(path, count, text):
    held = [connect(path) for _ in range(int(count))]
    for s in held:
        try:
            s.sendall(text.encode().decode("unicode_escape").encode("latin-1"))
        except BrokenPipeError:
            pass  # one too many, and closed already
    say("sent")
    wait_for_stdin()


WHAT = {"read": read, "write": write, "never": never, "lengths": lengths}
WHAT[sys.argv[2]](sys.argv[1], *sys.argv[3:])
