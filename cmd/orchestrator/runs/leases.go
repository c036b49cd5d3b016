package runs

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/workflow"
)

// Lease waits for a queued run until ctx ends, and then returns nil.
func (r *Registry) Lease(ctx context.Context, runner string) (*workflow.Grant, error) {
	// Even without any patience a run that is there is given; to a caller who is gone it is not.
	for !errors.Is(ctx.Err(), context.Canceled) {
		grant, queued, err := r.leaseOldest(runner)
		if grant != nil || err != nil {
			return grant, err
		}
		select {
		case <-queued:
		case <-ctx.Done():
			return nil, nil
		}
	}
	return nil, nil
}

func (r *Registry) leaseOldest(runner string) (*workflow.Grant, <-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.expire(); err != nil {
		return nil, nil, err
	}
	oldest := ""
	for id, open := range r.open {
		if open.Run.Status == workflow.Queued && (oldest == "" || id < oldest) {
			oldest = id
		}
	}
	if oldest == "" {
		return nil, r.queued, nil
	}
	granted := &lease{ID: newID("l_"), Runner: runner, ExpiresAt: r.now().Add(r.leaseDuration)}
	run, err := r.change(oldest, func(changing *record) {
		changing.Lease = granted
		changing.Run.Status = changing.Run.Activity()
	})
	if err != nil {
		return nil, nil, err
	}
	return &workflow.Grant{Lease: granted.of(oldest), Run: run}, nil, nil
}

// Renew is not written down: a registry that starts gives every lease its full time.
func (r *Registry) Renew(leaseID string) (workflow.Lease, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	runID, err := r.hold(leaseID)
	if err != nil {
		return workflow.Lease{}, err
	}
	return r.open[runID].Lease.of(runID), nil
}

// RecordStep accepts the repetition of a report, because a runner cannot know whether the first one arrived.
func (r *Registry) RecordStep(leaseID, stepID string, update workflow.StepUpdate) (workflow.Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	runID, err := r.hold(leaseID)
	if err != nil {
		return workflow.Run{}, err
	}
	run := r.open[runID].Run
	step, found := run.Steps[stepID]
	switch {
	case !found:
		return run, api.Errorf(http.StatusNotFound, "not_found", "run `%s` has no step `%s`", runID, stepID)
	case !update.State.Known():
		return run, api.Errorf(http.StatusBadRequest, "invalid_request", "there is no state `%s`", update.State)
	case step.State.Over() && step.State == update.State:
		return run, nil
	case step.State.Over():
		return run, api.Errorf(http.StatusConflict, "finished", "step `%s` of run `%s` is %s", stepID, runID, step.State)
	}
	return r.change(runID, func(changing *record) {
		changing.Run.Steps[stepID] = applied(update, step, r.now())
		changing.Run.Status = changing.Run.Activity()
	})
}

func applied(update workflow.StepUpdate, step workflow.StepState, now time.Time) workflow.StepState {
	step.State, step.Output, step.Error = update.State, update.Output, update.Error
	step.Attempt = max(step.Attempt, update.Attempt)
	if step.StartedAt == nil && update.State != workflow.StepPending && update.State != workflow.StepSkipped {
		step.StartedAt = &now
	}
	if update.State.Over() {
		step.FinishedAt = &now
	}
	return step
}

// Finish ends the run and its lease.
func (r *Registry) Finish(leaseID string, ending workflow.Ending) (workflow.Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	runID, err := r.hold(leaseID)
	if err != nil {
		return workflow.Run{}, err
	}
	if ending.Status != workflow.Succeeded && ending.Status != workflow.Failed {
		return workflow.Run{}, api.Errorf(http.StatusBadRequest, "invalid_request",
			"a run ends `succeeded` or `failed`, not `%s`", ending.Status)
	}
	return r.change(runID, func(changing *record) {
		changing.Run.Output, changing.Run.Error = ending.Output, ending.Error
		changing.end(ending.Status, r.now())
	})
}

// Release puts the run back into the queue as it is.
func (r *Registry) Release(leaseID string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	runID, err := r.hold(leaseID)
	if err != nil {
		return err
	}
	_, err = r.change(runID, func(changing *record) {
		changing.Lease = nil
		changing.Run.Status = workflow.Queued
	})
	return err
}

// ExpireLeases queues the runs of runners that went silent, until ctx ends.
func (r *Registry) ExpireLeases(ctx context.Context) error {
	ticker := time.NewTicker(max(r.leaseDuration/10, 10*time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
		if err := r.Expire(); err != nil {
			slog.ErrorContext(ctx, "leases not expired", "error", err.Error())
		}
	}
}

// Expire does so once.
func (r *Registry) Expire() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.expire()
}

func (r *Registry) expire() error {
	var expired []record
	for _, open := range r.open {
		if open.Lease != nil && open.Run.Status != workflow.Queued && open.Lease.ExpiresAt.Before(r.now()) {
			expired = append(expired, open)
		}
	}
	slices.SortFunc(expired, func(a, b record) int { return cmp.Compare(a.Run.ID, b.Run.ID) })
	for _, open := range expired {
		if _, err := r.change(open.Run.ID, func(changing *record) { changing.Run.Status = workflow.Queued }); err != nil {
			return err
		}
		slog.Warn("lease expired", "run_id", open.Run.ID, "lease_id", open.Lease.ID, "runner", open.Lease.Runner)
	}
	return nil
}

// hold returns the lease's run. That the runner speaks shows that it lives, so every word on a lease renews it.
func (r *Registry) hold(leaseID string) (string, error) {
	runID, found := r.leased[leaseID]
	if !found {
		return "", api.Errorf(http.StatusGone, "lease_lost", "lease `%s` has ended or went to another runner", leaseID)
	}
	open := r.open[runID]
	renewed := *open.Lease
	renewed.ExpiresAt = r.now().Add(r.leaseDuration)
	open.Lease = &renewed
	r.open[runID] = open
	if open.Run.Status != workflow.Queued {
		return runID, nil
	}
	_, err := r.change(runID, func(changing *record) { changing.Run.Status = changing.Run.Activity() })
	return runID, err
}

func (l *lease) of(runID string) workflow.Lease {
	return workflow.Lease{ID: l.ID, RunID: runID, ExpiresAt: l.ExpiresAt}
}
