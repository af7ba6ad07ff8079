package main

import (
	"sync/atomic"
	"time"
)

// Latency of others while goroutines loop without end.
func fair(count int, suffix string, quick bool) []figure {
	pingTime, sleepTime := 10*time.Second, 3*time.Second
	if quick {
		pingTime, sleepTime = 2*time.Second, time.Second
	}
	stop := startLoops(count)
	ping, pong := make(chan struct{}), make(chan struct{})
	go func() {
		for range ping {
			pong <- struct{}{}
		}
	}()
	measure := func(length time.Duration, before func()) *histogram {
		result := make(chan *histogram)
		go func() {
			h := new(histogram)
			for end := time.Now().Add(length); ; {
				start := time.Now()
				before()
				ping <- struct{}{}
				<-pong
				now := time.Now()
				h.record(now.Sub(start))
				if now.After(end) {
					break
				}
			}
			result <- h
		}()
		return <-result
	}
	pings := measure(pingTime, func() {})
	sleeps := measure(sleepTime, func() { time.Sleep(time.Millisecond) })
	stop()
	close(ping)
	return []figure{
		{"fair_p99" + suffix, pings.percentile(99) / 1000, "us"},
		{"fair_max" + suffix, float64(pings.max) / 1000, "us"},
		{"fair_sleep" + suffix, sleeps.percentile(50) / 1000, "us"},
	}
}

// The loops only look at a flag, so that they end with the group.
func startLoops(count int) (stop func()) {
	var stopped int32
	for i := 0; i < count; i++ {
		go func() {
			for n := 0; atomic.LoadInt32(&stopped) == 0; n++ {
			}
		}()
	}
	return func() { atomic.StoreInt32(&stopped, 1) }
}
