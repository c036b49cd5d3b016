package execution

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"aob.dev/platform/common/duration"
	"aob.dev/platform/common/worker"
	"aob.dev/platform/common/workflow"
)

// A worker that waits without saying for how long is asked again after this time.
const defaultRetryAfter = time.Second

// step is one step of a run in flight, from the state in which an earlier lease may have left it.
type step struct {
	definition workflow.Step
	runID      string
	with       json.RawMessage
	state      workflow.StepState
	runner     *Runner
	reports    chan<- report
}

// execute makes attempts until one succeeds, none is left, or patience ends. A step that is interrupted keeps its attempt:
// workers know it by that number, and the next lease goes on with it.
func (s step) execute(ctx, patience context.Context) {
	pace := backoff.NewExponentialBackOff()
	if s.state.Attempt == 0 {
		s.state.Attempt = 1
	}
	for {
		if s.state.State != workflow.StepWaiting {
			s.report(workflow.StepRunning)
		}
		result, interrupted := s.attempt(ctx, patience)
		switch {
		case interrupted:
			s.reportLast(s.state.State)
			return
		case result.Status == worker.StatusSucceeded:
			s.state.Output, s.state.Error = result.Output, ""
			s.reportLast(workflow.StepSucceeded)
			return
		}
		s.state.Error = result.Error
		if !result.Retryable || s.state.Attempt > s.definition.Retries {
			s.reportLast(workflow.StepFailed)
			return
		}
		if s.runner.pause(patience, pace.NextBackOff()) != nil {
			s.reportLast(s.state.State)
			return
		}
		s.state.Attempt++
		s.state.State = workflow.StepRunning
	}
}

// attempt asks the worker until it does not wait any more, and returns true when ctx or patience ended before that.
func (s *step) attempt(ctx, patience context.Context) (worker.Result, bool) {
	request := worker.Request{
		RunID: s.runID, StepID: s.definition.ID, Attempt: s.state.Attempt, Type: s.definition.Type,
		With: s.with, Timeout: duration.Duration(s.definition.AttemptTimeout()),
	}
	for {
		result := s.runner.Workers.Execute(ctx, request)
		if ctx.Err() != nil {
			return result, true
		}
		switch result.Status {
		case worker.StatusSucceeded, worker.StatusFailed:
			return result, false
		case worker.StatusWaiting:
		default:
			return worker.Failed("the worker answered with the unknown status `%s`", result.Status), false
		}
		s.report(workflow.StepWaiting)
		wait := result.RetryAfter.Std()
		if wait == 0 {
			wait = defaultRetryAfter
		}
		if s.runner.pause(patience, wait) != nil {
			return result, true
		}
	}
}

// refuse fails a step whose references cannot be resolved.
func (s step) refuse(err error) {
	s.state.Attempt = max(s.state.Attempt, 1)
	s.state.Error = fmt.Sprintf("%v", err)
	s.reportLast(workflow.StepFailed)
}

func (s *step) report(state workflow.State) {
	s.state.State = state
	s.reports <- report{stepID: s.definition.ID, state: s.state}
}

func (s *step) reportLast(state workflow.State) {
	s.state.State = state
	s.reports <- report{stepID: s.definition.ID, state: s.state, last: true}
}
