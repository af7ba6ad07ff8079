# The conventions all tools share, with the fixture tool `demo` and its beamd in PATH.

load helper

@test "a value is put, got, and missed" {
    transcript <<'END'
$ demo put key1 value1
ok
$ demo get key1
value1
$ demo get key2
2> demo: get key2 failed: no such key; try: demo put KEY VALUE
[1]
$ v=$(demo get key2 2>/dev/null) || v=default; echo $v
default
END
}

@test "a node is started on demand, says so, and is stopped" {
    transcript <<'END'
$ beamd status
beam: not running
[1]
$ demo put a b
ok
$ beamd status
beam: ready (pid=... uptime=... restarts=0)
version: ...
applications: none
started by: demo (pid ...)
...
$ beamd ping
pong
$ beamd restart
beam: restarted
$ beamd stop
beam: stopped
$ beamd stop
beam: not running
$ demo get a --no-spawn
2> demo: get a failed: no node "beam" is running, and none may be started; try: beamd --daemon --node beam
[69]
END
}

@test "a person can speak the protocol with socat" {
    command -v socat >/dev/null || skip "socat is missing"
    transcript <<'END'
$ demo put a b
ok
$ echo '{"id":1,"method":"node.ping"}' | socat - "UNIX-CONNECT:$(beamd socket)"
{"id":1,"result":"pong"}
END
}

@test "usage errors are 2 and name the nearest word" {
    transcript <<'END'
$ demo gte key1
2> demo: gte failed: no such command, did you mean "get"?; try: demo --help
[2]
$ beamd --watch
2> beamd: --watch repeats a command, and there is none; try: beamd status --watch
[2]
$ demo get key1 --timeout 10
2> demo: --timeout 10 failed: a duration needs a unit, as in 10s
[2]
$ beamd stauts
2> beamd: stauts failed: no such command, did you mean "status"?; try: beamd --help
[2]
END
}

@test "transcript sees a wrong line, a wrong code, a missing and a surplus line" {
    run transcript <<<$'$ echo a\nb'
    [ "$status" -eq 1 ]
    run transcript <<<$'$ false'
    [ "$status" -eq 1 ]
    run transcript <<<$'$ echo a\na\nb'
    [ "$status" -eq 1 ]
    run transcript <<<$'$ printf "a\\nb\\n"\na'
    [ "$status" -eq 1 ]
    run transcript <<<$'$ echo pid=12 up\npid=... down'
    [ "$status" -eq 1 ]
    transcript <<<$'$ echo pid=12 up; echo x >&2; exit 3\npid=... up\n2> x\n[3]'
}
