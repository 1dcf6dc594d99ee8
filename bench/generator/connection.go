package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const ok = "ok"

var (
	errClosed     = errors.New("closed")
	errUnreadable = errors.New("unreadable")
	ending        = []byte("\r\n\r\n")
	newline       = []byte("\r\n")
)

// client asks over one connection, or over one for each request. It never waits: the loop calls it when there is news.
type client struct {
	fd      int
	server  *server
	busy    bool
	writing bool
	start   time.Time
	freed   time.Time
	buffer  []byte
	filled  int
	head    head
}

// head is what matters of an answer's head; size is 0 until it has arrived.
type head struct {
	size, length, status int
	keep                 bool
}

// open connects, as far as that is possible at once: on loopback the connection stands when the call returns.
func (c *client) open(to *syscall.SockaddrInet4) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.fd = fd
	if err = syscall.Connect(fd, to); err == syscall.EINPROGRESS {
		return nil
	}
	return err
}

func (c *client) close() {
	if c.fd >= 0 {
		syscall.Close(c.fd)
		c.fd = -1
	}
}

// write sends the request; false while the connection does not stand yet.
func (c *client) write(request []byte) (bool, error) {
	sent, err := syscall.Write(c.fd, request)
	if err == syscall.EAGAIN || err == syscall.ENOTCONN {
		return false, nil
	}
	if err == nil && sent < len(request) {
		err = errUnreadable // a request of a few hundred bytes fits into any socket's buffer
	}
	return true, err
}

// read takes what has arrived; true once the answer is whole.
func (c *client) read() (bool, error) {
	got, err := syscall.Read(c.fd, c.buffer[c.filled:])
	switch {
	case err == syscall.EAGAIN:
		return false, nil
	case err != nil:
		return false, err
	case got == 0:
		return false, errClosed
	}
	c.filled += got
	if c.head.size == 0 {
		if err = c.readHead(); err != nil || c.head.size == 0 {
			return false, err
		}
	}
	whole := c.head.size + c.head.length
	if whole > len(c.buffer) {
		return false, errUnreadable
	}
	return c.filled >= whole, nil
}

// outcome of a whole answer.
func (c *client) outcome() string {
	if c.head.status == 200 {
		return ok
	}
	return "status " + strconv.Itoa(c.head.status)
}

// readHead understands what the servers here say: a status, a Content-Length, and perhaps Connection.
func (c *client) readHead() error {
	end := bytes.Index(c.buffer[:c.filled], ending)
	if end < 0 {
		return nil
	}
	line, rest, _ := bytes.Cut(c.buffer[:end], newline)
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return errUnreadable
	}
	found := head{size: end + len(ending), length: -1, keep: line[7] == '1'}
	var err error
	if found.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return errUnreadable
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, newline)
		if value, is := header(line, "content-length:"); is {
			if found.length, err = strconv.Atoi(value); err != nil {
				return errUnreadable
			}
		} else if value, is := header(line, "connection:"); is {
			found.keep = !strings.EqualFold(value, "close")
		}
	}
	if found.length < 0 {
		return errUnreadable
	}
	c.head = found
	return nil
}

func header(line []byte, name string) (string, bool) {
	if len(line) < len(name) || !strings.EqualFold(string(line[:len(name)]), name) {
		return "", false
	}
	return strings.TrimSpace(string(line[len(name):])), true
}

func address(text string) (syscall.SockaddrInet4, error) {
	parsed, err := netip.ParseAddrPort(text)
	if err != nil || !parsed.Addr().Is4() {
		return syscall.SockaddrInet4{}, fmt.Errorf("%q is not an IPv4 address and a port", text)
	}
	return syscall.SockaddrInet4{Port: int(parsed.Port()), Addr: parsed.Addr().As4()}, nil
}

func kind(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	default:
		return err.Error()
	}
}
