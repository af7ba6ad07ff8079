"""cache_redis.py OURS THEIRS SEED COUNT: the same commands to the cache and to redis-server, over RESP 2 and 3, and where
their answers differ. OURS and THEIRS are Unix sockets; cache_redis.sh starts both.

First a list in which each option and each mistake stands once; then COUNT random commands, whole pipelines of them,
some inline; at the end both must hold the same. Answers are compared byte for byte, but for what the clock has a hand
in (times left: within 2 seconds) and the order of keys. Of errors the whole text is compared, or only its first word
where FIRST_WORD says so.
"""
import random
import socket
import sys

# What each of these says of a mistake is worded otherwise, on purpose: they have fewer subcommands, or name no module.
FIRST_WORD = {"CLIENT", "CONFIG", "COMMAND", "HELLO", "AUTH", "SCAN"}


class Peer:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        """One reply: its type and what it holds. Maps and sets are lists with their type."""
        line = self.file.readline()
        if not line:
            return ("closed", None)
        kind, rest = chr(line[0]), line[1:-2]
        if kind in "+-:_#,(":
            return (kind, rest)
        if kind in "$=!":
            size = int(rest)
            return (kind, None) if size < 0 else (kind, self.file.read(size + 2)[:-2])
        if kind in "*~>":
            size = int(rest)
            return (kind, None) if size < 0 else (kind, [self.read() for _ in range(size)])
        if kind == "%":
            return (kind, [self.read() for _ in range(2 * int(rest))])
        raise SystemExit("not RESP: %r" % line)

    def ask(self, *words):
        self.send(encode(words))
        return self.read()


def as_bytes(word):
    return word if isinstance(word, bytes) else str(word).encode()


