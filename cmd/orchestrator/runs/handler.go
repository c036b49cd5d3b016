package runs

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/duration"
	"aob.dev/platform/common/workflow"
)

const (
	maxWait      = 30 * time.Second
	defaultLimit = 50
	maxLimit     = 1000
	maxKeyLength = 255
)

//go:embed openapi.json
var openAPI []byte

type handler struct {
	registry *Registry
	stopping context.Context
}

// Handler answers what it holds back as soon as stopping ends.
func Handler(stopping context.Context, registry *Registry) http.Handler {
	return routes(handler{registry, stopping})
}

func routes(h handler) chi.Router {
	router := chi.NewRouter()
	router.NotFound(api.Handler(api.NotFound).ServeHTTP)
	router.MethodNotAllowed(api.Handler(methodNotAllowed).ServeHTTP)
	router.Method(http.MethodGet, "/openapi.json", api.Handler(describe))
	router.Route("/v1/runs", func(router chi.Router) {
		router.Method(http.MethodPost, "/", api.Handler(h.submit))
		router.Method(http.MethodGet, "/", api.Handler(h.list))
		router.Method(http.MethodGet, "/{id}", api.Handler(h.get))
		router.Method(http.MethodPost, "/{id}/cancel", api.Handler(h.cancel))
	})
	router.Route("/v1/leases", func(router chi.Router) {
		router.Method(http.MethodPost, "/", api.Handler(h.lease))
		router.Method(http.MethodPost, "/{id}/renew", api.Handler(h.renew))
		router.Method(http.MethodPut, "/{id}/steps/{step}", api.Handler(h.recordStep))
		router.Method(http.MethodPost, "/{id}/finish", api.Handler(h.finish))
		router.Method(http.MethodPost, "/{id}/release", api.Handler(h.release))
	})
	return router
}

func methodNotAllowed(_ http.ResponseWriter, r *http.Request) error {
	return api.Errorf(http.StatusMethodNotAllowed, "method_not_allowed", "%s is not for %s", r.Method, r.URL.Path)
}

func describe(w http.ResponseWriter, _ *http.Request) error {
	return api.WriteJSON(w, http.StatusOK, json.RawMessage(openAPI))
}

func (h handler) submit(w http.ResponseWriter, r *http.Request) error {
	var submission struct {
		Workflow json.RawMessage `json:"workflow"`
		Input    workflow.Input  `json:"input"`
	}
	if err := api.Read(w, r, &submission); err != nil {
		return err
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) > maxKeyLength {
		return api.Errorf(http.StatusBadRequest, "invalid_request", "Idempotency-Key is longer than %d bytes", maxKeyLength)
	}
	definition, err := workflow.Parse(submission.Workflow)
	if err != nil {
		return api.Errorf(http.StatusBadRequest, "invalid_workflow", "%v", err)
	}
	run, isNew, err := h.registry.Submit(definition, submission.Input, key)
	if err != nil {
		return err
	}
	if !isNew {
		return api.WriteJSON(w, http.StatusOK, run)
	}
	return api.WriteJSON(w, http.StatusCreated, run)
}

func (h handler) list(w http.ResponseWriter, r *http.Request) error {
	status := workflow.Status(r.URL.Query().Get("status"))
	if status != "" && !slices.Contains(workflow.Statuses, status) {
		return api.Errorf(http.StatusBadRequest, "invalid_request", "there is no status `%s`", status)
	}
	limit, err := number(r, "limit", defaultLimit)
	if err != nil {
		return err
	}
	listed, err := h.registry.List(status, min(max(limit, 1), maxLimit))
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string][]workflow.Run{"runs": listed})
}

func (h handler) get(w http.ResponseWriter, r *http.Request) error {
	after, err := number(r, "after", -1)
	if err != nil {
		return err
	}
	wait, err := parsedWait(r.URL.Query().Get("wait"))
	if err != nil {
		return err
	}
	ctx, cancel := h.patience(r, wait)
	defer cancel()
	run, err := h.registry.Wait(ctx, chi.URLParam(r, "id"), after)
	return answer(w, run, err)
}

func (h handler) cancel(w http.ResponseWriter, r *http.Request) error {
	run, err := h.registry.Cancel(chi.URLParam(r, "id"))
	return answer(w, run, err)
}

func (h handler) lease(w http.ResponseWriter, r *http.Request) error {
	var wish struct {
		Runner string `json:"runner"`
		Wait   string `json:"wait"`
	}
	if err := api.Read(w, r, &wish); err != nil {
		return err
	}
	if wish.Runner == "" {
		return api.Errorf(http.StatusBadRequest, "invalid_request", "`runner` is needed: who will execute the run?")
	}
	wait, err := parsedWait(wish.Wait)
	if err != nil {
		return err
	}
	ctx, cancel := h.patience(r, wait)
	defer cancel()
	grant, err := h.registry.Lease(ctx, wish.Runner)
	if err != nil {
		return err
	}
	if grant == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return api.WriteJSON(w, http.StatusOK, grant)
}

func (h handler) renew(w http.ResponseWriter, r *http.Request) error {
	lease, err := h.registry.Renew(chi.URLParam(r, "id"))
	return answer(w, lease, err)
}

func (h handler) recordStep(w http.ResponseWriter, r *http.Request) error {
	var update workflow.StepUpdate
	if err := api.Read(w, r, &update); err != nil {
		return err
	}
	run, err := h.registry.RecordStep(chi.URLParam(r, "id"), chi.URLParam(r, "step"), update)
	return answer(w, run, err)
}

func (h handler) finish(w http.ResponseWriter, r *http.Request) error {
	var ending workflow.Ending
	if err := api.Read(w, r, &ending); err != nil {
		return err
	}
	run, err := h.registry.Finish(chi.URLParam(r, "id"), ending)
	return answer(w, run, err)
}

func (h handler) release(w http.ResponseWriter, r *http.Request) error {
	if err := h.registry.Release(chi.URLParam(r, "id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// patience ends with the wait, with the caller, and with the service.
func (h handler) patience(r *http.Request, wait time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	forget := context.AfterFunc(h.stopping, cancel)
	return ctx, func() {
		forget()
		cancel()
	}
}

func answer(w http.ResponseWriter, value any, err error) error {
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, value)
}

func number(r *http.Request, name string, fallback int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, api.Errorf(http.StatusBadRequest, "invalid_request", "`%s` is `%s`, and no number", name, text)
	}
	return n, nil
}

func parsedWait(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	wait, err := duration.Parse(text)
	if err != nil {
		return 0, api.Errorf(http.StatusBadRequest, "invalid_request", "`wait`: %v", err)
	}
	return min(wait.Std(), maxWait), nil
}
