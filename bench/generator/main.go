// Generator asks HTTP servers on this machine, each for one thing again and again, and prints what that took: a line of
// JSON for each of them.
//
// Closed loop (rate 0): each client asks again as soon as it is answered. Open loop (a rate): requests are due at fixed
// times, and each is timed from when it was due if no client was free then, so that a stalled server cannot hide how
// long it kept those waiting who came meanwhile (coordinated omission).
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// target is a server's address, and what to send it.
type target struct {
	to      string
	request []byte
}

type plan struct {
	targets      []target
	keep         bool
	clients      int
	rate         float64
	count        int64
	warm         time.Duration
	length       time.Duration
	timeout      time.Duration
	samples      string
	untilRefused bool
}

func main() {
	log.SetFlags(0)
	debug.SetGCPercent(-1) // a collection would be measured as the server's; a run needs a few megabytes
	planned := arguments()
	all, err := run(planned)
	if err != nil {
		log.Fatal(err)
	}
	if planned.samples != "" {
		if err := write(planned.samples, all); err != nil {
			log.Fatal(err)
		}
	}
	lines := json.NewEncoder(os.Stdout)
	for _, found := range all {
		if err := lines.Encode(found.summary()); err != nil {
			log.Fatal(err)
		}
	}
}

func arguments() plan {
	var planned plan
	flag.Func("to", "HOST:PORT=FILE: a server, and the request for it, byte for byte; again for each server", func(value string) error {
		to, file, _ := strings.Cut(value, "=")
		request, err := os.ReadFile(file)
		planned.targets = append(planned.targets, target{to, request})
		return err
	})
	flag.BoolVar(&planned.keep, "keep", false, "keep connections (otherwise each request has one of its own)")
	flag.IntVar(&planned.clients, "clients", 1, "clients of each server at a time")
	flag.Float64Var(&planned.rate, "rate", 0, "requests a second to each server, at fixed times; 0: as fast as answers come")
	flag.Int64Var(&planned.count, "count", 0, "requests in all; 0: until the time is over")
	flag.DurationVar(&planned.warm, "warm", 0, "ask for so long before anything is counted")
	flag.DurationVar(&planned.length, "for", time.Second, "then count for so long")
	flag.DurationVar(&planned.timeout, "timeout", 10*time.Second, "give up on an answer after so long")
	flag.StringVar(&planned.samples, "samples", "", "file for a line per request: start (Unix ns), ns taken, outcome")
	flag.BoolVar(&planned.untilRefused, "until-refused", false, "a client stops when nobody listens any more")
	flag.Parse()
	return planned
}
