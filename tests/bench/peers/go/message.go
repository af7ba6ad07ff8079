package main

import "sync"

// Rounds of 10 000 trivial goroutines; a round ends when the last of them has run.
func spawnExit(quick bool) []figure {
	const batch = 10000
	rounds := pick(quick, 30, 100)
	round := func() {
		var done sync.WaitGroup
		done.Add(batch)
		for i := 0; i < batch; i++ {
			go func() { done.Done() }()
		}
		done.Wait()
	}
	round()
	ns := perOp(batch*rounds, func() {
		for i := 0; i < rounds; i++ {
			round()
		}
	})
	return []figure{{"spawn_exit", ns, "ns"}}
}

func pingPong(quick bool) []figure {
	n := pick(quick, 300000, 1000000)
	ping, pong := make(chan int), make(chan int)
	result := make(chan float64)
	go func() {
		for v := range ping {
			pong <- v
		}
	}()
	go func() {
		pings := func(n int) {
			for i := 0; i < n; i++ {
				ping <- i
				<-pong
			}
		}
		pings(10000)
		result <- perOp(n, func() { pings(n) })
	}()
	return []figure{{"ping_pong", <-result, "ns"}}
}

// 503 goroutines pass one token round.
func ring(quick bool) []figure {
	const size = 503
	hops := pick(quick, 500000, 2000000)
	done := make(chan struct{})
	first := make(chan int)
	in := first
	for i := 1; i <= size; i++ {
		out := make(chan int)
		if i == size {
			out = first
		}
		go func(in <-chan int, out chan<- int) {
			for n := range in {
				if n == 0 {
					done <- struct{}{}
				} else {
					out <- n - 1
				}
			}
		}(in, out)
		in = out
	}
	run := func(hops int) {
		first <- hops
		<-done
	}
	run(10 * size)
	return []figure{{"ring", perOp(hops, func() { run(hops) }), "ns"}}
}

// 8 producers to one consumer, 5 million messages.
func fanIn(quick bool) []figure {
	const producers = 8
	each := pick(quick, 1000000, 5000000) / producers
	messages := make(chan int, 1024)
	start := make(chan struct{})
	done := make(chan struct{})
	go func() {
		for i := 0; i < producers*each; i++ {
			<-messages
		}
		close(done)
	}()
	for p := 0; p < producers; p++ {
		go func() {
			<-start
			for i := 0; i < each; i++ {
				messages <- i
			}
		}()
	}
	ns := perOp(producers*each, func() {
		close(start)
		<-done
	})
	return []figure{{"fan_in", ns, "ns"}}
}
