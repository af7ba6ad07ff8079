#!/usr/bin/env python3
"""record_dist_channel.py: makes corpus/dist_channel: what a real erl sends to a node after the handshake, a file for each
form of frames. In a file every pid of ours is that of the process that the test puts in its place (id, serial and
creation as in PLACE below).

erl connects to this program, which is the node a@127.0.0.1 and says no more than it must.
"""
import contextlib
import os
import pathlib
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "interop"))
from dist_peer import Atom, Peer, Pid, digest, message, receive_message  # noqa: E402

PLACE = (0x0C0FFEE1, 0x0C0FFEE2, 0x0C0FFEE3)  # id, serial, creation
FORMS = {"plain": 0, "cache": 0x2000, "fragments": 0x800000, "both": 0x802000}
COOKIE = "recorded"
NODE = "a@127.0.0.1"

# What it does once it has been sent {pid, P} with a pid of ours. All of it only sends: no answer is waited for.
DOES = """
    register(here, self()),
    net_kernel:connect_node('a@127.0.0.1'),
    P = receive {pid, Given} -> Given end,
    N = 'a@127.0.0.1',
    Quiet = fun(F) -> spawn(fun() -> catch F() end) end,
    P ! {self(), [atom, 'an atom', 1.5, -1, 1 bsl 70, <<"bytes">>, #{k => "v"}, make_ref(), [a | b], {}, <<1:3>>]},
    {echo, N} ! {self(), [list_to_atom("an_atom_" ++ integer_to_list(I rem 9)) || I <- lists:seq(1, 40)]},
    {echo, N} ! {self(), binary:copy(<<"x">>, 66000)},
    {echo, N} ! {self(), lists:foldl(fun(_, A) -> [A] end, [], lists:seq(1, 300))},
    [P ! {self(), I} || I <- lists:seq(1, 20)],
    link(P), unlink(P), link(P),
    M = monitor(process, P), demonitor(M), monitor(process, {echo, N}), monitor(process, {nobody, N}),
    Quiet(fun() -> link(P), exit(oops) end),
    Quiet(fun() -> gen_server:call({counter, N}, get, 100) end),
    Quiet(fun() -> gen_server:call({net_kernel, N}, {is_auth, node()}, 100) end),
    Quiet(fun() -> rpc:call(N, erlang, node, [], 100) end),
    Quiet(fun() -> erpc:call(N, erlang, process_info, [P], 100) end),
    Quiet(fun() -> spawn_opt(N, erlang, node, [], [link, monitor]) end),
    Quiet(fun() -> spawn(N, no, such, [1, 2]) end),
    exit(P, normal),
    group_leader(self(), P),
    A = alias([reply]), P ! {A, self()},
    gen_server:cast({counter, N}, {increment_by, 1}),
    timer:sleep(300),
    {stop, N} ! stop,
    timer:sleep(infinity).
"""


def accept(listener, flags):
    """The acceptor's side of the handshake."""
    s, _ = listener.accept()
    s.settimeout(20)
    offer = receive_message(s)
    theirs = struct.unpack(">Q", offer[1:9])[0]
    s.sendall(message(b"sok"))
    s.sendall(message(struct.pack(">BQIIH", 78, flags, 7, PLACE[2], len(NODE)) + NODE.encode()))
    reply = receive_message(s)
    assert reply[5:] == digest(COOKIE, 7), "erl knows the cookie"
    s.sendall(message(b"a" + digest(COOKIE, struct.unpack(">I", reply[1:5])[0])))
    return s, flags & theirs


def record(form):
    flags = 0xD075F5FBC & ~0x802000 | FORMS[form]
    with socket.socket() as listener, tempfile.TemporaryDirectory() as home:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(20)
        port = listener.getsockname()[1]
        erl = subprocess.Popen(
            ["erl", "-noinput", "-name", "x@127.0.0.1", "-hidden", "-setcookie", COOKIE, "-start_epmd", "false",
             "-erl_epmd_port", str(port), "-dist_listen", "false", "-kernel", "logger_level", "none", "-eval", DOES],
            env={**os.environ, "HOME": home}, stdin=subprocess.DEVNULL,
        )
        try:
            s, _ = accept(listener, flags)
            body = Peer.term_frame((6, Pid(NODE, *PLACE), Atom(""), Atom("here")), (Atom("pid"), Pid(NODE, *PLACE)),
                                   with_header=form != "plain")
            s.sendall(body)
            data, end = b"", time.monotonic() + 20
            while b"stop" not in data[-100:] and time.monotonic() < end:
                if select.select([s], [], [], 1)[0]:
                    data += s.recv(1 << 20)
            assert b"stop" in data[-100:], f"{form}: erl did not come to its end: {data[-300:]!r}"
            return data
        finally:
            with contextlib.suppress(ProcessLookupError):
                erl.kill()
            erl.wait()


def main():
    to = here / "corpus" / "dist_channel"
    to.mkdir(exist_ok=True)
    for form in FORMS:
        data = record(form)
        (to / form).write_bytes(data)
        print(f"{form}: {len(data)} bytes")


main()
