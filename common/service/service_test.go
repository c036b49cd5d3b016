package service

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"aob.dev/platform/common/env"
)

func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener, "http://" + listener.Addr().String()
}

func TestStopFinishesWhatIsInFlight(t *testing.T) {
	listener, url := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	entered, finish := make(chan struct{}), make(chan struct{})
	program := Program{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-finish
		_, _ = io.WriteString(w, "done")
	})}
	served := async(func() error { return Serve(ctx, listener, "test", program, time.Minute) })

	body := make(chan string, 1)
	go func() {
		answer, err := http.Get(url + "/work")
		if err != nil {
			body <- err.Error()
			return
		}
		text, _ := io.ReadAll(answer.Body)
		body <- string(text)
	}()
	<-entered
	stop()
	waitForStatus(t, url+"/health", http.StatusServiceUnavailable)
	close(finish)
	if got := <-body; got != "done" {
		t.Errorf("the request in flight got %q", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func waitForStatus(t *testing.T, url string, status int) {
	t.Helper()
	for range 500 {
		answer, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == status {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s never answered %d", url, status)
}

func TestLateWorkIsCutOff(t *testing.T) {
	listener, url := listen(t)
	ctx, stop := context.WithCancel(context.Background())
	entered := make(chan struct{})
	program := Program{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})}
	served := async(func() error { return Serve(ctx, listener, "test", program, time.Millisecond) })
	go func() { _, _ = http.Get(url + "/work") }()
	<-entered
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestFailingBackgroundFailsTheService(t *testing.T) {
	listener, _ := listen(t)
	broken := errors.New("broken")
	program := Program{Background: func(context.Context) error { return broken }}
	if err := Serve(context.Background(), listener, "test", program, time.Second); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestBadEnvironmentFailsTheStart(t *testing.T) {
	vars := env.From(func(name string) string { return map[string]string{"PORT": "http"}[name] })
	closed := false
	build := func(context.Context, *env.Reader) (Program, error) {
		return Program{Close: func() error { closed = true; return nil }}, nil
	}
	if err := run(context.Background(), "test", vars, build); err == nil || !closed {
		t.Errorf("got %v, closed: %v", err, closed)
	}
}

func TestProbeAsksTheServiceItself(t *testing.T) {
	for _, test := range []struct {
		status  int
		healthy bool
	}{{http.StatusOK, true}, {http.StatusServiceUnavailable, false}} {
		listener, _ := listen(t)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/health" {
				t.Errorf("asked for %s", r.URL.Path)
			}
			w.WriteHeader(test.status)
		})}
		go func() { _ = server.Serve(listener) }()
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		for _, host := range []string{"", "0.0.0.0", "::", "127.0.0.1"} {
			vars := env.From(func(name string) string { return map[string]string{"HOST": host, "PORT": port}[name] })
			if err := Probe(vars); (err == nil) != test.healthy {
				t.Errorf("a service that answers %d on %q: %v", test.status, host, err)
			}
		}
		server.Close()
		if Probe(env.From(func(name string) string { return map[string]string{"PORT": port}[name] })) == nil {
			t.Error("a service that is gone is healthy")
		}
	}
}
