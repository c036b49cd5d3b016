package execution

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/workflow"
)

// execution is one run under one lease. Its fields belong to the goroutine of execute.
type execution struct {
	runner   *Runner
	lose     context.CancelCauseFunc
	stopping context.Context
	leaseID  string
	run      workflow.Run
	steps    map[string]workflow.StepState
	inFlight map[string]bool
	reports  chan report
	placed   bool
}

// report is a step's new state. With the last one the step is out of flight, whether it is over or interrupted.
type report struct {
	stepID string
	state  workflow.StepState
	last   bool
}

func (r *Runner) newExecution(stopping context.Context, lose context.CancelCauseFunc, grant *workflow.Grant) *execution {
	return &execution{
		runner: r, lose: lose, stopping: stopping, leaseID: grant.Lease.ID, run: grant.Run,
		steps: maps.Clone(grant.Run.Steps), inFlight: make(map[string]bool), reports: make(chan report), placed: true,
	}
}

// execute returns how the run ends, or why it does not end here. The caller has taken a place for it.
func (e *execution) execute(ctx context.Context) (workflow.Ending, error) {
	defer e.leavePlace()
	// Ends what waits or would be tried again, while calls to workers go on.
	patience, hurry := context.WithCancel(ctx)
	defer hurry()
	defer context.AfterFunc(e.stopping, hurry)()

	for {
		if e.isEnding() {
			hurry()
		}
		if patience.Err() == nil {
			e.startReady(ctx, patience)
		}
		if len(e.inFlight) == 0 {
			break
		}
		e.take(ctx, <-e.reports)
	}
	if err := context.Cause(ctx); err != nil {
		return workflow.Ending{}, err
	}
	return e.ending()
}

func (e *execution) startReady(ctx, patience context.Context) {
	for _, definition := range e.run.Workflow.Steps {
		if !e.isReady(definition) {
			continue
		}
		e.inFlight[definition.ID] = true
		with, err := e.resolved(definition)
		step := step{
			definition: definition, runID: e.run.ID, with: with, state: e.steps[definition.ID],
			runner: e.runner, reports: e.reports,
		}
		if err != nil {
			go step.refuse(err)
			continue
		}
		go step.execute(ctx, patience)
	}
}

// isEnding is true when no step is to begin any more.
func (e *execution) isEnding() bool { return e.failed() != "" || e.stopping.Err() != nil }

// isReady also holds for a step that an earlier lease had begun.
func (e *execution) isReady(definition workflow.Step) bool {
	if e.steps[definition.ID].State.Over() || e.inFlight[definition.ID] {
		return false
	}
	for _, need := range definition.Needs {
		if e.steps[need].State != workflow.StepSucceeded {
			return false
		}
	}
	return true
}

func (e *execution) take(ctx context.Context, report report) {
	before := e.steps[report.stepID]
	e.steps[report.stepID] = report.state
	if report.last {
		delete(e.inFlight, report.stepID)
	}
	if before.State != report.state.State || before.Attempt != report.state.Attempt {
		e.record(ctx, report.stepID)
	}
	if err := e.movePlace(ctx); err != nil {
		e.lose(err)
	}
}

func (e *execution) record(ctx context.Context, stepID string) {
	state := e.steps[stepID]
	slog.InfoContext(ctx, "step "+string(state.State), "run_id", e.run.ID, "step_id", stepID,
		"attempt", state.Attempt, "error", state.Error)
	err := e.runner.Orchestrator.RecordStep(ctx, e.leaseID, stepID, update(state))
	if api.IsCode(err, "too_large") {
		// The next lease would execute the step again, to the same end.
		state.State, state.Output, state.Error = workflow.StepFailed, nil, "the output is larger than the orchestrator takes"
		e.steps[stepID] = state
		err = e.runner.Orchestrator.RecordStep(ctx, e.leaseID, stepID, update(state))
	}
	if err != nil {
		e.lose(err)
	}
}

func update(state workflow.StepState) workflow.StepUpdate {
	return workflow.StepUpdate{State: state.State, Attempt: state.Attempt, Output: state.Output, Error: state.Error}
}

// movePlace gives the place to other runs while all that is left of this one waits for people.
func (e *execution) movePlace(ctx context.Context) error {
	if e.isBusy() {
		return e.takePlace(ctx)
	}
	e.leavePlace()
	return nil
}

func (e *execution) isBusy() bool {
	for id := range e.inFlight {
		if e.steps[id].State != workflow.StepWaiting {
			return true
		}
	}
	if e.isEnding() {
		return false
	}
	return slices.ContainsFunc(e.run.Workflow.Steps, e.isReady)
}

func (e *execution) takePlace(ctx context.Context) error {
	if e.placed {
		return nil
	}
	if err := e.runner.places.take(ctx); err != nil {
		return err
	}
	e.placed = true
	return nil
}

func (e *execution) leavePlace() {
	if e.placed {
		e.runner.places.leave()
		e.placed = false
	}
}

// failed is the first failed step in the order of the definition.
func (e *execution) failed() string {
	for _, definition := range e.run.Workflow.Steps {
		if e.steps[definition.ID].State == workflow.StepFailed {
			return definition.ID
		}
	}
	return ""
}

func (e *execution) ending() (workflow.Ending, error) {
	if id := e.failed(); id != "" {
		return failure("step `%s` failed: %s", id, e.steps[id].Error), nil
	}
	for _, state := range e.steps {
		if state.State != workflow.StepSucceeded {
			return workflow.Ending{}, errStopping
		}
	}
	output, err := e.output()
	if err != nil {
		return failure("the output of the workflow: %v", err), nil
	}
	return workflow.Ending{Status: workflow.Succeeded, Output: output}, nil
}

func failure(format string, args ...any) workflow.Ending {
	return workflow.Ending{Status: workflow.Failed, Error: fmt.Sprintf(format, args...)}
}

func (e *execution) output() (json.RawMessage, error) {
	scope, err := e.scope()
	if err != nil {
		return nil, err
	}
	return scope.Resolve(e.run.Workflow.Output)
}
