// Package spread executes a step once for each item of a list.
package spread

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/duration"
	"aob.dev/platform/common/reference"
	"aob.dev/platform/common/worker"
)

const defaultConcurrency = 4

// InnerTypes leaves out `approval`, because nobody would see which item they decide on, and `fanout` itself.
var InnerTypes = []string{"agent", "http"}

// Workers executes an attempt of an inner step.
type Workers interface {
	Execute(ctx context.Context, request worker.Request) worker.Result
}

// parameters are the `with` of a `fanout` step.
type parameters struct {
	Items []any `json:"items"`
	Step  struct {
		Type string          `json:"type"`
		With json.RawMessage `json:"with"`
	} `json:"step"`
	Concurrency int   `json:"concurrency"`
	FailFast    *bool `json:"fail_fast"`
}

type output struct {
	Results   []itemResult `json:"results"`
	Succeeded int          `json:"succeeded"`
	Failed    int          `json:"failed"`
}

type itemResult struct {
	Index  int             `json:"index"`
	Status worker.Status   `json:"status"`
	Output json.RawMessage `json:"output,omitempty"`
	Error  string          `json:"error,omitempty"`
}

func Handler(workers Workers) http.Handler {
	mux := api.NewMux()
	mux.Handle("POST /v1/execute", worker.Handler("fanout", func(ctx context.Context, request worker.Request) (worker.Result, error) {
		with, err := read(request)
		if err != nil {
			return worker.Result{}, err
		}
		return spread{workers, request, with}.execute(ctx), nil
	}))
	return mux
}

func read(request worker.Request) (parameters, error) {
	with, err := worker.With[parameters](request)
	switch {
	case err != nil:
		return with, err
	case with.Items == nil:
		return with, worker.InvalidStep("step `%s`: `items` is needed, and a list", request.StepID)
	case !slices.Contains(InnerTypes, with.Step.Type):
		return with, worker.InvalidStep("step `%s`: a fan-out is over steps of type %s, not `%s`",
			request.StepID, strings.Join(InnerTypes, " or "), with.Step.Type)
	case with.Concurrency < 0:
		return with, worker.InvalidStep("step `%s`: `concurrency` is %d", request.StepID, with.Concurrency)
	case with.Concurrency == 0:
		with.Concurrency = defaultConcurrency
	}
	return with, nil
}

type spread struct {
	workers Workers
	request worker.Request
	with    parameters
}

// The error of an item, which ends a spread that fails fast.
type itemError struct {
	index  int
	result worker.Result
}

func (e *itemError) Error() string { return fmt.Sprintf("item %d: %s", e.index, e.result.Error) }

func (s spread) execute(ctx context.Context) worker.Result {
	failFast := s.with.FailFast == nil || *s.with.FailFast
	results := make([]worker.Result, len(s.with.Items))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(s.with.Concurrency)
	for index, item := range s.with.Items {
		group.Go(func() error {
			if groupCtx.Err() != nil {
				return nil
			}
			results[index] = s.executeItem(groupCtx, index, item)
			if failFast && results[index].Status != worker.StatusSucceeded {
				return &itemError{index, results[index]}
			}
			return nil
		})
	}
	err := group.Wait()
	if ctx.Err() != nil {
		return worker.FailedForNow("interrupted: %v", ctx.Err())
	}
	if failed, is := err.(*itemError); is {
		return worker.Result{Status: worker.StatusFailed, Error: failed.Error(), Retryable: failed.result.Retryable}
	}
	return worker.Succeeded(summary(results))
}

func (s spread) executeItem(ctx context.Context, index int, item any) worker.Result {
	with, err := reference.Scope{"item": item, "index": index}.Resolve(s.with.Step.With)
	if err != nil {
		return worker.Failed("%v", err)
	}
	request := worker.Request{
		RunID: s.request.RunID, StepID: fmt.Sprintf("%s.%d", s.request.StepID, index), Attempt: s.request.Attempt,
		Type: s.with.Step.Type, With: with, Timeout: s.request.Timeout,
	}
	for {
		if deadline, limited := ctx.Deadline(); limited {
			request.Timeout = duration.Duration(max(time.Until(deadline), time.Millisecond))
		}
		result := s.workers.Execute(ctx, request)
		if result.Status != worker.StatusWaiting {
			return result
		}
		select {
		case <-time.After(result.RetryAfter.Std()):
		case <-ctx.Done():
			return worker.FailedForNow("interrupted: %v", ctx.Err())
		}
	}
}

func summary(results []worker.Result) output {
	out := output{Results: make([]itemResult, len(results))}
	for index, result := range results {
		out.Results[index] = itemResult{index, result.Status, result.Output, result.Error}
		if result.Status == worker.StatusSucceeded {
			out.Succeeded++
		} else {
			out.Failed++
		}
	}
	return out
}
