// Package service runs a program of the platform from its start to its end: environment, logs, /health, HTTP, signals.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/env"
	"aob.dev/platform/common/health"
	"aob.dev/platform/common/logging"
	"aob.dev/platform/common/requestid"
)

// Program is what a service adds to what all of them do; any of its fields may be nil.
type Program struct {
	Handler http.Handler
	// Background runs until its context ends, and then has SHUTDOWN_TIMEOUT to return. An earlier return stops the service.
	Background func(context.Context) error
	// Close comes last, when nothing is served any more.
	Close func() error
}

// Build makes the program; ctx ends when the service is told to stop, while requests in flight go on.
type Build func(ctx context.Context, vars *env.Reader) (Program, error)

// Main does not return: the process exits with 0 after SIGTERM or SIGINT, and with 1 when it could not run.
// With the argument `health` it is the image's health check instead.
func Main(name string, build Build) {
	if len(os.Args) == 2 && os.Args[1] == probeCommand {
		probe()
	}
	ctx, restore := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, restore)

	vars := env.From(os.Getenv)
	level, levelErr := logging.ParseLevel(vars.String("LOG_LEVEL", "info"))
	slog.SetDefault(logging.New(os.Stderr, name, level))
	err := levelErr
	if err == nil {
		err = run(ctx, name, vars, build)
	}
	if err != nil {
		slog.Error("service failed", "error", err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

func probe() {
	if err := Probe(env.From(os.Getenv)); err != nil {
		fmt.Fprintln(os.Stderr, "not healthy:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(ctx context.Context, name string, vars *env.Reader, build Build) error {
	address := net.JoinHostPort(vars.String("HOST", ""), strconv.Itoa(vars.Port("PORT", 8081)))
	timeout := vars.Duration("SHUTDOWN_TIMEOUT", 10*time.Second)
	program, err := build(ctx, vars)
	if program.Close != nil {
		defer func() {
			if err := program.Close(); err != nil {
				slog.Error("not closed properly", "error", err.Error())
			}
		}()
	}
	if err := errors.Join(vars.Err(), err); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	return Serve(ctx, listener, name, program, timeout)
}

// Serve runs the program on the listener until ctx ends, and stops it within the timeout.
func Serve(ctx context.Context, listener net.Listener, name string, program Program, timeout time.Duration) error {
	handler := program.Handler
	if handler == nil {
		handler = api.Handler(api.NotFound)
	}
	gate := health.NewGate(name, handler)
	server := &http.Server{
		Handler:           requestid.Middleware(logged(gate)),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	served := async(func() error { return server.Serve(listener) })
	worked := background(ctx, program)
	slog.Info("started", "address", listener.Addr().String())

	select {
	case err := <-served:
		return err
	case err := <-worked:
		if ctx.Err() == nil {
			return errors.Join(err, server.Close())
		}
		// It ended because it was told to, which may be seen before ctx is: what is in flight is to be finished.
		worked = async(func() error { return err })
	case <-ctx.Done():
	}
	slog.Info("stopping", "timeout", timeout.String())
	return stop(server, gate, worked, timeout)
}

// The listener stays open until the rest is done, so that /health can say `stopping`.
func stop(server *http.Server, gate *health.Gate, worked <-chan error, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	late := gate.Close(ctx)
	var err error
	select {
	case err = <-worked:
	case <-ctx.Done():
		late = ctx.Err()
	}
	if late != nil {
		slog.Warn("stopped with work in flight", "timeout", timeout.String())
		return errors.Join(err, server.Close())
	}
	// What is left are idle connections and answers of /health.
	last, cancelLast := context.WithTimeout(context.Background(), time.Second)
	defer cancelLast()
	if server.Shutdown(last) != nil {
		err = errors.Join(err, server.Close())
	}
	slog.Info("stopped")
	return err
}

func background(ctx context.Context, program Program) <-chan error {
	if program.Background == nil {
		return async(func() error {
			<-ctx.Done()
			return nil
		})
	}
	return async(func() error { return program.Background(ctx) })
}

func async(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}
