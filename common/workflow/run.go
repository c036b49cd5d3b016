package workflow

import (
	"encoding/json"
	"time"
)

// Status is that of a run.
type Status string

const (
	Queued    Status = "queued"
	Running   Status = "running"
	Waiting   Status = "waiting"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
	Cancelled Status = "cancelled"
)

// Statuses are all there are, in the order a run may pass through them.
var Statuses = []Status{Queued, Running, Waiting, Succeeded, Failed, Cancelled}

// Over is true for a run that will not change again.
func (s Status) Over() bool { return s == Succeeded || s == Failed || s == Cancelled }

// State is that of a step.
type State string

const (
	StepPending   State = "pending"
	StepRunning   State = "running"
	StepWaiting   State = "waiting"
	StepSucceeded State = "succeeded"
	StepFailed    State = "failed"
	StepSkipped   State = "skipped"
)

// Over is true for a step that will not be executed again.
func (s State) Over() bool { return s == StepSucceeded || s == StepFailed || s == StepSkipped }

// Known is false for a state that does not exist.
func (s State) Known() bool {
	return s == StepPending || s == StepRunning || s == StepWaiting || s.Over()
}

// Run is one execution of a workflow.
type Run struct {
	ID        string               `json:"id"`
	Version   int                  `json:"version"`
	Status    Status               `json:"status"`
	Workflow  Definition           `json:"workflow"`
	Input     Input                `json:"input"`
	Steps     map[string]StepState `json:"steps"`
	Output    json.RawMessage      `json:"output,omitempty"`
	Error     string               `json:"error,omitempty"`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
}

// StepState is how far a step of a run has come.
type StepState struct {
	State      State           `json:"state"`
	Attempt    int             `json:"attempt"`
	Output     json.RawMessage `json:"output,omitempty"`
	Error      string          `json:"error,omitempty"`
	StartedAt  *time.Time      `json:"started_at,omitempty"`
	FinishedAt *time.Time      `json:"finished_at,omitempty"`
}

// Activity is `waiting` when no step runs and one waits for a person, and otherwise `running`.
func (r Run) Activity() Status {
	activity := Running
	for _, step := range r.Steps {
		switch step.State {
		case StepRunning:
			return Running
		case StepWaiting:
			activity = Waiting
		}
	}
	return activity
}
