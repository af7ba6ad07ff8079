"""A node in some lines of Python, for what no real node does: terms, EPMD and the handshake of Erlang's distribution.

Without fragments and atom cache: each frame is 112 and terms that begin with 131; with `fragments` each begins with
131 68 0. Every wait has a deadline.
"""
import contextlib
import hashlib
import os
import select
import socket
import struct
import time
from collections import namedtuple

PATIENCE = 60
PLAIN, FRAGMENTS = 0xD075F5FBC, 0xD075F5FBC | 0x800000

Atom = namedtuple("Atom", "name")
Pid = namedtuple("Pid", "node id serial creation")
Ref = namedtuple("Ref", "node creation words")
Improper = namedtuple("Improper", "items tail")


class Closed(Exception):
    """The node has ended the connection."""


# -- terms ------------------------------------------------------------------------------------------


def encode(t):
    """Without the 131."""
    if isinstance(t, Atom):
        name = t.name.encode()
        return struct.pack(">BB", 119, len(name)) + name if len(name) < 256 else struct.pack(">BH", 118, len(name)) + name
    if isinstance(t, Pid):
        return b"\x58" + encode(Atom(t.node)) + struct.pack(">III", t.id, t.serial, t.creation)
    if isinstance(t, Ref):
        return (
            struct.pack(">BH", 90, len(t.words)) + encode(Atom(t.node))
            + struct.pack(f">I{len(t.words)}I", t.creation, *t.words)
        )
    if isinstance(t, Improper):
        return struct.pack(">BI", 108, len(t.items)) + b"".join(map(encode, t.items)) + encode(t.tail)
    if isinstance(t, bytes):
        return struct.pack(">BI", 109, len(t)) + t
    if isinstance(t, int):
        if 0 <= t < 256:
            return struct.pack(">BB", 97, t)
        if -(1 << 31) <= t < 1 << 31:
            return struct.pack(">Bi", 98, t)
        digits = abs(t).to_bytes((abs(t).bit_length() + 7) // 8, "little")
        return struct.pack(">BBB", 110, len(digits), t < 0) + digits
    if isinstance(t, tuple):
        return struct.pack(">BB", 104, len(t)) + b"".join(map(encode, t))
    if isinstance(t, list):
        return struct.pack(">BI", 108, len(t)) + b"".join(map(encode, t)) + b"\x6a" if t else b"\x6a"
    raise TypeError(t)


class Reader:
    """The terms of a frame. What a test does not look at is not known."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def bytes(self, n):
        self.at += n
        return self.data[self.at - n : self.at]

    def term(self):
        tag = self.take("B")
        if tag == 97:
            return self.take("B")
        if tag == 98:
            return self.take("i")
        if tag == 110:
            n, negative = self.take("BB")
            value = int.from_bytes(self.bytes(n), "little")
            return -value if negative else value
        if tag in (119, 118):
            return Atom(self.bytes(self.take("B" if tag == 119 else "H")).decode())
        if tag == 88:
            return Pid(self.term().name, *self.take("III"))
        if tag == 90:
            n = self.take("H")
            node, creation = self.term().name, self.take("I")
            return Ref(node, creation, tuple(self.take("I") for _ in range(n)))
        if tag in (104, 105):
            return tuple(self.term() for _ in range(self.take("B" if tag == 104 else "I")))
        if tag == 106:
            return []
        if tag == 107:
            return list(self.bytes(self.take("H")))
        if tag == 108:
            items = [self.term() for _ in range(self.take("I"))]
            tail = self.term()
            return items if tail == [] else Improper(items, tail)
        if tag == 109:
            return self.bytes(self.take("I"))
        raise ValueError(f"tag {tag}")


# -- sockets ----------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect_tcp(port, host="127.0.0.1"):
    s = socket.create_connection((host, port), PATIENCE)
    s.settimeout(PATIENCE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def receive(s, n):
    data = b""
    while len(data) < n:
        try:
            more = s.recv(n - len(data))
        except (ConnectionResetError, BrokenPipeError):
            more = b""
        if not more:
            raise Closed(f"after {len(data)} of {n} bytes")
        data += more
    return data


def ends(s, patience=PATIENCE):
    """Waits until the other side has closed, and reads what came before."""
    end = time.monotonic() + patience
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([s], [], [], left)[0]:
                raise AssertionError("the connection was not closed")
            if not s.recv(1 << 16):
                return


def epmd_ask(port, body, host="127.0.0.1"):
    """What EPMD answers, all of it."""
    with contextlib.closing(connect_tcp(port, host)) as s:
        s.sendall(struct.pack(">H", len(body)) + body)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while more := s.recv(1 << 16):
                answer += more
        return answer


def alive(name, port):
    name = name.encode()
    body = struct.pack(">BHBBHHH", 120, port, 72, 0, 6, 6, len(name)) + name + b"\0\0"
    return struct.pack(">H", len(body)) + body


def port_of(epmd_port, name, host="127.0.0.1"):
    answer = epmd_ask(epmd_port, b"\x7a" + name.split("@")[0].encode(), host)
    assert answer[:2] == b"w\0", f"EPMD does not know {name}: {answer!r}"
    return struct.unpack(">H", answer[2:4])[0]


# -- the handshake ----------------------------------------------------------------------------------


def digest(cookie, challenge):
    return hashlib.md5(cookie.encode() + str(challenge).encode()).digest()


def message(body):
    return struct.pack(">H", len(body)) + body


def name_message(name, flags, creation=1):
    return message(struct.pack(">BQIH", 78, flags, creation, len(name)) + name.encode())


def receive_message(s):
    return receive(s, struct.unpack(">H", receive(s, 2))[0])


class Peer:
    """A connection to a node that it has made, as the node of that name; usable once it stands."""

    def __init__(self, name, port, cookie, flags=PLAIN, host="127.0.0.1"):
        self.name, self.flags, self.creation = name, flags, 1
        self.socket = connect_tcp(port, host)
        self.me = Pid(name, 1, 0, self.creation)
        self.last_ref = int.from_bytes(os.urandom(4), "big") >> 1
        self.rest = b""
        self.shake_hands(cookie)

    def shake_hands(self, cookie):
        s = self.socket
        s.sendall(name_message(self.name, self.flags, self.creation))
        status = receive_message(s)
        if status == b"salive":
            s.sendall(message(b"strue"))
        elif status not in (b"sok", b"sok_simultaneous"):
            raise Closed(status.decode())
        challenge = receive_message(s)
        theirs = struct.unpack(">I", challenge[9:13])[0]
        ours = int.from_bytes(os.urandom(4), "big")
        s.sendall(message(b"r" + struct.pack(">I", ours) + digest(cookie, theirs)))
        assert receive_message(s) == b"a" + digest(cookie, ours), "the node knows the cookie"

    def close(self):
        self.socket.close()

    def ref(self):
        self.last_ref += 1
        return Ref(self.name, self.creation, (1, 2, self.last_ref))

    # Frames.

    def frame(self, control, *payload):
        return self.term_frame(control, *payload, with_header=self.flags != PLAIN)

    @staticmethod
    def term_frame(*terms, with_header=False):
        if with_header:
            body = b"\x83\x44\0" + b"".join(map(encode, terms))
        else:
            body = b"\x70" + b"".join(b"\x83" + encode(t) for t in terms)
        return struct.pack(">I", len(body)) + body

    def send(self, control, *payload):
        self.socket.sendall(self.frame(control, *payload))

    def tick(self):
        self.socket.sendall(b"\0\0\0\0")

    def reg_send(self, name, value):
        """The frame of a message to a name."""
        return self.frame((6, self.me, Atom(""), Atom(name)), value)

    def read_frame(self, patience=PATIENCE):
        """The next one that is no tick: its control message and what belongs to it."""
        self.socket.settimeout(patience)
        while True:
            size = struct.unpack(">I", receive(self.socket, 4))[0]
            if size == 0:
                continue
            r = Reader(receive(self.socket, size))
            terms = []
            r.bytes(1 if self.flags == PLAIN else 3)
            while r.at < size:
                if self.flags == PLAIN:
                    r.bytes(1)
                terms.append(r.term())
            return terms

    def await_frame(self, is_wanted, patience=PATIENCE):
        end = time.monotonic() + patience
        while True:
            left = end - time.monotonic()
            assert left > 0, "what was waited for did not come"
            terms = self.read_frame(left)
            if is_wanted(terms):
                return terms

    def echo(self, value, patience=PATIENCE):
        """Through the process `echo` (application interop)."""
        self.socket.sendall(self.reg_send("echo", (self.me, value)))
        self.await_frame(lambda terms: terms[0][0] in (2, 22) and terms[1] == (Atom("echo"), value), patience)

    def ping(self, patience=PATIENCE):
        """As net_adm:ping does."""
        ref = self.ref()
        tag = Improper([Atom("alias")], ref)
        request = (Atom("$gen_call"), (self.me, tag), (Atom("is_auth"), Atom(self.name)))
        self.socket.sendall(
            self.frame((19, self.me, Atom("net_kernel"), ref))
            + self.reg_send("net_kernel", request)
            + self.frame((20, self.me, Atom("net_kernel"), ref))
        )
        self.await_frame(lambda terms: len(terms) == 2 and terms[1] == (tag, Atom("yes")), patience)

    def call(self, name, request, patience=PATIENCE):
        """gen_server:call."""
        ref = self.ref()
        self.socket.sendall(self.reg_send(name, (Atom("$gen_call"), (self.me, ref), request)))
        return self.await_frame(lambda terms: len(terms) == 2 and is_answer(terms[1], ref), patience)[1][1]

    def get(self):
        """Of the process `counter` (application interop)."""
        return self.call("counter", Atom("get"))

    def call_function(self, module, function, arguments, patience=PATIENCE):
        """erpc:call."""
        ref, result = self.ref(), self.ref()
        execute = (Atom("erpc"), Atom("execute_call"), 4)
        self.send(
            (29, ref, self.me, self.me, execute, [Atom("monitor")]), [result, Atom(module), Atom(function), arguments]
        )
        reason = self.await_frame(lambda terms: terms[0][0] == 28 and terms[0][3] == ref, patience)[1]
        assert reason[:2] == (result, Atom("return")), reason
        return reason[2]

    def whereis(self, name):
        return self.call_function("erlang", "whereis", [Atom(name)])

    def info(self, name, item):
        """What process_info says; None: there is no such process."""
        p = self.whereis(name)
        said = self.call_function("erlang", "process_info", [p, Atom(item)]) if isinstance(p, Pid) else None
        return said[1] if isinstance(said, tuple) and not isinstance(said, Atom) else None


def is_answer(value, ref):
    return isinstance(value, tuple) and len(value) == 2 and value[0] == ref
