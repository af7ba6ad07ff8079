package main

import (
	"sync"
	"time"
)

// Delays of one to two minutes, so that none fires meanwhile.
func timers(quick bool) []figure {
	n := pick(quick, 200000, 1000000)
	pending := make([]*time.Timer, n)
	fired := func() {}
	set := perOp(n, func() {
		for i := range pending {
			delay := 60000 + (i*7919)%60000
			pending[i] = time.AfterFunc(time.Duration(delay)*time.Millisecond, fired)
		}
	})
	cancel := perOp(n, func() {
		for _, t := range pending {
			if !t.Stop() {
				panic("a timer fired")
			}
		}
	})
	return []figure{{"timer_set", set, "ns"}, {"timer_cancel", cancel, "ns"}}
}

// 10 000 timers spread over one second: from when each was due to when its function runs.
func timerLate(bool) []figure {
	idle := late()
	stop := startLoops(2)
	loaded := late()
	stop()
	return []figure{{"timer_late_p99", idle, "us"}, {"timer_late_p99_loops", loaded, "us"}}
}

func late() float64 {
	const n = 10000
	late := make([]time.Duration, n)
	var done sync.WaitGroup
	done.Add(n)
	for i := 0; i < n; i++ {
		i := i
		delay := time.Duration(1+(i*7919)%1000) * time.Millisecond
		due := time.Now().Add(delay)
		time.AfterFunc(delay, func() {
			late[i] = time.Since(due)
			done.Done()
		})
	}
	done.Wait()
	h := new(histogram)
	for _, d := range late {
		h.record(d)
	}
	return h.percentile(99) / 1000
}
