package main

import (
	"bufio"
	"fmt"
	"os"
	"time"
)

type sample struct {
	start, took int64
	outcome     string
}

// found is what all clients of a server saw.
type found struct {
	plan         plan
	began, ended time.Time
	asked        int64
	latencies    histogram
	errors       map[string]int64
	samples      []sample
}

func newFound(planned plan, start time.Time) *found {
	began := start.Add(planned.warm)
	return &found{plan: planned, began: began, ended: began.Add(planned.length), errors: map[string]int64{}}
}

func (f *found) note(start, end time.Time, outcome string) {
	f.asked++
	if f.plan.samples != "" {
		f.samples = append(f.samples, sample{start.UnixNano(), end.Sub(start).Nanoseconds(), outcome})
	}
	asFastAsItGoes := f.plan.rate == 0 && f.plan.count == 0
	switch {
	case start.Before(f.began), asFastAsItGoes && end.After(f.ended):
	case outcome == ok:
		f.latencies.add(end.Sub(start))
	default:
		f.errors[outcome]++
	}
}

func (f *found) summary() map[string]any {
	return map[string]any{
		"seconds":   f.ended.Sub(f.began).Seconds(),
		"asked":     f.asked,
		"answers":   f.latencies.count(),
		"errors":    f.errors,
		"latencies": f.latencies.counts(),
		"ms": map[string]float64{
			"p50":   f.latencies.quantile(0.5),
			"p99":   f.latencies.quantile(0.99),
			"p99.9": f.latencies.quantile(0.999),
			"max":   f.latencies.quantile(1),
		},
	}
}

func write(path string, all []*found) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewWriter(file)
	for _, f := range all {
		for _, s := range f.samples {
			fmt.Fprintf(lines, "%d %d %s\n", s.start, s.took, s.outcome)
		}
	}
	return lines.Flush()
}
