package main

import (
	"math"
	"math/bits"
	"time"
)

// Latencies in nanoseconds: 64 buckets to each power of two (1.6 % wide), the maximum exact.
type histogram struct {
	counts [(64 - subBits) << subBits]int64
	total  int64
	max    int64
}

const subBits = 6

func (h *histogram) record(d time.Duration) {
	v := int64(d)
	if v < 0 {
		v = 0
	}
	if v > h.max {
		h.max = v
	}
	e := bits.Len64(uint64(v)) - subBits - 1
	if e < 0 {
		e = 0
	}
	h.counts[e<<subBits+int(v>>e)]++
	h.total++
}

func (h *histogram) percentile(p float64) float64 {
	left := int64(math.Max(1, math.Ceil(float64(h.total)*p/100)))
	for i, c := range h.counts {
		if left -= c; left <= 0 {
			if i < 2<<subBits {
				return float64(i)
			}
			e := i>>subBits - 1
			return float64((i-e<<subBits)<<e + (1<<e)/2)
		}
	}
	return float64(h.max)
}

func perOp(count int, run func()) float64 {
	start := time.Now()
	run()
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}
