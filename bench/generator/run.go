package main

import (
	"syscall"
	"time"
)

const (
	largest = 16 << 10              // bytes of an answer
	look    = 50 * time.Millisecond // how often time-outs are looked for
)

// loop is one thread that does everything: with a goroutine for each client, the load would need more of its core than
// the servers need of theirs, and be measured in their place.
type loop struct {
	plan    plan
	to      syscall.SockaddrInet4
	poll    *poll
	clients []client
	idle    []int
	gone    int
	began   time.Time
	next    int64
	found   *found
}

func run(planned plan) (*found, error) {
	to, err := address(planned.to)
	if err != nil {
		return nil, err
	}
	poll, err := newPoll()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	l := &loop{plan: planned, to: to, poll: poll, began: began, found: newFound(planned, began)}
	l.clients = make([]client, planned.clients)
	for number := range l.clients {
		l.clients[number] = client{fd: -1, buffer: make([]byte, largest), freed: began}
		l.idle = append(l.idle, number)
	}
	l.untilDone()
	return l.found, nil
}

func (l *loop) untilDone() {
	looked := l.began
	for {
		now := time.Now()
		l.begin(now)
		if l.gone == len(l.clients) || l.gone+len(l.idle) == len(l.clients) && l.due(now).IsZero() {
			return
		}
		for _, event := range l.poll.wait(l.nap(now)) {
			l.news(int(event.Fd))
		}
		if now.Sub(looked) > look {
			looked = now
			l.timeouts(now)
		}
	}
}

// due is when the next request should start, in a closed loop at once. It is zero when there is none.
func (l *loop) due(now time.Time) time.Time {
	when := now
	if l.plan.rate > 0 {
		when = l.began.Add(time.Duration(float64(l.next) / l.plan.rate * float64(time.Second)))
	}
	if l.plan.count > 0 && l.next >= l.plan.count || !when.Before(l.found.ended) {
		return time.Time{}
	}
	return when
}

// nap is how long nothing will be due.
func (l *loop) nap(now time.Time) time.Duration {
	due := l.due(now)
	if len(l.idle) == 0 || due.IsZero() {
		return look
	}
	return min(look, due.Sub(now))
}

// begin gives idle clients the requests that are due. A request that was due while its client was busy is timed from
// when it was due; any other from now: how late the kernel woke this thread is no fault of the server.
func (l *loop) begin(now time.Time) {
	for ready := len(l.idle); ready > 0; ready-- {
		due := l.due(now)
		if due.IsZero() || due.After(now) {
			return
		}
		number := l.idle[0]
		l.idle = append(l.idle[:0], l.idle[1:]...)
		l.next++
		if !due.Before(l.clients[number].freed) {
			due = now
		}
		l.ask(number, due)
	}
}

func (l *loop) ask(number int, start time.Time) {
	c := &l.clients[number]
	c.start, c.busy, c.filled, c.head = start, true, 0, head{}
	operation := syscall.EPOLL_CTL_MOD
	if c.fd < 0 {
		operation = syscall.EPOLL_CTL_ADD
		if err := c.open(&l.to); err != nil {
			l.finish(number, kind(err))
			return
		}
	}
	l.send(number, operation)
}

func (l *loop) send(number, operation int) {
	c := &l.clients[number]
	sent, err := c.write(l.plan.request)
	if err == nil && (operation == syscall.EPOLL_CTL_ADD || c.writing == sent) {
		err = l.poll.watch(operation, c.fd, number, !sent)
	}
	c.writing = !sent
	if err != nil {
		l.finish(number, kind(err))
	}
}

// news is that a connection can be written to, that something arrived, or that it ended.
func (l *loop) news(number int) {
	c := &l.clients[number]
	if c.fd < 0 {
		return
	}
	if !c.busy {
		c.close() // the server gave up a connection that nobody was using
		return
	}
	if c.writing {
		l.send(number, syscall.EPOLL_CTL_MOD)
		return
	}
	whole, err := c.read()
	switch {
	case err != nil:
		l.finish(number, kind(err))
	case whole:
		l.finish(number, c.outcome())
	}
}

func (l *loop) finish(number int, outcome string) {
	c, now := &l.clients[number], time.Now()
	if outcome != ok || !l.plan.keep || !c.head.keep {
		c.close()
	}
	l.found.note(c.start, now, outcome)
	c.busy, c.freed = false, now
	if l.plan.untilRefused && outcome == "refused" {
		l.gone++
		return
	}
	l.idle = append(l.idle, number)
}

func (l *loop) timeouts(now time.Time) {
	for number := range l.clients {
		if c := &l.clients[number]; c.busy && now.Sub(c.start) > l.plan.timeout {
			l.finish(number, "timeout")
		}
	}
}
