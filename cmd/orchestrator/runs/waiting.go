package runs

import (
	"context"

	"aob.dev/platform/common/workflow"
)

// Wait returns the run once its version is above `after`, it is over, or ctx ends.
func (r *Registry) Wait(ctx context.Context, id string, after int) (workflow.Run, error) {
	for {
		run, changed, err := r.getAndWatch(id)
		if err != nil || run.Version > after || run.Status.Over() {
			return run, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return run, nil
		}
	}
}

func (r *Registry) getAndWatch(id string) (workflow.Run, <-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	run, err := r.get(id)
	if err != nil || run.Status.Over() {
		return run, nil, err
	}
	changed, found := r.changed[id]
	if !found {
		changed = make(chan struct{})
		r.changed[id] = changed
	}
	return run, changed, nil
}

func (r *Registry) announceChange(id string) {
	if changed, found := r.changed[id]; found {
		close(changed)
		delete(r.changed, id)
	}
}

func (r *Registry) announceQueued() {
	close(r.queued)
	r.queued = make(chan struct{})
}
