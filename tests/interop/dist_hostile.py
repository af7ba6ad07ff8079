# dist_hostile.py NODE EPMD_PORT COOKIE OS_PID [PART...]: see dist_hostile.sh. During each part an honest peer asks the
# node again and again, and newcomers come and go; none of them may have to wait for longer than `bound`.
import contextlib
import multiprocessing
import random
import resource
import selectors
import socket
import struct
import sys
import time
import zlib

from dist_peer import (
    FRAGMENTS, Atom, Closed, Peer, Pid, Ref, alive, connect_tcp, digest, encode, ends, epmd_ask, message, name_message,
    port_of, receive_message,
)

node, epmd_port, cookie, os_pid = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
port = port_of(epmd_port, node)
bound = 3.0  # seconds; what is usual is some milliseconds
memory_slack = 64 << 20
hostile = "hostile@127.0.0.1"


def memory():
    """Of the node, resident, in bytes."""
    with open(f"/proc/{os_pid}/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def wait_until(is_so, what, patience=30):
    end = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < end, f"{what} after {patience} s"
        time.sleep(0.01)  # the pace of looking


# -- the honest peer, a process of its own -----------------------------------------------------------


def newcomer(name="visitor@127.0.0.1"):
    with contextlib.closing(Peer(name, port, cookie)) as p:
        p.ping()


def be_honest(pipe):
    steady = Peer("honest@127.0.0.1", port, cookie, FRAGMENTS)
    acts = {
        "call": steady.get,
        "ping": steady.ping,
        "look-up": lambda: port_of(epmd_port, node),
        "connect": lambda: newcomer("newcomer@127.0.0.1"),
    }
    worst, rounds = dict.fromkeys(acts, 0.0), 0
    while True:
        for what, act in acts.items():
            begin = time.monotonic()
            act()
            worst[what] = max(worst[what], time.monotonic() - begin)
        rounds += 1
        if pipe.poll(0.005):
            if pipe.recv() == "stop":
                return
            pipe.send((worst, rounds))
            worst, rounds = dict.fromkeys(acts, 0.0), 0


class Honest:
    def __init__(self):
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("fork").Process(target=be_honest, args=(other,), daemon=True)
        self.process.start()
        other.close()
        self.report()

    def report(self):
        """The longest answers since the last report, of at least one round that ended after this was asked."""
        self.pipe.send("report")
        assert self.pipe.poll(60), "the honest peer is not answered"
        return self.pipe.recv()

    def stop(self):
        self.pipe.send("stop")
        self.process.join(10)


# -- the parts ---------------------------------------------------------------------------------------


def connected_again(flags=None):
    """While the node itself tries to reach a peer that is gone, since it has something for it, it refuses to be called."""
    end = time.monotonic() + 30
    while True:
        try:
            return Peer(hostile, port, cookie, flags) if flags is not None else Peer(hostile, port, cookie)
        except Closed as e:
            assert e.args == ("snok",) and time.monotonic() < end, e


def refused(data, flags=None):
    """After the handshake the node closes for these bytes."""
    p = connected_again(flags)
    with contextlib.closing(p), contextlib.suppress(ConnectionResetError, BrokenPipeError):
        p.socket.sendall(data)
        ends(p.socket)


def refused_at_first(data):
    with contextlib.closing(connect_tcp(port)) as s, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        s.sendall(data)
        ends(s)


def frame(body):
    return struct.pack(">I", len(body)) + body


def plain(*terms):
    return frame(b"\x70" + b"".join(b"\x83" + t for t in terms))


def lengths():
    for data in (
        b"\0\0", b"\0\1", b"\0\1N", b"\xff\xff" + b"N" * 65535, message(b"N" * 300), message(b"x" * 20),
        message(struct.pack(">BQIH", 78, FRAGMENTS, 1, 65535) + b"a@b"), message(b"n" + b"\0" * 20),
        name_message("noat", FRAGMENTS), name_message("@", FRAGMENTS), name_message("a@" + "b" * 300, FRAGMENTS),
        name_message("\n\0@\x7f", FRAGMENTS), name_message(node, FRAGMENTS), name_message(hostile, 0),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ):
        refused_at_first(data)
    rng = random.Random(1)
    for _ in range(100):
        with contextlib.closing(connect_tcp(port)) as s, contextlib.suppress(OSError):
            s.sendall(rng.randbytes(rng.randrange(1, 3000)))
    refused(b"\xff\xff\xff\xff")
    refused(b"\x80\0\0\0rest")
    refused(struct.pack(">I", (512 << 20) + 1))
    # A long one is announced and does not come: no memory is taken for it.
    before = memory()
    announced = [Peer(f"long{i}@127.0.0.1", port, cookie) for i in range(20)]
    for p in announced:
        p.socket.sendall(struct.pack(">I", 500 << 20) + b"\x70" * 1000)
    newcomer()
    assert memory() < before + memory_slack, "memory is taken for bytes that did not come"
    for p in announced:
        p.close()


me = Pid(hostile, 1, 0, 1)
nobody = Pid(node, 0x7FFFFFFF, 77, 0)
a_ref = Ref(hostile, 1, (1, 2, 3))


def frames():
    """What cannot be read ends its connection."""
    to_nobody = encode((6, me, Atom(""), Atom("nobody_is_called_so")))
    for data in (
        frame(b"\x70"), frame(b"\x71\x83\x61\x01"), frame(b"\x70\x83"), plain(b"\x61\x01"), plain(encode(())),
        plain(encode((6, me))), plain(encode((6, me, Atom(""), Atom("x"), 1, 2))), plain(encode((1, me))),
        plain(encode((Atom("x"), me, me))), plain(encode((255, me, me))), plain(encode((1 << 80, me, me))),
        plain(encode((35, 0, me, nobody))), plain(encode((35, -1, me, nobody))), plain(encode((35, 1 << 64, me, nobody))),
        plain(encode((1, 1, 2))), plain(encode((19, me, 7, a_ref))), plain(encode((19, me, nobody, me))),
        plain(encode((22, me, nobody))), plain(encode((1, me, nobody)), encode(1)),
        plain(encode((29, a_ref, me, me, (Atom("m"), Atom("f"), 3), [])), encode([1])),
        plain(encode((29, a_ref, me, me, (Atom("m"), Atom("f"), 3), [])), encode(7)),
        plain(encode((29, a_ref, me, me, Atom("m"), [])), encode([])),
        # Lengths within terms that say more than there is.
        plain(to_nobody, b"\x6c\xff\xff\xff\xff"), plain(to_nobody, b"\x69\xff\xff\xff\xff"),
        plain(to_nobody, b"\x6d\xff\xff\xff\xff"), plain(to_nobody, b"\x6f\xff\xff\xff\xff\0"),
        plain(to_nobody, b"\x74\xff\xff\xff\xff"), plain(to_nobody, b"\x70\xff\xff\xff\xff"),
        plain(to_nobody, b"\x5a\xff\xff"), plain(to_nobody, b"\x52\0"), plain(to_nobody, b"\x77\xff"),
        plain(to_nobody, b"\x74\0\0\0\2\x61\1\x61\1\x61\1\x61\2"), plain(to_nobody, encode(1) + b"\0"),
        # Compressed, with little behind it and with much.
        plain(to_nobody, b"\x50\xff\xff\xff\xff"),
        plain(to_nobody, b"\x50" + struct.pack(">I", 1 << 30) + zlib.compress(b"\x6d\x3f\xff\xff\xfb" + bytes(1 << 24))),
    ):
        refused(data)
    rng = random.Random(2)
    for _ in range(100):
        refused(plain(to_nobody, b"\x68\xff" + rng.randbytes(rng.randrange(1, 200))))


def deep():
    """Deep terms: 100 000 are legal, 2 000 000 an attack. This Python could not read them as terms."""
    def nested(depth):
        return b"\x6c\0\0\0\1" * depth + b"\x6a" * (depth + 1)

    with contextlib.closing(connected_again()) as p:
        value = nested(100_000)
        p.socket.sendall(plain(encode((6, p.me, Atom(""), Atom("echo"))), b"\x68\2" + encode(p.me) + value))
        answer = b""
        while not answer.endswith(value):
            answer += p.socket.recv(1 << 20)
        # As a reason that is logged, as one that nobody takes, and to those who know no such message.
        p.socket.sendall(plain(encode((6, p.me, Atom(""), Atom("crasher"))), b"\x68\2" + encode(Atom("crash")) + nested(900_000)))
        p.socket.sendall(plain(encode((26, p.me, nobody)), nested(900_000)))
        for name in ("net_kernel", "rex", "user", "nobody_is_called_so", "counter", "interop_sup", "logger"):
            p.socket.sendall(plain(encode((6, p.me, Atom(""), Atom(name))), nested(300_000)))
        # A text of 10 MB for the log.
        for request in ((Atom("put_chars"), bytes(b"x" * 10_000_000)), (Atom("put_chars"), Atom("unicode"), b"y" * 10_000_000)):
            p.socket.sendall(p.reg_send("user", (Atom("io_request"), p.me, p.ref(), request)))
        p.ping()
    to_nobody = encode((6, me, Atom(""), Atom("nobody_is_called_so")))
    refused(plain(to_nobody, nested(2_000_000)))
    refused(plain(to_nobody, b"\x68\1" * 2_000_000 + b"\x6a"))
    refused(plain(nested(2_000_000)))


def fragments():
    def first(sequence, left, body):
        return frame(b"\x83\x45" + struct.pack(">QQ", sequence, left) + b"\0" + body)

    def later(sequence, left, body):
        return frame(b"\x83\x46" + struct.pack(">QQ", sequence, left) + body)

    to_echo = encode((6, me, Atom(""), Atom("echo")))
    for data in (
        first(1, 0, to_echo), later(1, 1, b"x"), first(1, 3, to_echo) + first(1, 3, to_echo),
        first(1, 3, to_echo) + later(1, 1, b"x"), first(1, 3, to_echo) + later(1, 3, b"x"),
        first(1, 2, to_echo) + later(2, 1, b"x"), first(1, 2, to_echo) + later(1, 1, b"\xff\xff"),
        frame(b"\x83\x45"), frame(b"\x83\x46\0"), frame(b"\x83\x47"), frame(b"\x83\x44\3"), frame(b"\x83\x44\1\7\0"),
        b"".join(first(n, 2, to_echo) for n in range(5000)),
    ):
        refused(data, FRAGMENTS)
    before = memory()
    # Never completed, and a lot of it.
    with contextlib.closing(connected_again(FRAGMENTS)) as p:
        for n in range(1000):
            p.socket.sendall(first(n, 1 << 60, to_echo + bytes(1 << 16)))
        p.ping()
        # Two at once, cut anywhere, with whole frames between them.
        value = encode((p.me, 5))
        p.socket.sendall(first(5000, 3, to_echo) + first(5001, 2, to_echo + value[:7]) + later(5000, 2, value[:9]))
        p.ping()
        p.socket.sendall(later(5001, 1, value[7:]) + later(5000, 1, value[9:]))
        for _ in range(2):
            p.await_frame(lambda terms: len(terms) == 2 and terms[1] == (Atom("echo"), 5))
    wait_until(lambda: memory() < before + memory_slack, "memory is not given back")


def strange():
    """What is well said and makes no sense: nobody is harmed, and the connection stays."""
    with contextlib.closing(connected_again()) as p:
        counter = p.whereis("counter")
        former = Pid(counter.node, counter.id, counter.serial, counter.creation ^ 1)
        far = Pid("elsewhere@nowhere", 5, 5, 5)
        for to in (nobody, former, far, p.me, Pid(node, counter.id, counter.serial + 1, counter.creation)):
            for control in ((24, p.me, to), (26, p.me, to), (26, to, to)):
                p.send(control, Atom("kill"))
            p.send((22, p.me, to), Atom("hello"))
            p.send((35, 17, p.me, to))
            p.send((36, 17, p.me, to))
            p.send((1, p.me, to))
            p.send((20, p.me, to, p.ref()))
            p.send((28, to, p.me, p.ref()), Atom("kill"))
            p.send((28, p.me, to, p.ref()), Atom("kill"))
            ref = p.ref()
            p.send((19, p.me, to, ref))
            p.await_frame(lambda terms: terms[0][0] == 28 and terms[0][3] == ref and terms[1] == Atom("noproc"))
        # Links and monitors that were never made, answers to nobody, a leader who is none.
        p.send((24, p.me, counter), Atom("kill"))
        p.send((35, (1 << 64) - 1, p.me, counter))
        p.await_frame(lambda terms: terms[0][0] == 36 and terms[0][1] == (1 << 64) - 1)
        p.send((36, 5, p.me, counter))
        p.send((20, p.me, counter, p.ref()))
        p.send((33, p.me, Ref(node, counter.creation, (1, 2, 3))), Atom("late"))
        p.send((33, p.me, Ref(node, counter.creation, (0xFFFFFFFF,) * 5)), Atom("late"))
        p.send((31, p.ref(), counter, 0, Atom("badopt")))
        p.send((31, Ref(node, counter.creation, (1, 2, 3)), counter, 3, p.me))
        p.send((7, counter, counter))
        # A second link, and an unlink that ends both; then a link whose unlink is never acknowledged.
        p.send((1, p.me, counter))
        p.send((1, p.me, counter))
        p.send((35, 1, p.me, counter))
        p.await_frame(lambda terms: terms[0][0] == 36 and terms[0][1] == 1)
        p.send((26, p.me, counter), Atom("normal"))
        p.send((29, p.ref(), p.me, p.me, (Atom("no"), Atom("such"), 0), [Atom("unknown")]), [])
        p.await_frame(lambda terms: terms[0][0] == 31 and terms[0][4] == Atom("badopt"))
        p.get()
        assert p.whereis("counter") == counter, "the counter has died"


def tables():
    """Links, monitors and processes without number: all are gone with the connection."""
    before = memory()
    with contextlib.closing(connected_again()) as p:
        crasher = p.whereis("crasher")
        for many in range(0, 100_000, 1000):
            p.socket.sendall(b"".join(
                p.frame((1, Pid(hostile, n, 1, 1), crasher))
                + p.frame((19, p.me, Atom("crasher"), Ref(hostile, 1, (n, 1, 1))))
                for n in range(many, many + 1000)
            ))
        p.ping()
        for many in range(0, 10_000, 500):
            p.socket.sendall(b"".join(
                p.frame((29, Ref(hostile, 1, (n, 2, 2)), p.me, p.me, (Atom("erlang"), Atom("node"), 0),
                         [Atom("link"), Atom("monitor")]), [])
                for n in range(many, many + 500)
            ))
            p.await_frame(lambda terms: terms[0][0] == 28 and terms[0][3].words == (many + 499, 2, 2))
    with contextlib.closing(connected_again()) as p:
        # It was linked to some that are gone now, and has begun anew.
        wait_until(lambda: p.info("crasher", "monitored_by") == [], "monitors are left")
        assert p.whereis("crasher") != crasher
    wait_until(lambda: memory() < before + memory_slack, "memory is not given back")


def unread():
    """A peer that asks and asks, and never reads an answer."""
    before = memory()
    asks = {
        "echo": None,
        "spawns": b"".join(
            Peer.term_frame((29, Ref(hostile, 1, (n, 3, 3)), me, me, (Atom("erlang"), Atom("registered"), 0),
                             [Atom("monitor")]), [])
            for n in range(1000)
        ),
        "pings": None,
        "dead links": b"".join(
            Peer.term_frame((1, Pid(hostile, n, 1, 1), Pid(node, 0x7FFFFFFF, n, 1))) for n in range(1000)
        ),
    }
    most = {"echo": 50, "spawns": 20, "pings": 200, "dead links": 200}  # MiB; those that are closed are closed before
    for what in asks:
        p = connected_again()
        if what == "pings":
            asks[what] = p.reg_send(
                "net_kernel", (Atom("$gen_call"), (p.me, p.ref()), (Atom("is_auth"), Atom(hostile)))) * 1000
        if what == "echo":
            asks[what] = p.reg_send("echo", (p.me, bytes(60_000))) * 10
        # Until the node takes nothing more, or has had enough of it.
        total, had = 0, memory()
        p.socket.settimeout(2)
        with contextlib.suppress(OSError):
            while total < most[what] << 20:
                p.socket.sendall(asks[what])
                total += len(asks[what])
        newcomer()
        peak = memory()
        print(f"dist_hostile: unread {what}: {total >> 20} MiB sent, the node has {(peak - had) >> 20} MiB more", flush=True)
        assert peak < had + (400 << 20), f"{what}: the memory is not bounded"
        p.close()
    with contextlib.closing(connected_again()) as p:
        p.echo(1)
        # The same connection, read at last: it goes on.
        p.socket.sendall(p.reg_send("echo", (p.me, bytes(60_000))) * 200 + p.reg_send("echo", (p.me, 7)))
        p.await_frame(lambda terms: len(terms) == 2 and terms[1] == (Atom("echo"), 7))
        p.ping()
    # Of what was held at the most, a third of a gigabyte in this part, the allocator keeps some for each thread.
    wait_until(lambda: memory() < before + 3 * memory_slack, "memory is not given back")


def atoms():
    """Who brings in names without end: what one may bring is counted over all its lives."""
    def count():
        with contextlib.closing(Peer("another@127.0.0.1", port, cookie)) as p:
            return p.call_function("erlang", "system_info", [Atom("atom_count")])

    before = count()
    for name in ("atoms0", "atoms1", "atoms0", "atoms1", "atoms0", "refs", "refs"):
        with contextlib.closing(Peer(f"{name}@127.0.0.1", port, cookie)) as p, contextlib.suppress(OSError):
            for many in range(0, 150_000, 1000):
                numbers = range(many, many + 1000)
                if name == "refs":
                    things = [Ref("elsewhere@nowhere", n, (n,)) for n in numbers]
                else:
                    things = [Atom(f"{name}_{n}") for n in numbers]
                p.socket.sendall(p.reg_send("nobody_is_called_so", things))
            ends(p.socket)
    made = count() - before
    print(f"dist_hostile: atoms: {made} were made", flush=True)
    assert made < 201_000, "more than a peer may bring"
    with contextlib.closing(Peer("another@127.0.0.1", port, cookie)) as p:
        p.echo(Atom("an_atom_that_is_new"))


def half_open():
    """Who stops in the middle is closed when the step's time is over; each step in a connection of its own."""
    def to_challenge(s):
        s.sendall(name_message(hostile, FRAGMENTS))
        receive_message(s)
        return struct.unpack(">I", receive_message(s)[9:13])[0]

    sockets = [connect_tcp(port) for _ in range(6)]
    sockets[1].sendall(b"\0")
    sockets[2].sendall(name_message(hostile, FRAGMENTS)[:-1])
    sockets[3].sendall(name_message(hostile, FRAGMENTS))
    to_challenge(sockets[4])
    half = message(b"r" + bytes(4) + digest(cookie, to_challenge(sockets[5])))
    sockets[5].sendall(half[:10])
    slow = connect_tcp(port)
    begin = time.monotonic()
    data = name_message(hostile, FRAGMENTS)[:-1]
    selector = selectors.DefaultSelector()
    for s in sockets:
        selector.register(s, selectors.EVENT_READ)
    for byte in data:  # a byte at a time is no way to have more of it
        with contextlib.suppress(OSError):
            slow.sendall(bytes([byte]))
        if time.monotonic() - begin > 12:
            break
        selector.select(0.4)
        for s in list(selector.get_map().values()):
            with contextlib.suppress(BlockingIOError):
                s.fileobj.setblocking(False)
                if not s.fileobj.recv(4096):
                    selector.unregister(s.fileobj)
    for s in (*sockets, slow):
        s.settimeout(20)
        ends(s, 20)
        s.close()
    spent = time.monotonic() - begin
    assert 6 < spent < 16, f"closed after {spent} s"


def hold(count, say=b"", at=None):
    """So many connections at once, none of which is read."""
    held = []
    for _ in range(count):
        s = socket.socket()
        s.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            s.connect(("127.0.0.1", at or port))
        held.append(s)
        if len(held) % 100 == 0:
            newest = held[-1]
            end = time.monotonic() + 30
            while not is_connected(newest):
                assert time.monotonic() < end, "connections are not accepted"
                time.sleep(0.001)
    if say:
        for s in held:
            with contextlib.suppress(OSError):
                s.send(say)
    return held


def is_connected(s):
    try:
        s.getpeername()
        return True
    except OSError:
        return False


def ten_thousand_idle():
    before = memory()
    held = hold(10_000)
    newcomer()
    peak = memory()
    print(f"dist_hostile: 10 000 idle connections: the node has {(peak - before) >> 10} KiB more", flush=True)
    assert peak < before + (200 << 20)
    for s in held:
        s.close()
    # With a name, and then nothing.
    held = hold(10_000, name_message(hostile, FRAGMENTS))
    newcomer()
    peak = memory()
    print(f"dist_hostile: 10 000 that said their name: the node has {(peak - before) >> 10} KiB more", flush=True)
    assert peak < before + (200 << 20)
    for s in held:
        s.close()
    wait_until(lambda: memory() < before + memory_slack, "memory is not given back")


def wrong_cookies():
    before = memory()
    for _ in range(2000):
        with contextlib.closing(connect_tcp(port)) as s:
            s.sendall(name_message("stranger@127.0.0.1", FRAGMENTS))
            receive_message(s)
            challenge = receive_message(s)
            s.sendall(message(b"r" + bytes(4) + digest("wrong" + cookie, struct.unpack(">I", challenge[9:13])[0])))
            ends(s)
    assert memory() < before + memory_slack


def name_storm():
    """Many of one name at once: each new one that proves itself takes the place of the last, and one is left."""
    def one(n, pipe):
        for _ in range(50):
            with contextlib.suppress(Closed, OSError, AssertionError):
                p = Peer(hostile, port, cookie)
                p.socket.sendall(p.reg_send("echo", (p.me, n)))
        pipe.send("done")

    pipes = []
    for n in range(6):
        here, there = multiprocessing.Pipe()
        multiprocessing.get_context("fork").Process(target=one, args=(n, there), daemon=True).start()
        pipes.append(here)
    for pipe in pipes:
        assert pipe.poll(60), "a connection hangs"
    with contextlib.closing(connected_again()) as p:
        p.ping()
        p.echo(1)
        hidden = p.call_function("erlang", "nodes", [Atom("hidden")])
        assert hidden.count(Atom(hostile)) == 1, hidden
    with contextlib.closing(Peer("another@127.0.0.1", port, cookie)) as p:
        wait_until(lambda: Atom(hostile) not in p.call_function("erlang", "nodes", [Atom("hidden")]), "it is still there")


def epmd():
    """The same for the EPMD that the node serves."""
    before = memory()
    for body in (b"", b"\x78", b"\x7a" + b"x" * 60_000, b"n" * 70, b"\0", b"k", b"d",
                 struct.pack(">BHBBHHH", 120, 1, 72, 0, 6, 6, 65535) + b"x"):
        epmd_ask(epmd_port, body)
    held = hold(2000, b"\0\x20\x7a", epmd_port)  # half a question
    assert port_of(epmd_port, node) == port
    for s in held:
        s.close()
    # As many names as there may be, none of which ever goes; and long ones.
    registered = []
    for n in range(5000):
        s = connect_tcp(epmd_port)
        s.sendall(alive(f"n{n}", 1000 + n))
        registered.append(s)
    answers = [s.recv(16)[:2] for s in registered]
    assert answers[:100] == [b"v\0"] * 100, "names are registered"
    assert b"v\1" in answers, "there is an end to it"
    assert port_of(epmd_port, node) == port
    assert memory() < before + memory_slack
    for s in registered:
        s.close()
    wait_until(lambda: epmd_ask(epmd_port, b"n").count(b"\n") <= 3, "names are left")
    with contextlib.closing(connect_tcp(epmd_port)) as s:
        s.sendall(alive("late", 1) * 2)
        s.recv(16)
    assert port_of(epmd_port, node) == port


parts = [lengths, frames, deep, fragments, strange, tables, unread, atoms, half_open, ten_thousand_idle, wrong_cookies,
         name_storm, epmd]


def main():
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    honest = Honest()
    for part in parts:
        if sys.argv[5:] and part.__name__ not in sys.argv[5:]:
            continue
        if part is ten_thousand_idle and limit < 10_500:
            print(f"dist_hostile: {part.__name__}: left out: only {limit} files may be open")
            continue
        honest.report()
        begin, had = time.monotonic(), memory()
        part()
        worst, rounds = honest.report()
        spent = time.monotonic() - begin
        longest = " ".join(f"{what} {seconds * 1000:.0f}" for what, seconds in worst.items())
        print(
            f"dist_hostile: {part.__name__}: {spent:.1f} s, {had >> 20} then {memory() >> 20} MiB; an honest peer's"
            f" longest of {rounds} rounds, ms: {longest}", flush=True,
        )
        assert max(worst.values()) < bound, "an honest peer had to wait"
    honest.stop()


main()
