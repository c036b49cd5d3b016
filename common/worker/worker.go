// Package worker is the protocol between the workflow-runner and those who execute single steps.
package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/duration"
)

// Request asks for one attempt of a step; run, step and attempt together identify it.
type Request struct {
	RunID   string            `json:"run_id"`
	StepID  string            `json:"step_id"`
	Attempt int               `json:"attempt"`
	Type    string            `json:"type"`
	With    json.RawMessage   `json:"with,omitempty"`
	Timeout duration.Duration `json:"timeout,omitempty"`
}

// Status is that of an attempt.
type Status string

const (
	StatusSucceeded Status = "succeeded"
	StatusFailed    Status = "failed"
	StatusWaiting   Status = "waiting"
)

// Result has the fields of its status only.
type Result struct {
	Status     Status            `json:"status"`
	Output     json.RawMessage   `json:"output,omitempty"`
	Error      string            `json:"error,omitempty"`
	Retryable  bool              `json:"retryable,omitempty"`
	RetryAfter duration.Duration `json:"retry_after,omitempty"`
}

func Succeeded(output any) Result {
	raw, err := api.Marshal(output)
	if err != nil {
		return Failed("the output cannot be written as JSON: %v", err)
	}
	return Result{Status: StatusSucceeded, Output: raw}
}

// Failed is final: another attempt would fail as well.
func Failed(format string, args ...any) Result {
	return Result{Status: StatusFailed, Error: fmt.Sprintf(format, args...)}
}

// FailedForNow is worth another attempt.
func FailedForNow(format string, args ...any) Result {
	return Result{Status: StatusFailed, Error: fmt.Sprintf(format, args...), Retryable: true}
}

// Waiting asks to be called again with the same request.
func Waiting(retryAfter time.Duration) Result {
	return Result{Status: StatusWaiting, RetryAfter: duration.Duration(retryAfter)}
}

// Execute carries out an attempt until ctx ends. An error is about the worker or, from InvalidStep, the request; a step that
// fails is a Result.
type Execute func(ctx context.Context, request Request) (Result, error)

// InvalidStep refuses a request that asks for something the worker does not understand.
func InvalidStep(format string, args ...any) error {
	return api.Errorf(http.StatusBadRequest, "invalid_step", format, args...)
}

// With reads the step's parameters, and refuses unknown ones.
func With[T any](request Request) (T, error) {
	var with T
	raw := request.With
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	if err := api.Unmarshal(raw, &with); err != nil {
		return with, InvalidStep("`with` of step `%s`: %v", request.StepID, err)
	}
	return with, nil
}

// Handler answers `POST /v1/execute` for steps of one type.
func Handler(stepType string, execute Execute) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var request Request
		if err := api.Read(w, r, &request); err != nil {
			return err
		}
		if err := request.validate(stepType); err != nil {
			return err
		}
		result, err := request.execute(r.Context(), execute)
		if err != nil {
			return err
		}
		return api.WriteJSON(w, http.StatusOK, result)
	}
}

func (r Request) validate(stepType string) error {
	switch {
	case r.RunID == "" || r.StepID == "" || r.Attempt < 1:
		return api.Errorf(http.StatusBadRequest, "invalid_request", "`run_id`, `step_id` and `attempt` are needed")
	case r.Type != stepType:
		return InvalidStep("step `%s` is of type `%s`; this worker executes `%s`", r.StepID, r.Type, stepType)
	}
	return nil
}

func (r Request) execute(ctx context.Context, execute Execute) (Result, error) {
	if r.Timeout == 0 {
		return execute(ctx, r)
	}
	limited, cancel := context.WithTimeout(ctx, r.Timeout.Std())
	defer cancel()
	result, err := execute(limited, r)
	timedOut := errors.Is(limited.Err(), context.DeadlineExceeded)
	if timedOut && (err != nil || result.Status == StatusFailed) && !api.IsCode(err, "invalid_step") {
		return FailedForNow("timed out after %s", r.Timeout), nil
	}
	return result, err
}
