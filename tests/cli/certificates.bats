#!/usr/bin/env bats
# Certificates for TLS between nodes, and what is asked of who listens beyond loopback.

load helper

setup() {
    setup_folders
    ERL_EPMD_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("0.0.0.0", 0)); print(s.getsockname()[1])')
    export ERL_EPMD_PORT
    certs=$XDG_CONFIG_HOME/beamcore/certs
}

# An address of this machine that is not loopback.
own_address() {
    ip -4 -o addr show scope global 2>/dev/null | awk '{ sub("/.*", "", $4); print $4; exit }'
}

@test "an authority and certificates are made once; a second time all is kept" {
    transcript <<'END'
$ beamd cert init --name "my cluster" b.example
made: .../config/beamcore/certs/ca.pem (authority "my cluster", until 20...)
made: .../config/beamcore/certs/node.pem (for ...localhost,127.0.0.1,::1..., until 20...)
made: .../config/beamcore/certs/hosts/b.example/node.pem (for b.example, until 20...)
Erlang: erl -proto_dist inet_tls -ssl_dist_optfile .../config/beamcore/certs/ssl_dist.config
b.example: take .../certs/hosts/b.example there as ~/.config/beamcore/certs, then: beamd cert init
$ beamd cert init --name "my cluster" b.example
kept: .../config/beamcore/certs/ca.pem (authority "my cluster", until 20...)
kept: .../config/beamcore/certs/node.pem (for ..., until 20...)
kept: .../config/beamcore/certs/hosts/b.example/node.pem (for b.example, until 20...)
Erlang: erl -proto_dist inet_tls -ssl_dist_optfile .../config/beamcore/certs/ssl_dist.config
$ beamd cert show
valid: .../ca.pem (authority "my cluster", until 20...)
valid: .../certs/node.pem (for ..., until 20...)
valid: .../hosts/b.example/node.pem (for b.example, until 20...)
$ beamd cert init --json | jq -c '[.certificates[] | .of, .state]'
["authority","kept","node","kept","b.example","kept"]
END
    [ "$(stat -c %a "$certs" "$certs/ca.key" "$certs/node.key" "$certs/ssl_dist.config")" = $'700\n600\n600\n600' ]
}

@test "OpenSSL finds the certificates in order" {
    beamd cert init b.example >/dev/null
    openssl verify -x509_strict -CAfile "$certs/ca.pem" -purpose sslserver "$certs/node.pem"
    openssl verify -x509_strict -CAfile "$certs/ca.pem" -purpose sslclient "$certs/hosts/b.example/node.pem"
}

@test "an authority is replaced only by force, and what is wrong is said" {
    transcript <<'END'
$ beamd cert show
missing: .../certs/ca.pem: .../certs/ca.pem is not there
missing: .../certs/node.pem: it is missing
[1]
$ beamd cert init >/dev/null
$ beamd cert init --name other
2> beamd: cert init failed: the authority in .../certs is that of "beamcore"; try: another --dir, or --force
[1]
$ beamd cert init "a b"
2> beamd: cert init a b failed: "a b" is neither a host's name nor an address
[2]
$ chmod 755 "$XDG_CONFIG_HOME/beamcore/certs"
$ beamd cert init
2> beamd: cert init failed: others have access to .../certs; try: chmod 700 .../certs
[77]
$ chmod 700 "$XDG_CONFIG_HOME/beamcore/certs"
$ echo rubbish >"$XDG_CONFIG_HOME/beamcore/certs/node.pem"
$ beamd cert init
kept: .../ca.pem (authority "beamcore", until 20...)
renewed: .../node.pem (for ..., until 20...): it cannot be read
Erlang: erl -proto_dist inet_tls -ssl_dist_optfile .../certs/ssl_dist.config
$ beamd cert init --name other --force
renewed: .../ca.pem (authority "other", until 20...): that was asked for
renewed: .../node.pem (for ..., until 20...): it is of another authority
Erlang: erl -proto_dist inet_tls -ssl_dist_optfile .../certs/ssl_dist.config
$ beamd cert
2> ...
[2]
END
    [ -f "$certs/ca.pem.old" ] && [ -f "$certs/ca.key.old" ]
}

