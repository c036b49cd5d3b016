package service

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"aob.dev/platform/common/env"
)

const (
	probeCommand = "health"
	probeTimeout = 3 * time.Second
)

// Probe asks the service that runs with the same environment how it is; images have no other program that could.
// It speaks HTTP by hand: net/http's client would make binaries that need none a quarter of a megabyte larger.
func Probe(vars *env.Reader) error {
	host := vars.String("HOST", "")
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	address := net.JoinHostPort(host, strconv.Itoa(vars.Port("PORT", 8081)))
	if err := vars.Err(); err != nil {
		return err
	}
	connection, err := net.DialTimeout("tcp", address, probeTimeout)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(probeTimeout)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(connection, "GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", address); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the service answers %s", answer.Status)
	}
	return nil
}
