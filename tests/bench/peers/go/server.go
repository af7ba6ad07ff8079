package main

import "sync"

// What a Go programmer writes for a gen_server: a goroutine that owns its state and serves one
// channel of requests. A request that wants an answer carries the channel for it.
type request struct {
	reply chan int // nil: a cast
}

func startServer() chan request {
	requests := make(chan request, serverQueue)
	go serve(requests)
	return requests
}

const serverQueue = 128

func serve(requests chan request) {
	count := 0
	for r := range requests {
		if r.reply == nil {
			count++
		} else {
			r.reply <- count
		}
	}
}

// A caller keeps its reply channel from call to call: the fastest way.
func calls(n int, server chan request, reply chan int) {
	for i := 0; i < n; i++ {
		server <- request{reply}
		<-reply
	}
}

func call(quick bool) []figure {
	n := pick(quick, 300000, 1000000)
	server, reply := startServer(), make(chan int, 1)
	calls(10000, server, reply)
	return []figure{{"call", perOp(n, func() { calls(n, server, reply) }), "ns"}}
}

// A flood of casts; it ends when the server has handled the last of them.
func cast(quick bool) []figure {
	n := pick(quick, 300000, 1000000)
	server, reply := startServer(), make(chan int, 1)
	flood := func(n int) {
		for i := 0; i < n; i++ {
			server <- request{}
		}
		calls(1, server, reply)
	}
	flood(10000)
	return []figure{{"cast", perOp(n, func() { flood(n) }), "ns"}}
}

// 1000 callers, each calls every one of 1000 servers, beginning at its own.
func callMany(quick bool) []figure {
	const size = 1000
	rounds := pick(quick, 300, 1000)
	servers := make([]chan request, size)
	for i := range servers {
		servers[i] = startServer()
	}
	start := make(chan struct{})
	var ready, done sync.WaitGroup
	ready.Add(size)
	done.Add(size)
	for i := 0; i < size; i++ {
		go func(i int) {
			reply := make(chan int, 1)
			ready.Done()
			<-start
			for k := 0; k < rounds; k++ {
				calls(1, servers[(i+k)%size], reply)
			}
			done.Done()
		}(i)
	}
	ready.Wait()
	ns := perOp(size*rounds, func() {
		close(start)
		done.Wait()
	})
	return []figure{{"call_1000x1000", ns, "ns"}}
}
