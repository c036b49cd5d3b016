package client_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/duration"
	"aob.dev/platform/common/env"
	"aob.dev/platform/common/worker"
	"aob.dev/platform/common/worker/client"
)

func pool(t *testing.T, handler api.Handler) *client.Pool {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return client.New(map[string]string{"http": server.URL})
}

var request = worker.Request{
	RunID: "r_1", StepID: "a", Attempt: 1, Type: "http", Timeout: duration.Duration(time.Minute),
}

func TestExecute(t *testing.T) {
	succeeding := func(_ context.Context, got worker.Request) (worker.Result, error) {
		return worker.Succeeded(got.StepID), nil
	}
	refusing := func(context.Context, worker.Request) (worker.Result, error) {
		return worker.Result{}, worker.InvalidStep("no url")
	}
	for name, c := range map[string]struct {
		handler   api.Handler
		status    worker.Status
		retryable bool
	}{
		"succeeded": {worker.Handler("http", succeeding), worker.StatusSucceeded, false},
		"refused":   {worker.Handler("http", refusing), worker.StatusFailed, false},
		"broken": {func(http.ResponseWriter, *http.Request) error {
			return api.Errorf(500, "internal", "oops")
		}, worker.StatusFailed, true},
		"hung up": {func(http.ResponseWriter, *http.Request) error {
			panic(http.ErrAbortHandler)
		}, worker.StatusFailed, true},
	} {
		got := pool(t, c.handler).Execute(context.Background(), request)
		if got.Status != c.status || got.Retryable != c.retryable {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestUnknownType(t *testing.T) {
	vars := env.From(func(string) string { return "" })
	unknown := request
	unknown.Type = "fanout"
	if got := client.FromEnvironment(vars, "http").Execute(context.Background(), unknown); got.Status != worker.StatusFailed || got.Retryable {
		t.Errorf("%+v", got)
	}
}
