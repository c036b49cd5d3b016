// Package env reads a service's configuration from its environment.
package env

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"aob.dev/platform/common/duration"
)

// Reader collects every mistake, so that one start reports all of them.
type Reader struct {
	lookup func(string) string
	errs   []error
}

// From takes os.Getenv or a map's lookup; an empty variable counts as unset.
func From(lookup func(string) string) *Reader { return &Reader{lookup: lookup} }

func (r *Reader) String(name, fallback string) string {
	if text := r.lookup(name); text != "" {
		return text
	}
	return fallback
}

// Count is a whole number of at least 1.
func (r *Reader) Count(name string, fallback int) int {
	return parsed(r, name, fallback, func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("`%s` is not a whole number above 0", text)
		}
		return n, nil
	})
}

// Port is a TCP port; 0 lets the system choose one.
func (r *Reader) Port(name string, fallback int) int {
	return parsed(r, name, fallback, func(text string) (int, error) {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("`%s` is not a port", text)
		}
		return int(n), nil
	})
}

// Duration is longer than no time at all.
func (r *Reader) Duration(name string, fallback time.Duration) time.Duration {
	return parsed(r, name, fallback, func(text string) (time.Duration, error) {
		d, err := duration.Parse(text)
		if err == nil && d == 0 {
			err = errors.New("a duration above 0 is needed")
		}
		return d.Std(), err
	})
}

// URL is the address of a service, without a slash at its end.
func (r *Reader) URL(name, fallback string) string {
	return parsed(r, name, fallback, func(text string) (string, error) {
		address, err := url.Parse(text)
		if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
			return "", fmt.Errorf("`%s` is not an address like `http://host:8081`", text)
		}
		return strings.TrimRight(text, "/"), nil
	})
}

// Err is nil when every variable read so far was understood.
func (r *Reader) Err() error { return errors.Join(r.errs...) }

func parsed[T any](r *Reader, name string, fallback T, parse func(string) (T, error)) T {
	text := r.lookup(name)
	if text == "" {
		return fallback
	}
	value, err := parse(text)
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("%s: %w", name, err))
		return fallback
	}
	return value
}
