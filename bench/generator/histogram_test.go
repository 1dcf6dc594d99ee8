package main

import (
	"math/rand"
	"testing"
	"time"
)

func TestEachBucketHoldsItsHighestValueAndNotTheNext(t *testing.T) {
	for _, value := range []uint64{0, 1, 127, 128, 129, 255, 256, 257, 1 << 20, 1<<20 + 1, 1<<40 - 1} {
		top := highest(bucket(value))
		if top < value || bucket(top) != bucket(value) || bucket(top+1) == bucket(value) {
			t.Errorf("%d is in bucket %d, whose highest value is said to be %d", value, bucket(value), top)
		}
	}
}

func TestQuantilesAreRightToOnePartInAHundred(t *testing.T) {
	var h histogram
	for _, i := range rand.Perm(10_000) {
		h.add(time.Duration(i+1) * time.Microsecond)
	}
	for share, wanted := range map[float64]float64{0.5: 5, 0.99: 9.9, 0.999: 9.99, 1: 10} {
		if got := h.quantile(share); got < wanted || got > wanted*1.01 {
			t.Errorf("quantile %v is %v ms; wanted %v", share, got, wanted)
		}
	}
}
