package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func against(t *testing.T, handler http.HandlerFunc, planned plan) *found {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	return asking(t, planned, strings.TrimPrefix(server.URL, "http://"))[0]
}

func asking(t *testing.T, planned plan, servers ...string) []*found {
	t.Helper()
	for _, to := range servers {
		planned.targets = append(planned.targets, target{to, []byte("GET / HTTP/1.1\r\nHost: here\r\n\r\n")})
	}
	if planned.timeout == 0 {
		planned.timeout = 5 * time.Second
	}
	found, err := run(planned)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestACountIsKeptAndConnectionsToo(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	found := asking(t, plan{clients: 4, count: 40, keep: true, length: time.Minute}, server.Listener.Addr().String())[0]
	if found.latencies.count() != 40 || len(found.errors) != 0 || connections.Load() != 4 {
		t.Errorf("%d answers over %d connections, errors %v", found.latencies.count(), connections.Load(), found.errors)
	}
}

func TestWhoComesWhileTheServerStallsIsTimedFromWhenTheyCame(t *testing.T) {
	var asked atomic.Int64
	stall := func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			time.Sleep(300 * time.Millisecond)
		}
	}
	found := against(t, stall, plan{clients: 1, rate: 100, keep: true, length: 500 * time.Millisecond})
	if count := found.latencies.count(); count != 50 {
		t.Errorf("%d answers; 50 were due", count)
	}
	// Thirty were due during the stall. They waited from 300 ms down to nothing, 150 ms in the middle: or longer, where
	// the machine has others to look after.
	if median := found.latencies.quantile(0.7); median < 100 {
		t.Errorf("seven in ten waited no longer than %v ms", median)
	}
}

func TestWhatGoesWrongIsCountedByItsKind(t *testing.T) {
	refuse := func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }
	found := against(t, refuse, plan{clients: 1, count: 3, length: time.Minute})
	if found.errors["status 503"] != 3 {
		t.Errorf("errors %v", found.errors)
	}
	hangUp := func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }
	found = against(t, hangUp, plan{clients: 1, count: 3, length: time.Minute})
	if found.errors["closed"]+found.errors["reset"] != 3 {
		t.Errorf("errors %v", found.errors)
	}
	hang := func(w http.ResponseWriter, r *http.Request) { time.Sleep(300 * time.Millisecond) }
	found = against(t, hang, plan{clients: 1, count: 1, length: time.Minute, timeout: 100 * time.Millisecond})
	if found.errors["timeout"] != 1 {
		t.Errorf("errors %v", found.errors)
	}
}

func TestItEndsWhenNobodyListensAnyMore(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	found := asking(t, plan{clients: 3, length: time.Minute, untilRefused: true}, listener.Addr().String())[0]
	if found.errors["refused"] != 3 {
		t.Errorf("errors %v", found.errors)
	}
}

func TestSeveralServersAreAskedInTurnAndEachHasItsOwnCounts(t *testing.T) {
	answering := func(status int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	all := asking(t, plan{clients: 2, rate: 100, keep: true, length: 300 * time.Millisecond}, answering(200), answering(503))
	if good, bad := all[0].latencies.count(), all[1].errors["status 503"]; good != 30 || bad != 30 {
		t.Errorf("%d good and %d bad answers; 30 of each were due", good, bad)
	}
	if pairs := all[0].latencies.counts(); len(pairs) == 0 || pairs[0][0] <= 0 {
		t.Errorf("counts %v", pairs)
	}
}

func TestThereIsRoomForAllConnectionsBeforeTheFirstRequest(t *testing.T) {
	found := against(t, func(http.ResponseWriter, *http.Request) {}, plan{clients: 3000, count: 1, length: time.Minute})
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "FDSize:")
	size, _, _ := strings.Cut(rest, "\n")
	if room, err := strconv.Atoi(strings.TrimSpace(size)); err != nil || room < 3000 || found.latencies.count() != 1 {
		t.Errorf("room for %d descriptors, %d answers", room, found.latencies.count())
	}
}
