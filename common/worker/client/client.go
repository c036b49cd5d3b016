// Package client sends steps to the workers that execute them.
package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/env"
	"aob.dev/platform/common/httpclient"
	"aob.dev/platform/common/worker"
)

// A worker that restarts is back within this time; one that is away for longer costs an attempt.
const patience = 15 * time.Second

// A worker reports a timeout itself; the caller gives up only when that report stays away.
const grace = 2 * time.Second

type address struct{ variable, fallback string }

var addresses = map[string]address{
	"http":     {"HTTP_WORKER_URL", "http://http-worker:8081"},
	"approval": {"HITL_WORKER_URL", "http://hitl-worker:8081"},
	"fanout":   {"FANOUT_URL", "http://fanout:8081"},
	"agent":    {"AGENT_RUNNER_URL", "http://agent-runner:8081"},
}

// Pool knows a worker for each type of step.
type Pool struct{ clients map[string]*httpclient.Client }

// New takes the workers' addresses by step type.
func New(urls map[string]string) *Pool {
	clients := make(map[string]*httpclient.Client, len(urls))
	for stepType, url := range urls {
		clients[stepType] = httpclient.New(url, patience)
	}
	return &Pool{clients}
}

// FromEnvironment reads the addresses of the workers for these step types.
func FromEnvironment(vars *env.Reader, stepTypes ...string) *Pool {
	urls := make(map[string]string, len(stepTypes))
	for _, stepType := range stepTypes {
		urls[stepType] = vars.URL(addresses[stepType].variable, addresses[stepType].fallback)
	}
	return New(urls)
}

// Execute has every failure in its result, also that no worker was there. When ctx ends the result says nothing.
func (p *Pool) Execute(ctx context.Context, request worker.Request) worker.Result {
	client, found := p.clients[request.Type]
	if !found {
		return worker.Failed("no worker executes steps of type `%s`", request.Type)
	}
	limited, cancel := context.WithTimeout(ctx, request.Timeout.Std()+grace)
	defer cancel()
	var result worker.Result
	_, err := client.Do(limited, httpclient.Call{
		Method: http.MethodPost, Path: "/v1/execute", Body: request, Into: &result,
	})
	if err != nil {
		return failure(request, err)
	}
	return result
}

func failure(request worker.Request, err error) worker.Result {
	var answer *api.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return worker.FailedForNow("timed out after %s", request.Timeout)
	case errors.As(err, &answer) && answer.Status < http.StatusInternalServerError:
		return worker.Failed("refused by the worker: %s", answer.Message)
	}
	return worker.FailedForNow("the worker for `%s` failed: %v", request.Type, err)
}
