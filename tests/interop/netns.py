# netns.py PROGRAM HUB A B C: see netns.sh. The nodes have a tick time of two seconds.
import os
import shutil
import signal
import subprocess
import sys
import time

from lines import Child, check, erl, stop_all

program, hub, *spaces = sys.argv[1:]
ticktime = 2.0
epmd_port = 4444  # each namespace has ports of its own


class Node:
    def __init__(self, number):
        self.space = spaces[number - 1]
        self.port = f"port{number}"
        self.address = f"10.77.0.{number}"
        self.name = f"n{number}@{self.address}"
        self.child = Child(
            "ip", "netns", "exec", self.space, program, self.name, str(epmd_port), str(int(ticktime * 1000))
        )
        check(self.child.read(), "ready", self.name)

    def ask(self, line):
        return self.child.ask(line)

    def ip(self, *words):
        subprocess.run(["ip", "-n", self.space, *words], check=True)

    def plug(self, state):
        """Its place at the hub: the node itself sees no more than that nothing comes."""
        subprocess.run(["ip", "-n", hub, "link", "set", "dev", self.port, state], check=True)

    def deafen(self, other):
        """What this one sends to the other goes nowhere; what that one sends arrives."""
        self.ip("neigh", "replace", other.address, "lladdr", "02:00:00:00:00:99", "dev", "wire", "nud", "permanent")

    def heal(self, other):
        self.ip("neigh", "del", other.address, "dev", "wire")


def lost_in_time(begin, what):
    spent = time.monotonic() - begin
    print(f"netns: {what}: seen after {spent:.1f} s", flush=True)
    assert ticktime * 0.5 < spent < ticktime * 1.25 + 3, f"{what}: seen after {spent} s"


def agree(nodes, begin):
    """All trackers know all keys again, within 3 s of the heal."""
    for n in nodes:
        n.ask(f"await-keys {len(nodes)}")
    spent = time.monotonic() - begin
    print(f"netns: all trackers agree {spent:.2f} s after the heal", flush=True)
    assert spent < 3


def told(node, expected, what):
    check(node.ask("told"), expected, f"{what}: what {node.name} was told")


once = "nodedown=1 down=1 exit=1"


def partition(a, b, c):
    """c is cut off; the others stay together."""
    for x, y in ((a, b), (a, c), (b, c)):
        check(x.ask(f"ping {y.name}"), "pong", "at first")
    check(a.ask(f"watch {c.name}"), "watching", "a watches c")
    check(c.ask(f"watch {b.name}"), "watching", "c watches b")
    for n in (a, b, c):
        check(n.ask(f"track {n.name}"), "tracked", "a key each")
    for n in (a, b, c):
        n.ask("await-keys 3")
    c.plug("down")
    begin = time.monotonic()
    check(a.ask(f"send {c.name} 1000"), "sent", "into the cut")
    check(a.ask(f"await-lost {c.name}"), "lost", "a loses c")
    lost_in_time(begin, "a node that is cut off")
    check(c.ask(f"await-lost {a.name}"), "lost", "c loses a")
    check(c.ask(f"await-lost {b.name}"), "lost", "c loses b")
    check(b.ask(f"await-lost {c.name}"), "lost", "b loses c")
    told(a, once, "cut off")
    told(c, once, "cut off")
    check(a.ask(f"ping {b.name}"), "pong", "the others")
    a.ask("await-keys 2")
    b.ask("await-keys 2")
    c.ask("await-keys 1")
    # Nobody can be reached, and that is found out, too: by each in a time of its own.
    c.plug("up")
    begin = time.monotonic()
    check(c.ask(f"echo {a.name} 1000"), "1000", "after the heal")
    check(b.ask(f"ping {c.name}"), "pong", "after the heal")
    agree((a, b, c), begin)
    told(a, once, "healed")
    told(c, once, "healed")