@test "beyond loopback a node wants TLS, or to be told that strangers may read along" {
    local address
    address=$(own_address)
    [ -n "$address" ] || skip "this machine has loopback alone"
    export ADDRESS=$address NODE=n@$address
    transcript <<'END'
$ beamd --daemon --node $NODE --dist=$ADDRESS
2> beamd: start n@... failed: listening at ... for other nodes wants TLS, and there are no certificates in .../certs; try: beamd cert init, or --dist-insecure
[78]
$ beamd --daemon --node $NODE --dist=$ADDRESS --dist-tls
2> beamd: start n@... failed: there are no certificates in .../certs; try: beamd cert init
[78]
$ beamd --daemon --node $NODE --dist=$ADDRESS --dist-insecure
$ beamd status --node $NODE | grep 'other nodes'
other nodes: at ..., without TLS (--dist-insecure): whoever is on that network can read along
$ beamd status --node $NODE --json | jq -c '.dist | .tls, .insecure'
false
true
$ beamd stop --node $NODE
n@...: stopped
$ beamd cert init >/dev/null
$ beamd --daemon --node $NODE --dist=$ADDRESS
$ beamd --daemon --node m@$ADDRESS --dist=$ADDRESS
$ beamd ping m@$ADDRESS --node $NODE
pong...
$ beamd status --node $NODE | grep 'other nodes'
other nodes: at ..., with TLS
END
}

@test "on loopback TLS is there for who asks for it, with certificates of any folder" {
    transcript <<'END'
$ beamd --daemon --node a@127.0.0.1 --dist --dist-tls=mine
2> beamd: start a@127.0.0.1 failed: there are no certificates in .../home/mine; try: beamd cert init --dir .../home/mine
[78]
$ beamd cert init --dir mine >/dev/null
$ beamd --daemon --node a@127.0.0.1 --dist --dist-tls=mine
$ beamd --daemon --node b@127.0.0.1 --dist --dist-tls=mine
$ beamd --daemon --node plain@127.0.0.1 --dist
$ beamd ping b@127.0.0.1 --node a@127.0.0.1
pong...
$ beamd ping plain@127.0.0.1 --node a@127.0.0.1
pang...
[1]
$ beamd restart --node a@127.0.0.1
...
$ beamd ping b@127.0.0.1 --node a@127.0.0.1
pong...
$ beamd status --node a@127.0.0.1 --json | jq -c .dist.tls
true
$ beamd status --node plain@127.0.0.1 | grep 'other nodes'
other nodes: at 127.0.0.1, without TLS
END
}

@test "TLS is about --dist, and not together with its contrary" {
    transcript <<'END'
$ beamd --daemon --dist-tls
2> beamd: start beam failed: --dist-tls and --dist-insecure are about --dist; try: beamd --dist --dist-tls --node NAME@HOST
[2]
$ beamd --daemon --node a@127.0.0.1 --dist --dist-tls --dist-insecure
2> beamd: start a@127.0.0.1 failed: either --dist-tls or --dist-insecure; try: beamd --help
[2]
$ beamd status --dist-tls
2> beamd: status failed: --daemon, --app and --dist are for starting a node; try: beamd --help
[2]
END
}

@test "a certificate that has ended keeps a node from starting, and cert init renews it" {
    beamd cert init >/dev/null
    openssl x509 -req -in <(openssl req -new -key "$certs/node.key" -subj /CN=x) -CA "$certs/ca.pem" \
        -CAkey "$certs/ca.key" -days -1 -out "$certs/old.pem" 2>/dev/null || skip "this openssl makes no past certificate"
    mv "$certs/old.pem" "$certs/node.pem"
    chmod 600 "$certs/node.pem"
    transcript <<'END'
$ beamd --daemon --node a@127.0.0.1 --dist --dist-tls
2> beamd: start a@127.0.0.1 failed: ...has ended; try: beamd cert init...
[69]
$ beamd cert show
valid: ...
ended: ...: it has ended
[1]
$ beamd cert init >/dev/null
$ beamd --daemon --node a@127.0.0.1 --dist --dist-tls
END
}
