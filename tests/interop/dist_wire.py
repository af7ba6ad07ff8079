# dist_wire.py PROGRAM: see dist_wire.sh. Each part has an EPMD port and a home folder of its own.
import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from dist_peer import free_port
from lines import Child, check, erl, patience, stop_all

program = sys.argv[1]


class Host:
    """What is under way at one EPMD port."""

    def __init__(self, home):
        self.port = free_port()
        self.environment = {"ERL_EPMD_PORT": str(self.port), "HOME": home}

    def epmd(self):
        """The real one, once it listens."""
        child = Child("epmd", "-port", str(self.port), "-address", "127.0.0.1")
        end = time.monotonic() + patience
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return child
            assert time.monotonic() < end, "epmd does not start"

    def names(self):
        """What `epmd -names` says of the nodes, without their ports."""
        said = subprocess.run(
            ["epmd", "-port", str(self.port), "-names"], capture_output=True, text=True, check=True, timeout=patience
        ).stdout.splitlines()
        check(said[0], f"epmd: up and running on port {self.port} with data:", "epmd -names")
        return sorted(line.split()[1] for line in said[1:])

    def wait_for_names(self, expected):
        end = time.monotonic() + patience
        while True:
            with contextlib.suppress(subprocess.CalledProcessError):
                seen = self.names()
                if seen == expected:
                    return
                assert time.monotonic() < end, f"{seen!r}, not {expected!r}"

    def ours(self, name, form="plain", *more):
        child = Child(program, f"{name}@127.0.0.1", str(self.port), "secret", form, *more)
        check(child.read(), "ready", name)
        return child

    def erl(self, name, cookie="secret"):
        return erl(f"{name}@127.0.0.1", cookie, **self.environment)


def real_epmd(host):
    epmd = host.epmd()
    a = host.ours("a")
    assert a.ask("status").startswith("client "), "with a running epmd ours is its client"
    check(host.names(), ["a"], "epmd -names")
    creation = a.ask("status").split()[1]
    # It ends; of two of ours one takes over.
    b = host.ours("b")
    epmd.stop()
    host.wait_for_names(["a", "b"])
    a_now, b_now = a.ask("wait-registered").split(), b.ask("wait-registered").split()
    check(sorted([a_now[0], b_now[0]]), ["client", "serves"], "who serves")
    check(a_now[1], creation, "the creation, which is for life")
    # Whoever serves dies; the other one takes over, and erl finds it.
    serving, other, name = (a, b, "b") if a_now[0] == "serves" else (b, a, "a")
    serving.stop()
    host.wait_for_names([name])
    check(other.ask("wait-registered").split()[0], "serves", "the one that is left")
    other.stop()
    # One that may not serve waits until somebody does.
    epmd = host.epmd()
    c = host.ours("c", "plain", "no-serve")
    epmd.stop()
    host.epmd()
    host.wait_for_names(["c"])
    check(c.ask("wait-registered").split()[0], "client", "the one that may not serve")


def our_epmd(host):
    host.ours("a")
    x, y = host.erl("x"), host.erl("y")
    check(host.names(), ["a", "x", "y"], "epmd -names")
    check(x.ask("net_adm:ping('y@127.0.0.1')."), "pong", "erl to erl through our epmd")
    check(x.ask("{ok, Names} = net_adm:names(\"127.0.0.1\"), lists:sort([N || {N, _} <- Names])."),
          '["a","x","y"]', "net_adm:names")
    y.stop()
    host.wait_for_names(["a", "x"])
    twin = Child("erl", "-noshell", "-name", "x@127.0.0.1", "-start_epmd", "false", "-eval", "halt().", **host.environment)
    check(twin.process.wait(patience) != 0, True, "a second node of a name is refused")


# Sent to `echo` and received back, equal.
terms = [
    "{self(), 1}",
    "{self(), [atom, 'an atom', {a, b}, 1.5, -1, 1 bsl 70, <<\"bytes\">>, #{k => \"v\"}, make_ref(), [a | b]]}",
    "{self(), lists:seq(1, 20000)}",
    "{self(), binary:copy(<<\"x\">>, 65536)}",
    "{self(), binary:copy(<<\"x\">>, 3000000)}",
    "{self(), [list_to_atom(\"an_atom_\" ++ integer_to_list(N rem 700)) || N <- lists:seq(1, 3000)]}",
]


def talk(host, form):
    ours = host.ours("w", form)
    x = host.erl("x")
    node = "'w@127.0.0.1'"
    for turn in range(2):
        check(x.ask(f"net_adm:ping({node})."), "pong", f"{form}: a ping")
        check(x.ask("nodes(hidden)."), "['w@127.0.0.1']", f"{form}: connected")
        for t in terms:
            # Twice: the second time the atoms are in the cache.
            expression = (
                f"T = {t}, S = fun() -> {{echo, {node}}} ! T, receive {{echo, B}} -> B =:= element(2, T) "
                "after 30000 -> timeout end end, [S(), S()]."
            )
            check(x.ask(expression), "[true,true]", f"{form}: {t}")
        burst = (
            f"[{{echo, {node}}} ! {{self(), N}} || N <- lists:seq(1, 5000)], "
            "L = [receive {echo, N} -> N end || _ <- lists:seq(1, 5000)], L =:= lists:seq(1, 5000)."
        )
        check(x.ask(burst), "true", f"{form}: a burst in order")
        check(x.ask(f"erlang:disconnect_node({node})."), "true", f"{form}: disconnect")
        # The other way round: we connect.
        if turn == 0:
            check(ours.ask("connect x@127.0.0.1"), "connected", f"{form}: we connect")
    check(x.ask("nodes(hidden)."), "[]", f"{form}: disconnected")


def wrong_cookie(host):
    ours = host.ours("w")
    x = host.erl("x", "other")
    check(x.ask("net_adm:ping('w@127.0.0.1')."), "pang", "erl with another cookie")
    check(ours.ask("connect x@127.0.0.1"), "closed", "we with another cookie")
    check(ours.ask("connect nobody@127.0.0.1"), "unknown_node", "a node that is not there")
    # Who calls itself as we do.
    check(ours.ask("connect w@127.0.0.1"), "own_name", "with ourselves")


def main():
    parts = [("real epmd", real_epmd, []), ("our epmd", our_epmd, []), ("wrong cookie", wrong_cookie, [])]
    parts += [(f"talking, {form}", talk, [form]) for form in ("plain", "cache", "fragments", "both")]
    for what, part, arguments in parts:
        home = tempfile.mkdtemp()
        try:
            part(Host(home), *arguments)
            print(f"dist_wire: {what}: ok", flush=True)
        finally:
            stop_all()
            shutil.rmtree(home)


main()
