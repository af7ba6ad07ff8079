package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"sync"
)

func processBytes(quick bool) []figure {
	n := pick(quick, 200000, 1000000)
	stop := make(chan struct{})
	bytes := growth(n, func(ran *sync.WaitGroup) {
		go func() {
			ran.Done()
			<-stop
		}()
	})
	close(stop)
	return []figure{{"process_bytes", bytes, "B"}}
}

func serverBytes(quick bool) []figure {
	n := pick(quick, 200000, 1000000)
	servers := make([]chan request, 0, n)
	bytes := growth(n, func(ran *sync.WaitGroup) {
		requests := make(chan request)
		servers = append(servers, requests)
		go func() {
			ran.Done()
			serve(requests)
		}()
	})
	for _, s := range servers {
		close(s)
	}
	return []figure{{"gen_server_bytes", bytes, "B"}}
}

// Resident bytes that each of n goroutines adds, once all have run.
func growth(n int, start func(ran *sync.WaitGroup)) float64 {
	before := resident()
	var ran sync.WaitGroup
	ran.Add(n)
	for i := 0; i < n; i++ {
		start(&ran)
	}
	ran.Wait()
	return float64(resident()-before) / float64(n)
}

func resident() int64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "VmRSS:") {
			var kb int64
			fmt.Sscanf(lines.Text(), "VmRSS: %d kB", &kb)
			return kb * 1024
		}
	}
	panic("no VmRSS")
}
