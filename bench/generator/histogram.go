package main

import (
	"math"
	"math/bits"
	"time"
)

// Buckets per doubling: a latency is known to better than one part in a hundred, as in an HDR histogram.
const (
	fineBits = 7
	fine     = 1 << fineBits
)

type histogram struct {
	buckets [(64 - fineBits) * fine]int64
}

func (h *histogram) add(took time.Duration) {
	h.buckets[bucket(uint64(max(took, 0)))]++
}

// bucket counts exactly up to `fine`, and from there with `fine` buckets for each doubling.
func bucket(value uint64) int {
	shift := max(0, bits.Len64(value)-fineBits-1)
	return shift<<fineBits + int(value>>shift)
}

// highest is the largest value in a bucket.
func highest(index int) uint64 {
	shift := max(0, index>>fineBits-1)
	return (uint64(index-shift<<fineBits)+1)<<shift - 1
}

func (h *histogram) count() int64 {
	var sum int64
	for i := range h.buckets {
		sum += h.buckets[i]
	}
	return sum
}

// quantile in milliseconds; 0 when there is nothing.
func (h *histogram) quantile(share float64) float64 {
	wanted := int64(math.Ceil(share * float64(h.count())))
	var seen int64
	for i := range h.buckets {
		if seen += h.buckets[i]; seen >= wanted && wanted > 0 {
			return float64(highest(i)) / 1e6
		}
	}
	return 0
}

// counts has a pair for each bucket with anything in it: its highest value in milliseconds, and how many.
func (h *histogram) counts() [][2]float64 {
	pairs := [][2]float64{}
	for i, count := range h.buckets {
		if count > 0 {
			pairs = append(pairs, [2]float64{float64(highest(i)) / 1e6, float64(count)})
		}
	}
	return pairs
}