def encode(words):
    words = [as_bytes(w) for w in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def encode_inline(words):
    def quoted(word):
        return b'"' + b"".join(b"\\x%02x" % c for c in as_bytes(word)) + b'"'

    return b" ".join([as_bytes(words[0])] + [quoted(w) for w in words[1:]]) + b"\r\n"


class Comparison:
    def __init__(self, ours, theirs):
        self.ours, self.theirs = Peer(ours), Peer(theirs)
        self.compared = self.different = 0

    def both(self, *words):
        data = encode(words)
        self.ours.send(data), self.theirs.send(data)
        self.judge(words, self.ours.read(), self.theirs.read())

    def pipeline(self, commands, inline):
        data = b"".join((encode_inline if i else encode)(c) for c, i in zip(commands, inline))
        self.ours.send(data), self.theirs.send(data)
        for words in commands:
            self.judge(words, self.ours.read(), self.theirs.read())

    def judge(self, words, ours, theirs):
        self.compared += 1
        name = str(words[0]).upper()
        if not alike(name, ours, theirs):
            self.different += 1
            print("%.200r\n  ours:  %.300r\n  redis: %.300r" % (words, ours, theirs))


def alike(name, ours, theirs):
    if ours == theirs:
        return True
    if ours[0] != theirs[0] or ours[1] is None or theirs[1] is None:
        return False
    if ours[0] == "-":
        return name in FIRST_WORD and ours[1].split()[0] == theirs[1].split()[0]
    if name in ("TTL", "PTTL"):
        tolerance = 2 if name == "TTL" else 2000
        left = int(ours[1]), int(theirs[1])
        return min(left) > 0 and abs(left[0] - left[1]) <= tolerance
    if name == "KEYS":
        return sorted(ours[1]) == sorted(theirs[1])
    return False


# Each option, each mistake. A word of ... stands for a value of 100 KB with all bytes in it.
LISTED = """
PING
PING hello
PING a b
ECHO hello
ECHO
ECHO a b
SELECT 0
SELECT 1
SELECT x
SELECT -1
SELECT
GET
GET k
GET k k
SET k v
GET k
TYPE k
TYPE absent
TYPE
SET k
SET k v nonsense
SET k v NX
SET k w XX
SET absent v XX
SET k w NX GET
SET k w XX GET
SET absent v XX GET
SET new v NX GET
SET k w NX XX
SET k v EX 100
TTL k
SET k v PX 100000
PTTL k
SET k v KEEPTTL
TTL k
SET k v KEEPTTL EX 10
SET k v EX 10 KEEPTTL
SET k v EX 10 PX 10
SET k v
TTL k
SET k v EX
SET k v EX 0
SET k v EX -1
SET k v PX 0
SET k v EX x
SET k v EX 1.5
SET k v EX 9223372036854775807
SET k v PX 9223372036854775807
SET k v EXAT 9000000000
TTL k
SET k v PXAT 9000000000000
PTTL k
SET k v EXAT 0
SET k v EXAT 1
SET k v PXAT 1
GET k
SET k v EX 100 GET
SET "" v
SETEX k 100 v
TTL k
SETEX k 0 v
SETEX k -1 v
SETEX k x v
SETEX k 100
PSETEX k 100000 v
PTTL k
PSETEX k 0 v
SETNX k w
SETNX fresh w
SETNX k
GETSET k x
TTL k
GETSET nobody x
GETDEL k
GETDEL k
GETDEL
GETEX k
SET k v EX 100
GETEX k
TTL k
GETEX k PERSIST
TTL k
GETEX k EX 50
TTL k
GETEX k PX 50000
GETEX k EXAT 9000000000
TTL k
GETEX k PXAT 9000000000000
GETEX k EX 0
GETEX k EX -5
GETEX k EX x
GETEX k EX
GETEX k NX
GETEX k PERSIST EX 10
GETEX k EX 10 PERSIST
GETEX absent EX 10
GETEX k PXAT 1
EXISTS k
SET k v
EXISTS k k absent
EXISTS
DEL k
DEL k absent
DEL
MSET a 1 b 2
MSET a
MSET a 1 b
MGET a b c a
MGET
UNLINK a b c
UNLINK
TOUCH a
SET a 1
TOUCH a a b
INCR n
INCR n
INCRBY n 10
INCRBY n -3
INCRBY n x
INCRBY n 1.0
INCRBY n
DECR n
DECRBY n 4
DECRBY n -9223372036854775808
DECRBY n 9223372036854775807
DECRBY n 9223372036854775807
GET n
SET n 9223372036854775807
INCR n
INCRBY n 1
SET n -9223372036854775808
DECR n
SET n 01
INCR n
SET n " 1"
INCR n
SET n "1 "
INCR n
SET n +1
INCR n
SET n -0
INCR n
SET n ""
INCR n
SET n 9223372036854775808
INCR n
SET n abc
INCR n
SET n 5 EX 100
INCR n
TTL n
APPEND s hello
APPEND s " world"
GET s
APPEND s ""
APPEND s
APPEND n 1
TTL n
GET n
STRLEN s
STRLEN absent
STRLEN
SET e ""
GET e
STRLEN e
APPEND e2 ""
EXISTS e2
TTL absent
PTTL absent
TTL
SET t v
TTL t
PTTL t
EXPIRE t 100
TTL t
EXPIRE t 200 NX
EXPIRE t 200 XX
TTL t
EXPIRE t 100 GT
TTL t
EXPIRE t 300 GT
TTL t
EXPIRE t 400 LT
EXPIRE t 100 LT
TTL t
EXPIRE t 100 NX XX
EXPIRE t 100 NX GT
EXPIRE t 100 GT LT
EXPIRE t 90 XX GT
EXPIRE t 100 nonsense
EXPIRE t x
EXPIRE t
EXPIRE absent 100
EXPIRE absent x
EXPIRE t 9223372036854775807
EXPIRE t -9223372036854775808
EXISTS t
SET t v
PERSIST t
EXPIRE t 100 GT
EXPIRE t 100 XX
EXPIRE t 100 LT
TTL t
PERSIST t
PERSIST t
PERSIST absent
PERSIST
PEXPIRE t 100000
PTTL t
PEXPIRE t 9223372036854775807
PEXPIRE t 1 GT
EXPIREAT t 9000000000
EXPIREAT t 9000000000 GT
EXPIREAT t 9000000000 LT
TTL t
PEXPIREAT t 9000000000000
PTTL t
EXPIREAT t 1
EXISTS t
SET t v
PEXPIREAT t 1
EXISTS t
SET t v
EXPIRE t -1
EXISTS t
SET t v
EXPIRE t 0
EXISTS t
SET t v PX 100000
PEXPIRE t -1 GT
EXISTS t
DBSIZE
DBSIZE x
KEYS *
KEYS [ab]
KEYS ?
KEYS k*
KEYS [^ab]
KEYS [a-c]
KEYS \\*
KEYS
SCAN
SCAN x
SCAN 0 COUNT 0
SCAN 0 COUNT x
SCAN 0 COUNT
SCAN 0 nonsense 1
SCAN 0 MATCH nobody* COUNT 1000
SCAN 0 COUNT 1000 TYPE list
SCAN 99999999999999999999999999
CLIENT GETNAME
CLIENT SETNAME me
CLIENT GETNAME
CLIENT SETNAME "a b"
CLIENT SETNAME ""
CLIENT GETNAME
CLIENT
CLIENT nonsense
CLIENT SETNAME
CLIENT ID x
CONFIG
CONFIG GET
CONFIG GET nonsense
CONFIG GET maxmemory
CONFIG GET appendonly
CONFIG GET save
CONFIG nonsense
COMMAND nonsense
COMMAND COUNT x
COMMAND INFO nonsense
COMMAND DOCS nonsense
AUTH x
AUTH
HELLO x
HELLO 4
HELLO 3 nonsense
HELLO 3 SETNAME
HELLO 3 SETNAME "a b"
INFO keyspacex
FLUSHDB x
FLUSHDB ASYNC x
FLUSHDB ASYNC
DBSIZE
SET k v
FLUSHDB SYNC
SET k v
FLUSHALL
EXISTS k
NONSENSE
NONSENSE a b
nonsense "two words" more
SET big ...
GET big
STRLEN big
APPEND big ...
STRLEN big
GETDEL big
set k v
Get k
"""

ALL_BYTES = bytes(range(256)) * 400


def words_of(line):
    words, word, in_quotes, any_yet = [], "", False, False
    for c in line:
        if c == '"':
            in_quotes, any_yet = not in_quotes, True
        elif c == " " and not in_quotes:
            if word or any_yet:
                words.append(word)
            word, any_yet = "", False
        else:
            word += c
    if word or any_yet:
        words.append(word)
    return [ALL_BYTES if w == "..." else w for w in words]


class Generator:
    """Random commands over few keys, so that they meet. No time is so short that it might run out meanwhile."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.later = 0

    def key(self):
        return self.random.choice(["k%d" % self.random.randrange(6), b"\x00\r\n\xff", ""])

    def value(self):
        r = self.random
        return r.choice([str(r.randrange(-100, 100)), "", "text", b"\x00\xff\r\n", "9223372036854775807", "x" * 300])

    def number(self):
        return self.random.choice(["1", "-1", "5", "0", "x", "", "01", "9223372036854775807", "-9223372036854775808", "1.5"])

    def time(self, unit):
        seconds = self.random.choice([1000, 5000, 100000, 0, -1])
        if self.random.randrange(8) == 0:
            # At most 1000 years are taken here; redis has no end but that of its numbers.
            most = "9223372036854775807" if unit in ("EX", "PX") else "y"
            return self.random.choice(["x", "", "1.5", most])
        # No two are so near each other that GT and LT depend on who was a millisecond faster.
        self.later += 10
        if seconds > 0:
            seconds += self.later
        if unit in ("EXAT", "PXAT"):
            seconds += 9000000000
        return seconds * (1000 if unit in ("PX", "PXAT") else 1)

    def expiry(self):
        unit = self.random.choice(["EX", "PX", "EXAT", "PXAT"])
        return [unit, self.time(unit)]

    def some(self, options, most):
        words = []
        for _ in range(self.random.randrange(most + 1)):
            words += self.random.choice(options)()
        return words

    def command(self):
        r, key, value = self.random, self.key, self.value
        flags = [lambda w=w: [w] for w in ("NX", "XX", "GET", "KEEPTTL", "nx")]
        bounds = [lambda w=w: [w] for w in ("NX", "XX", "GT", "LT", "gt")]
        makers = [
            lambda: ["GET", key()],
            lambda: ["SET", key(), value()] + self.some(flags + [self.expiry] * 2, 3),
            lambda: ["SETNX", key(), value()],
            lambda: ["SETEX", key(), self.time("EX"), value()],
            lambda: ["PSETEX", key(), self.time("PX"), value()],
            lambda: ["GETSET", key(), value()],
            lambda: ["GETDEL", key()],
            lambda: ["GETEX", key()] + self.some([self.expiry, lambda: ["PERSIST"]], 2),
            lambda: [r.choice(["DEL", "UNLINK", "EXISTS", "TOUCH", "MGET"])] + [key() for _ in range(r.randrange(4))],
            lambda: ["MSET"] + [w for _ in range(r.randrange(4)) for w in (key(), value())],
            lambda: [r.choice(["INCR", "DECR", "STRLEN", "TYPE", "TTL", "PTTL", "PERSIST"]), key()],
            lambda: [r.choice(["INCRBY", "DECRBY"]), key(), self.number()],
            lambda: ["APPEND", key(), value()],
            lambda: ["EXPIRE", key(), self.time("EX")] + self.some(bounds, 2),
            lambda: ["PEXPIRE", key(), self.time("PX")] + self.some(bounds, 2),
            lambda: ["EXPIREAT", key(), self.time("EXAT")] + self.some(bounds, 2),
            lambda: ["PEXPIREAT", key(), self.time("PXAT")] + self.some(bounds, 2),
            lambda: ["DBSIZE"],
            lambda: ["KEYS", r.choice(["*", "k*", "k[0-2]", "?"])],
        ]
        words = r.choice(makers)()
        # Now and then one word is missing, or there is one too many.
        if r.randrange(20) == 0:
            words = words[:-1] or words
        elif r.randrange(20) == 0:
            words.append("more")
        return words


def all_keys(peer):
    cursor, keys = b"0", []
    while True:
        _, (at, found) = peer.ask("SCAN", cursor, "COUNT", 3)
        keys += [k for _, k in found[1]]
        cursor = at[1]
        if cursor == b"0":
            return sorted(set(keys))


def compare_shapes(c):
    """What says who answers is not the same, but has the same form."""
    ours, theirs = c.ours.ask("HELLO"), c.theirs.ask("HELLO")
    c.judge(["HELLO keys"], ("*", ours[1][::2]), ("*", theirs[1][::2]))
    c.judge(["HELLO kinds"], ("*", [k for k, _ in ours[1]]), ("*", [k for k, _ in theirs[1]]))
    for name in b"get set getex del mset mget expire scan incr ping flushdb object".split():
        infos = [p.ask("COMMAND", "INFO", name)[1][0] for p in (c.ours, c.theirs)]
        if name == b"object":
            continue
        # Name, arity, and where its keys are.
        c.judge(["COMMAND INFO", name], *[("*", [i[1][n] for n in (0, 1, 3, 4, 5)]) for i in infos])
    for p in (c.ours, c.theirs):
        kind, text = p.ask("INFO")
        text = text[4:] if kind == "=" else text
        fields = dict(line.split(b":", 1) for line in text.split(b"\r\n") if b":" in line)
        for name in (b"redis_version", b"process_id", b"used_memory", b"maxmemory", b"keyspace_hits", b"expired_keys"):
            if name not in fields:
                c.different += 1
                print("INFO of %s has no %s" % (p.socket.getpeername(), name))


def run(ours, theirs, version, seed, count):
    c = Comparison(ours, theirs)
    if version == 3:
        for p in (c.ours, c.theirs):
            p.ask("HELLO", 3)
    c.both("FLUSHALL")
    for line in LISTED.strip().split("\n"):
        c.both(*words_of(line))
    compare_shapes(c)
    c.both("FLUSHALL")
    generate = Generator(seed)
    for _ in range(count // 50):
        commands = [generate.command() for _ in range(50)]
        c.pipeline(commands, [generate.random.randrange(5) == 0 for _ in commands])
        keys = all_keys(c.ours), all_keys(c.theirs)
        c.judge(["all keys"], ("*", keys[0]), ("*", keys[1]))
        for key in keys[0]:
            c.both("GET", key), c.both("PTTL", key)
    c.both("QUIT")
    c.judge(["after QUIT"], c.ours.read(), c.theirs.read())
    print("cache_redis: RESP %d, seed %d: %d answers, %d differ" % (version, seed, c.compared, c.different))
    return c.different


def main():
    ours, theirs, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    different = sum(run(ours, theirs, version, seed, count) for version in (2, 3))
    sys.exit(1 if different else 0)


main()