def one_way(a, b, c):
    """a hears b, and is not heard by it: both find out, b since nothing comes, a when b has closed or by what it sends."""
    check(a.ask(f"ping {b.name}"), "pong", "at first")
    a.deafen(b)
    begin = time.monotonic()
    check(b.ask(f"await-lost {a.name}"), "lost", "b loses a")
    lost_in_time(begin, "a peer that is not heard")
    check(a.ask(f"await-lost {b.name}"), "lost", "a loses b")
    spent = time.monotonic() - begin
    print(f"netns: the one that still heard: seen after {spent:.1f} s", flush=True)
    assert spent < 2 * ticktime + 3
    check(a.ask(f"ping {c.name}"), "pong", "others")
    check(b.ask(f"ping {c.name}"), "pong", "others")
    a.heal(b)
    begin = time.monotonic()
    check(a.ask(f"echo {b.name} 100"), "100", "after the heal")
    agree((a, b, c), begin)


def silent(a, b, c):
    """A node that stands still is lost, and is back when it goes on; the same with a real one, both ways."""
    check(a.ask(f"ping {c.name}"), "pong", "at first")
    c.child.process.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    check(a.ask(f"await-lost {c.name}"), "lost", "a loses c")
    lost_in_time(begin, "a node that stands still")
    c.child.process.send_signal(signal.SIGCONT)
    check(c.ask(f"await-lost {a.name}"), "lost", "c sees it, too")
    check(a.ask(f"echo {c.name} 100"), "100", "it is back")
    if not shutil.which("erl"):
        print("netns: a real node left out: no erl on PATH; try: apt install erlang-base", flush=True)
        return
    name = f"erl@{c.address}"
    real = erl(
        name, "secret", "-hidden", "-kernel", "net_ticktime", str(int(ticktime)),
        before=("ip", "netns", "exec", c.space), ERL_EPMD_PORT=str(epmd_port),
    )
    check(a.ask(f"ping {name}"), "pong", "a real node")
    pid = real.ask("list_to_integer(os:getpid()).")
    os.kill(int(pid), signal.SIGSTOP)
    begin = time.monotonic()
    check(a.ask(f"await-lost {name}"), "lost", "a loses erl")
    lost_in_time(begin, "an erl that stands still")
    os.kill(int(pid), signal.SIGCONT)
    # It may not have seen it yet.
    check(real.ask(f"erlang:disconnect_node('{a.name}'), net_adm:ping('{a.name}')."), "pong", "erl is back")
    check(real.ask(f"erlang:monitor_node('{a.name}', true)."), "true", "erl watches")
    a.child.process.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    check(real.ask(f"receive {{nodedown, '{a.name}'}} -> down after 20000 -> up end."), "down", "erl loses a")
    lost_in_time(begin, "seen by erl, a node that stands still")
    a.child.process.send_signal(signal.SIGCONT)
    check(real.ask(f"net_adm:ping('{a.name}')."), "pong", "a is back")
    check(b.ask(f"ping {a.name}"), "pong", "for the others, too")
    real.stop()


def short_cut(a, b, c):
    """A cut that is shorter than the tick time is not noticed, and nothing is lost."""
    check(a.ask(f"ping {b.name}"), "pong", "at first")
    b.plug("down")
    check(a.ask(f"ping {c.name}"), "pong", "meanwhile")
    b.plug("up")
    check(a.ask(f"echo {b.name} 1000"), "1000", "after a short cut")


def slow(a, b, c):
    """Delay and loss, where the kernel has them."""
    added = subprocess.run(
        ["tc", "-n", a.space, "qdisc", "add", "dev", "wire", "root", "netem", "delay", "30ms", "10ms", "loss", "3%"],
        capture_output=True,
    )
    if added.returncode != 0:
        print("netns: delay and loss left out: no netem here; try: modprobe sch_netem", flush=True)
        return
    check(a.ask(f"ping {b.name}"), "pong", "slowly")
    check(a.ask(f"echo {b.name} 5000"), "5000", "slowly")
    for n in (a, b, c):
        assert int(n.ask("await-keys 3")) < 5000
    subprocess.run(["tc", "-n", a.space, "qdisc", "del", "dev", "wire", "root"], check=True)


def main():
    try:
        nodes = [Node(n) for n in (1, 2, 3)]
        for part in (partition, silent, short_cut, one_way, slow):
            begin = time.monotonic()
            part(*nodes)
            print(f"netns: {part.__name__}: ok, {time.monotonic() - begin:.1f} s", flush=True)
    finally:
        stop_all()


main()
