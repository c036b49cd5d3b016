// Package workflow is the language of the platform: definitions of workflows, and runs of them.
package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"aob.dev/platform/common/duration"
)

const defaultTimeout = 60 * time.Second

var (
	namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	stepTypes   = []string{"agent", "approval", "fanout", "http"}
)

// Definition is valid once Parse has returned it.
type Definition struct {
	Name   string          `json:"name"`
	Input  Input           `json:"input,omitempty"`
	Steps  []Step          `json:"steps,omitempty"`
	Output json.RawMessage `json:"output,omitempty"`
}

// Input stays as it was written: decoded numbers would lose digits on their way through the services.
type Input map[string]json.RawMessage

// Step is one node of a definition's graph.
type Step struct {
	ID      string            `json:"id"`
	Type    string            `json:"type"`
	Needs   []string          `json:"needs,omitempty"`
	With    json.RawMessage   `json:"with,omitempty"`
	Timeout duration.Duration `json:"timeout,omitempty"`
	Retries int               `json:"retries,omitempty"`
}

// AttemptTimeout is how long one attempt may take.
func (s Step) AttemptTimeout() time.Duration {
	if s.Timeout == 0 {
		return defaultTimeout
	}
	return s.Timeout.Std()
}

// Parse reads a definition and checks it; the error tells the author of the workflow what to mend.
func Parse(raw json.RawMessage) (Definition, error) {
	var definition Definition
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&definition); err != nil {
		return Definition{}, fmt.Errorf("the workflow is not understood: %w", err)
	}
	return definition, definition.validate()
}

func (d Definition) validate() error {
	if !namePattern.MatchString(d.Name) {
		return fmt.Errorf("the workflow's name `%s` does not match `%s`", d.Name, namePattern)
	}
	if len(d.Steps) == 0 {
		return fmt.Errorf("workflow `%s` has no steps", d.Name)
	}
	known := make(map[string]bool, len(d.Steps))
	for _, step := range d.Steps {
		if err := step.validate(); err != nil {
			return err
		}
		if known[step.ID] {
			return fmt.Errorf("step id `%s` repeats", step.ID)
		}
		known[step.ID] = true
	}
	return d.validateNeeds(known)
}

func (s Step) validate() error {
	switch {
	case !namePattern.MatchString(s.ID):
		return fmt.Errorf("the step id `%s` does not match `%s`", s.ID, namePattern)
	case !slices.Contains(stepTypes, s.Type):
		return fmt.Errorf("step `%s` has unknown type `%s`; known are %s", s.ID, s.Type, strings.Join(stepTypes, ", "))
	case s.Retries < 0:
		return fmt.Errorf("step `%s` has %d retries", s.ID, s.Retries)
	}
	return nil
}

func (d Definition) validateNeeds(known map[string]bool) error {
	for _, step := range d.Steps {
		for _, need := range step.Needs {
			if !known[need] {
				return fmt.Errorf("step `%s` needs `%s`, which is no step", step.ID, need)
			}
		}
	}
	if cycle := d.cycle(); cycle != nil {
		return fmt.Errorf("needs form a cycle: %s", strings.Join(cycle, " -> "))
	}
	return nil
}

// cycle returns the ids along one cycle of needs, its first id repeated at the end, or nil.
func (d Definition) cycle() []string {
	needs := make(map[string][]string, len(d.Steps))
	for _, step := range d.Steps {
		needs[step.ID] = step.Needs
	}
	done := make(map[string]bool, len(d.Steps))
	var path []string
	var visit func(id string) []string
	visit = func(id string) []string {
		if start := slices.Index(path, id); start >= 0 {
			return append(slices.Clone(path[start:]), id)
		}
		if done[id] {
			return nil
		}
		path = append(path, id)
		for _, need := range needs[id] {
			if cycle := visit(need); cycle != nil {
				return cycle
			}
		}
		path = path[:len(path)-1]
		done[id] = true
		return nil
	}
	for _, step := range d.Steps {
		if cycle := visit(step.ID); cycle != nil {
			return cycle
		}
	}
	return nil
}
