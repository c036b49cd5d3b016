// Package runs keeps the runs of workflows, and leases them to runners.
//
// Every change is on disk before anyone is told of it. Runs that are not over are also in memory, under one lock.
package runs

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/store"
	"aob.dev/platform/common/workflow"
)

const (
	records         = store.Bucket[record]("runs")
	idempotencyKeys = store.Bucket[string]("idempotency_keys")
)

// A record of a run whose lease has expired is queued and still has its lease: until another runner takes the run, the first
// one can come back to it.
type record struct {
	Run   workflow.Run `json:"run"`
	Lease *lease       `json:"lease,omitempty"`
}

type lease struct {
	ID        string    `json:"id"`
	Runner    string    `json:"runner"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Registry is safe for concurrent use.
type Registry struct {
	kept          *store.Store
	leaseDuration time.Duration
	now           func() time.Time

	mu      sync.Mutex
	open    map[string]record
	leased  map[string]string
	changed map[string]chan struct{}
	queued  chan struct{}
}

// Open finds the runs an earlier registry left at the path.
func Open(path string, leaseDuration time.Duration, now func() time.Time) (*Registry, error) {
	kept, err := store.Open(path, string(records), string(idempotencyKeys))
	if err != nil {
		return nil, err
	}
	registry := &Registry{
		kept: kept, leaseDuration: leaseDuration, now: func() time.Time { return now().UTC() },
		open: make(map[string]record), leased: make(map[string]string),
		changed: make(map[string]chan struct{}), queued: make(chan struct{}),
	}
	if err := registry.load(); err != nil {
		return nil, errors.Join(err, kept.Close())
	}
	return registry, nil
}

func (r *Registry) Close() error { return r.kept.Close() }

// Leases start anew: runners could not renew them while there was no registry.
func (r *Registry) load() error {
	return r.kept.View(func(tx store.Tx) error {
		return records.Descend(tx, func(id string, kept record) bool {
			if kept.Run.Status.Over() {
				return true
			}
			if kept.Lease != nil {
				kept.Lease.ExpiresAt = r.now().Add(r.leaseDuration)
				r.leased[kept.Lease.ID] = id
			}
			r.open[id] = kept
			return true
		})
	})
}

// Submit returns false with the run that has the same idempotency key, if there is one.
func (r *Registry) Submit(definition workflow.Definition, input workflow.Input, key string) (workflow.Run, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run, found, err := r.withKey(key); found || err != nil {
		return run, false, err
	}
	now := r.now()
	created := record{Run: workflow.Run{
		ID: newID("r_"), Version: 1, Status: workflow.Queued, Workflow: definition, Input: merged(definition.Input, input),
		Steps: pending(definition.Steps), CreatedAt: now, UpdatedAt: now,
	}}
	err := r.kept.Update(func(tx store.Tx) error {
		if key != "" {
			if err := idempotencyKeys.Put(tx, key, created.Run.ID); err != nil {
				return err
			}
		}
		return records.Put(tx, created.Run.ID, created)
	})
	if err != nil {
		return workflow.Run{}, false, err
	}
	r.open[created.Run.ID] = created
	r.announceQueued()
	return created.Run, true, nil
}

func (r *Registry) withKey(key string) (workflow.Run, bool, error) {
	if key == "" {
		return workflow.Run{}, false, nil
	}
	var kept record
	found := false
	err := r.kept.View(func(tx store.Tx) error {
		id, known, err := idempotencyKeys.Get(tx, key)
		if err != nil || !known {
			return err
		}
		kept, found, err = records.Get(tx, id)
		return err
	})
	return kept.Run, found, err
}

// List is newest first, without outputs, and of workflows has the names only. An empty status means all.
func (r *Registry) List(status workflow.Status, limit int) ([]workflow.Run, error) {
	listed := []workflow.Run{}
	err := r.kept.View(func(tx store.Tx) error {
		return records.Descend(tx, func(_ string, kept record) bool {
			if status == "" || kept.Run.Status == status {
				listed = append(listed, summary(kept.Run))
			}
			return len(listed) < limit
		})
	})
	return listed, err
}

// Get finds runs that are over as well.
func (r *Registry) Get(id string) (workflow.Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.get(id)
}

func (r *Registry) get(id string) (workflow.Run, error) {
	if open, found := r.open[id]; found {
		return open.Run, nil
	}
	var kept record
	err := r.kept.View(func(tx store.Tx) error {
		var found bool
		var err error
		kept, found, err = records.Get(tx, id)
		if err == nil && !found {
			err = api.Errorf(http.StatusNotFound, "not_found", "run `%s` does not exist", id)
		}
		return err
	})
	return kept.Run, err
}

// Cancel takes the run from its runner, who learns of it with the next word on its lease.
func (r *Registry) Cancel(id string) (workflow.Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	run, err := r.get(id)
	if err != nil {
		return run, err
	}
	if run.Status.Over() {
		return run, api.Errorf(http.StatusConflict, "finished", "run `%s` is %s", id, run.Status)
	}
	return r.change(id, func(changing *record) {
		changing.end(workflow.Cancelled, r.now())
	})
}

// change is the one place where an open run becomes another; r.mu is held.
func (r *Registry) change(id string, f func(*record)) (workflow.Run, error) {
	before := r.open[id]
	after := before
	// Answers with the run as it was are still being written.
	after.Run.Steps = maps.Clone(before.Run.Steps)
	f(&after)
	after.Run.Version++
	after.Run.UpdatedAt = r.now()
	err := r.kept.Update(func(tx store.Tx) error { return records.Put(tx, id, after) })
	if err != nil {
		return before.Run, err
	}
	r.open[id] = after
	if after.Run.Status.Over() {
		delete(r.open, id)
	}
	r.moveLease(id, before.Lease, after.Lease)
	r.announceChange(id)
	if after.Run.Status == workflow.Queued {
		r.announceQueued()
	}
	return after.Run, nil
}

func (r *Registry) moveLease(runID string, before, after *lease) {
	if before != nil {
		delete(r.leased, before.ID)
	}
	if after != nil {
		r.leased[after.ID] = runID
	}
}

// end leaves no step behind as if it would still be executed.
func (c *record) end(status workflow.Status, now time.Time) {
	c.Lease = nil
	c.Run.Status = status
	for id, step := range c.Run.Steps {
		if !step.State.Over() {
			step.State, step.FinishedAt = workflow.StepSkipped, &now
			c.Run.Steps[id] = step
		}
	}
}

// ULIDs sort by time, which makes the order of keys on disk that of the list.
func newID(prefix string) string { return prefix + strings.ToLower(ulid.Make().String()) }

func merged(defaults, input workflow.Input) workflow.Input {
	merged := make(workflow.Input, len(defaults)+len(input))
	maps.Copy(merged, defaults)
	maps.Copy(merged, input)
	return merged
}

func pending(steps []workflow.Step) map[string]workflow.StepState {
	states := make(map[string]workflow.StepState, len(steps))
	for _, step := range steps {
		states[step.ID] = workflow.StepState{State: workflow.StepPending}
	}
	return states
}

func summary(run workflow.Run) workflow.Run {
	run.Workflow = workflow.Definition{Name: run.Workflow.Name}
	run.Output = nil
	for id, step := range run.Steps {
		step.Output = nil
		run.Steps[id] = step
	}
	return run
}
