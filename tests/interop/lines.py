"""Programs that answer each line on stdin with one on stdout."""
import os
import select
import subprocess
import time

patience = 60
children = []


class Child:
    """A program that answers each line with one."""

    def __init__(self, *command, **environment):
        self.name = " ".join(command[:3])
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **environment}
        )
        self.rest = b""
        children.append(self)

    def read(self):
        end = time.monotonic() + patience
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"{self.name} says nothing")
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise AssertionError(f"{self.name} has ended; it said {self.rest!r}")
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def ask(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.read()

    def stop(self):
        self.process.kill()
        self.process.wait()


def check(seen, expected, what):
    if seen != expected:
        raise AssertionError(f"{what}: {seen!r}, not {expected!r}")


def erl(name, cookie, *options, before=(), **environment):
    """An Erlang node that evaluates lines, each an expression."""
    loop = """
        F = fun F() -> case io:get_line("") of eof -> halt(); Line ->
            {ok, Tokens, _} = erl_scan:string(Line), {ok, Es} = erl_parse:parse_exprs(Tokens),
            R = try {value, V, _} = erl_eval:exprs(Es, []), V catch C:E -> {C, E} end,
            io:format("~0tp~n", [R]), F() end end,
        io:format("ready~n"), F()."""
    child = Child(
        *before, "erl", "-noshell", "-name", name, "-setcookie", cookie, "-start_epmd", "false",
        "-kernel", "logger_level", "none", *options, "-eval", loop, **environment
    )
    check(child.read(), "ready", name)
    return child


def stop_all():
    for child in children:
        child.stop()
    children.clear()
