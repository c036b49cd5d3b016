package execution

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// places limits how many runs are executed at a time. A run that goes on after waiting for a person comes before new ones: it
// interrupts the wait for a lease, which holds a place as well.
type places struct {
	free *semaphore.Weighted

	mu        sync.Mutex
	returning int
	interrupt context.CancelFunc
}

func newPlaces(n int) *places {
	return &places{free: semaphore.NewWeighted(int64(n)), interrupt: func() {}}
}

func (p *places) take(ctx context.Context) error {
	p.mu.Lock()
	p.returning++
	p.interrupt()
	p.mu.Unlock()
	err := p.free.Acquire(ctx, 1)
	p.mu.Lock()
	p.returning--
	p.mu.Unlock()
	return err
}

func (p *places) leave() { p.free.Release(1) }

// takeForLease gives with the place the context to wait for a lease in.
func (p *places) takeForLease(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if err := p.free.Acquire(ctx, 1); err != nil {
		return nil, nil, err
	}
	polling, cancel := context.WithCancel(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.interrupt = cancel
	if p.returning > 0 {
		cancel()
	}
	return polling, cancel, nil
}
