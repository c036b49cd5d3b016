// Package execution leases runs and executes their steps in the order of their needs.
//
// One goroutine owns a run: it starts steps, takes in their reports and passes them on to the orchestrator. A step has a
// goroutine of its own that speaks with its worker only.
package execution

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/requestid"
	"aob.dev/platform/common/worker"
	"aob.dev/platform/common/workflow"
)

const (
	leaseWait = 20 * time.Second
	// After an answer that makes no sense, such as an orchestrator whose disk is full.
	errorPause = time.Second
	minRenewal = 50 * time.Millisecond
	maxRenewal = 5 * time.Second
)

var errStopping = errors.New("the runner is stopping")

// Workers executes an attempt of a step; it is never an error that one fails.
type Workers interface {
	Execute(ctx context.Context, request worker.Request) worker.Result
}

// Config is what a runner works with.
type Config struct {
	Name            string
	Orchestrator    Orchestrator
	Workers         Workers
	MaxRuns         int
	ShutdownTimeout time.Duration
}

// Runner executes up to MaxRuns runs at a time, not counting those that only wait for people.
type Runner struct {
	Config
	places *places
	pause  func(ctx context.Context, d time.Duration) error
}

func NewRunner(config Config) *Runner {
	return &Runner{Config: config, places: newPlaces(config.MaxRuns), pause: pause}
}

// Run leases runs until ctx ends. Then calls to workers may end within most of the shutdown timeout, and what is not over goes
// back to the orchestrator.
func (r *Runner) Run(ctx context.Context) error {
	working, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	context.AfterFunc(ctx, func() { time.AfterFunc(r.ShutdownTimeout*7/10, abort) })
	var executions sync.WaitGroup
	for {
		grant, err := r.lease(ctx)
		if ctx.Err() != nil && grant == nil {
			break
		}
		if err != nil {
			slog.ErrorContext(ctx, "no lease", "error", err.Error())
			// It fails only when ctx ends, and then the next lease does as well.
			_ = r.pause(ctx, errorPause)
		}
		if grant == nil {
			continue
		}
		executions.Add(1)
		go func() {
			defer executions.Done()
			r.executeLeased(working, ctx, grant)
		}()
	}
	executions.Wait()
	return nil
}

// lease returns with a grant a place for it. Without one there was nothing to do, or no time to wait for it.
func (r *Runner) lease(ctx context.Context) (*workflow.Grant, error) {
	polling, cancel, err := r.places.takeForLease(ctx)
	if err != nil {
		return nil, err
	}
	defer cancel()
	grant, err := r.Orchestrator.Lease(polling, r.Name, leaseWait)
	if grant != nil {
		return grant, nil
	}
	r.places.leave()
	if polling.Err() != nil {
		return nil, nil
	}
	return nil, err
}

func (r *Runner) executeLeased(working, stopping context.Context, grant *workflow.Grant) {
	// Every service that has to do with the run logs its id.
	working = requestid.With(working, grant.Run.ID)
	log := slog.With("run_id", grant.Run.ID, "lease_id", grant.Lease.ID)
	log.InfoContext(working, "run leased", "workflow", grant.Run.Workflow.Name)

	held, lose := context.WithCancelCause(working)
	defer lose(nil)
	go r.keep(held, lose, grant.Lease)
	ending, err := r.newExecution(stopping, lose, grant).execute(held)
	if err == nil {
		err = r.Orchestrator.Finish(held, grant.Lease.ID, ending)
	}
	switch {
	case err == nil:
		log.InfoContext(working, "run finished", "status", ending.Status, "error", ending.Error)
	case api.IsCode(err, "lease_lost"):
		log.WarnContext(working, "lease lost", "error", err.Error())
	default:
		log.InfoContext(working, "run released", "reason", err.Error())
		r.release(working, grant.Lease.ID)
	}
}

// keep renews the lease until held ends, and ends held when the lease is lost.
func (r *Runner) keep(held context.Context, lose context.CancelCauseFunc, lease workflow.Lease) {
	for {
		left := time.Until(lease.ExpiresAt)
		// The orchestrator's clock may be another one; the bounds keep a sane pace in any case.
		if pause(held, min(max(left/3, minRenewal), maxRenewal)) != nil {
			return
		}
		renewed, err := r.Orchestrator.Renew(held, lease.ID)
		if err != nil {
			lose(err)
			return
		}
		lease = renewed
	}
}

func (r *Runner) release(working context.Context, leaseID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(working), r.ShutdownTimeout*2/10)
	defer cancel()
	if err := r.Orchestrator.Release(ctx, leaseID); err != nil {
		slog.WarnContext(ctx, "lease left to expire", "lease_id", leaseID, "error", err.Error())
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
