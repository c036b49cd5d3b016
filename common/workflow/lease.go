package workflow

import (
	"encoding/json"
	"time"
)

// Lease entitles a runner to execute a run until it expires.
type Lease struct {
	ID        string    `json:"id"`
	RunID     string    `json:"run_id"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Grant is a lease and what it entitles to execute.
type Grant struct {
	Lease Lease `json:"lease"`
	Run   Run   `json:"run"`
}

// StepUpdate is what a runner reports of a step.
type StepUpdate struct {
	State   State           `json:"state"`
	Output  json.RawMessage `json:"output,omitempty"`
	Error   string          `json:"error,omitempty"`
	Attempt int             `json:"attempt"`
}

// Ending is what a runner reports of a run.
type Ending struct {
	Status Status          `json:"status"`
	Output json.RawMessage `json:"output,omitempty"`
	Error  string          `json:"error,omitempty"`
}
