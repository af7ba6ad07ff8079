// The Go side of scripts/bench: runs one group of benchmarks and prints a line of JSON for each
// figure. Groups and their figures are listed in tests/bench/figures.txt.
package main

import (
	"fmt"
	"os"
)

type figure struct {
	name  string
	value float64
	unit  string
}

var groups = map[string]func(quick bool) []figure{
	"spawn_exit":       spawnExit,
	"ping_pong":        pingPong,
	"ring":             ring,
	"fan_in":           fanIn,
	"call":             call,
	"cast":             cast,
	"call_1000x1000":   callMany,
	"timers":           timers,
	"timer_late":       timerLate,
	"process_bytes":    processBytes,
	"gen_server_bytes": serverBytes,
	"fair":             func(quick bool) []figure { return fair(8, "", quick) },
	"fair_2":           func(quick bool) []figure { return fair(2, "_2", quick) },
}

func main() {
	if len(os.Args) < 2 || groups[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go_bench GROUP [--quick]")
		os.Exit(2)
	}
	quick := len(os.Args) > 2 && os.Args[2] == "--quick"
	for _, f := range groups[os.Args[1]](quick) {
		fmt.Printf("{\"bench\":%q,\"subject\":\"go\",\"value\":%.2f,\"unit\":%q,\"better\":\"lower\"}\n",
			f.name, f.value, f.unit)
	}
}

func pick(quick bool, small, full int) int {
	if quick {
		return small
	}
	return full
}
