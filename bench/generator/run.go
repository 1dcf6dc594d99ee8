package main

import (
	"math/rand/v2"
	"syscall"
	"time"
)

const (
	largest = 16 << 10              // bytes of an answer
	look    = 50 * time.Millisecond // how often time-outs are looked for
	spare   = 64                    // descriptors that are not clients'
)

// loop is one thread that does everything: with a goroutine for each client, the load would need more of its core than
// the servers need of theirs, and be measured in their place.
type loop struct {
	plan    plan
	servers []*server
	turn    []int // the servers' numbers, in the order in which they are asked this time
	poll    *poll
	clients []client
	gone    int
	began   time.Time
	ended   time.Time
	next    int64
}

// server is one that is asked, by clients of its own.
type server struct {
	to      syscall.SockaddrInet4
	request []byte
	idle    []int
	found   *found
}

func run(planned plan) ([]*found, error) {
	poll, err := newPoll()
	if err != nil {
		return nil, err
	}
	reserve(poll.fd, spare+planned.clients*len(planned.targets))
	l := &loop{plan: planned, poll: poll, began: time.Now()}
	l.ended = l.began.Add(planned.warm + planned.length)
	for number, target := range planned.targets {
		if err := l.add(number, target); err != nil {
			return nil, err
		}
	}
	l.untilDone()
	var all []*found
	for _, server := range l.servers {
		all = append(all, server.found)
	}
	return all, nil
}

// reserve has the kernel make room for so many descriptors. It doubles its table of them when the 64th, the 128th and so
// on is opened, and lets a process of several threads wait for that, 10 to 20 ms: the server would be timed for it. The
// table never shrinks.
func reserve(fd, count int) {
	if copied, _, err := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, uintptr(count)); err == 0 {
		syscall.Close(int(copied))
	}
}

// add another server to those that are asked, with its clients.
func (l *loop) add(number int, target target) error {
	to, err := address(target.to)
	if err != nil {
		return err
	}
	added := &server{to: to, request: target.request, found: newFound(l.plan, l.began)}
	for range l.plan.clients {
		added.idle = append(added.idle, len(l.clients))
		l.clients = append(l.clients, client{fd: -1, server: added, buffer: make([]byte, largest), freed: l.began})
	}
	l.servers = append(l.servers, added)
	l.turn = append(l.turn, number)
	return nil
}

func (l *loop) untilDone() {
	looked := l.began
	for {
		now := time.Now()
		l.begin(now)
		if idle := l.idle(); l.gone == len(l.clients) || l.gone+idle == len(l.clients) && l.due(now).IsZero() {
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

func (l *loop) idle() int {
	sum := 0
	for _, server := range l.servers {
		sum += len(server.idle)
	}
	return sum
}

// due is when the next request should start, in a closed loop at once. It is zero when there is none.
func (l *loop) due(now time.Time) time.Time {
	when := now
	if l.plan.rate > 0 {
		every := float64(time.Second) / l.plan.rate / float64(len(l.servers))
		when = l.began.Add(time.Duration(float64(l.next) * every))
	}
	if l.plan.count > 0 && l.next >= l.plan.count || !when.Before(l.ended) {
		return time.Time{}
	}
	return when
}

// whose is the server that is asked next. Each has its turn, in another order each time: what one leaves behind, warm
// or cold, falls to all of the others alike.
func (l *loop) whose() *server {
	place := int(l.next % int64(len(l.servers)))
	if place == 0 {
		rand.Shuffle(len(l.turn), func(i, j int) { l.turn[i], l.turn[j] = l.turn[j], l.turn[i] })
	}
	return l.servers[l.turn[place]]
}

// nap is how long nothing will be due.
func (l *loop) nap(now time.Time) time.Duration {
	due := l.due(now)
	if l.idle() == 0 || due.IsZero() {
		return look
	}
	return min(look, due.Sub(now))
}

// begin gives idle clients the requests that are due. A request that was due while its client was busy is timed from
// when it was due; any other from now: how late the kernel woke this thread is no fault of the server.
func (l *loop) begin(now time.Time) {
	for ready := l.idle(); ready > 0; ready-- {
		due := l.due(now)
		if due.IsZero() || due.After(now) {
			return
		}
		server := l.whose()
		if len(server.idle) == 0 {
			return
		}
		number := server.idle[0]
		server.idle = append(server.idle[:0], server.idle[1:]...)
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
		if err := c.open(&c.server.to); err != nil {
			l.finish(number, kind(err))
			return
		}
	}
	l.send(number, operation)
}

func (l *loop) send(number, operation int) {
	c := &l.clients[number]
	sent, err := c.write(c.server.request)
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
	c.server.found.note(c.start, now, outcome)
	c.busy, c.freed = false, now
	if l.plan.untilRefused && outcome == "refused" {
		l.gone++
		return
	}
	c.server.idle = append(c.server.idle, number)
}

func (l *loop) timeouts(now time.Time) {
	for number := range l.clients {
		if c := &l.clients[number]; c.busy && now.Sub(c.start) > l.plan.timeout {
			l.finish(number, "timeout")
		}
	}
}
