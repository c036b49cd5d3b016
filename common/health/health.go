// Package health answers `GET /health`, and turns new work away once the service is stopping.
package health

import (
	"context"
	"net/http"
	"sync"

	"aob.dev/platform/common/api"
)

// Gate counts the requests in flight. It answers /health itself and lets everything else pass while it is open.
type Gate struct {
	service string
	next    http.Handler

	mu       sync.Mutex
	stopping bool
	inFlight int
	idle     chan struct{}
}

func NewGate(service string, next http.Handler) *Gate {
	return &Gate{service: service, next: next, idle: make(chan struct{})}
}

func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/health" {
		api.Handler(g.answer).ServeHTTP(w, r)
		return
	}
	if !g.enter() {
		// Without this the caller's pool would come back to a port that is about to close.
		w.Header().Set("Connection", "close")
		api.WriteError(r.Context(), w, api.Errorf(http.StatusServiceUnavailable, "stopping", "%s is stopping", g.service))
		return
	}
	defer g.leave()
	g.next.ServeHTTP(w, r)
}

// Close turns away what comes from now on, and waits for what is in flight as long as ctx lasts.
func (g *Gate) Close(ctx context.Context) error {
	g.stop()
	select {
	case <-g.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *Gate) answer(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return api.Errorf(http.StatusMethodNotAllowed, "method_not_allowed", "/health is only read")
	}
	body := struct {
		Status  string `json:"status"`
		Service string `json:"service"`
	}{"ok", g.service}
	if g.isStopping() {
		body.Status = "stopping"
		return api.WriteJSON(w, http.StatusServiceUnavailable, body)
	}
	return api.WriteJSON(w, http.StatusOK, body)
}

func (g *Gate) isStopping() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stopping
}

func (g *Gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return false
	}
	g.inFlight++
	return true
}

func (g *Gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
	if g.stopping && g.inFlight == 0 {
		close(g.idle)
	}
}

func (g *Gate) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return
	}
	g.stopping = true
	if g.inFlight == 0 {
		close(g.idle)
	}
}
