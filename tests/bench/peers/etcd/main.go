// etcd_load: load on an etcd, over its own client (gRPC).
//
//	etcd_load ENDPOINT fill KEYS
//	etcd_load ENDPOINT get|put CLIENTS SECONDS KEYS
//
// The latter prints what kv_load and resp_load print: requests a second, and the 99th percentile, the longest and the
// median of the times, in microseconds. Each client has a connection of its own. Gets are linearizable.
package main

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.etcd.io/etcd/clientv3"
)

var value = strings.Repeat("v", 64)

func key(n int) string { return fmt.Sprintf("key:%012d", n) }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd_load:", err)
		os.Exit(1)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

func connect(endpoint string) *clientv3.Client {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second})
	check(err)
	return c
}

func fill(endpoint string, keys int) {
	c := connect(endpoint)
	var all sync.WaitGroup
	const writers = 50
	for w := 0; w < writers; w++ {
		all.Add(1)
		go func(first int) {
			defer all.Done()
			for n := first; n < keys; n += writers {
				_, err := c.Put(context.Background(), key(n), value)
				check(err)
			}
		}(w)
	}
	all.Wait()
}

func measure(endpoint string, puts bool, clients int, seconds float64, keys int) {
	connections := make([]*clientv3.Client, clients)
	for i := range connections {
		connections[i] = connect(endpoint)
		_, err := connections[i].Get(context.Background(), key(0))
		check(err)
	}
	times := make([][]float64, clients)
	begin := time.Now()
	end := begin.Add(time.Duration(seconds * float64(time.Second)))
	var all sync.WaitGroup
	for i := range connections {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			random := rand.New(rand.NewSource(int64(i)))
			for now := time.Now(); now.Before(end); {
				var err error
				if puts {
					_, err = connections[i].Put(context.Background(), key(random.Intn(keys)), value)
				} else {
					_, err = connections[i].Get(context.Background(), key(random.Intn(keys)))
				}
				check(err)
				answered := time.Now()
				times[i] = append(times[i], float64(answered.Sub(now).Nanoseconds())/1000)
				now = answered
			}
		}(i)
	}
	all.Wait()
	took := time.Since(begin).Seconds()
	var sorted []float64
	for _, own := range times {
		sorted = append(sorted, own...)
	}
	sort.Float64s(sorted)
	n := len(sorted)
	fmt.Printf("%.0f %.0f %.0f %.0f\n", float64(n)/took, sorted[n*99/100], sorted[n-1], sorted[n/2])
}

func main() {
	a := os.Args
	switch {
	case len(a) == 4 && a[2] == "fill":
		fill(a[1], number(a[3]))
	case len(a) == 6 && (a[2] == "get" || a[2] == "put"):
		seconds, err := strconv.ParseFloat(a[4], 64)
		check(err)
		measure(a[1], a[2] == "put", number(a[3]), seconds, number(a[5]))
	default:
		fmt.Fprintln(os.Stderr, "usage: etcd_load ENDPOINT fill KEYS | ENDPOINT get|put CLIENTS SECONDS KEYS")
		os.Exit(2)
	}
}
