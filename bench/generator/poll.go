package main

import (
	"syscall"
	"time"
	"unsafe"
)

const sysEpollPwait2 = 441 // Linux 5.11; its time-out counts nanoseconds, where epoll_wait's counts milliseconds

// poll tells which clients' connections have news.
type poll struct {
	fd     int
	events [1024]syscall.EpollEvent
}

func newPoll() (*poll, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return &poll{fd: fd}, err
}

// watch has a connection's client told when something arrives, or when it can be written to.
func (p *poll) watch(operation, fd, number int, writing bool) error {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(number)}
	if writing {
		event.Events = syscall.EPOLLOUT
	}
	return syscall.EpollCtl(p.fd, operation, fd, &event)
}

// wait gives the numbers of the clients that have news. The thread is this program's only one that works, so the
// runtime need not know that it sleeps.
func (p *poll) wait(atMost time.Duration) []syscall.EpollEvent {
	timeout := syscall.NsecToTimespec(max(0, atMost.Nanoseconds()))
	count, _, errno := syscall.RawSyscall6(
		sysEpollPwait2,
		uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)),
		uintptr(unsafe.Pointer(&timeout)),
		0,
		0,
	)
	if errno != 0 {
		return nil
	}
	return p.events[:count]
}
