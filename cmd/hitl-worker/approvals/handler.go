package approvals

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/duration"
	"aob.dev/platform/common/worker"
)

// parameters are the `with` of an `approval` step.
type parameters struct {
	Message   string            `json:"message"`
	Approvers []string          `json:"approvers"`
	Expires   duration.Duration `json:"expires"`
}

type output struct {
	Decision  Status     `json:"decision"`
	By        string     `json:"by"`
	Comment   string     `json:"comment"`
	DecidedAt *time.Time `json:"decided_at"`
}

// Handler serves the runner, which is told to come back after pollInterval, and the people who decide.
func Handler(book *Book, pollInterval time.Duration) http.Handler {
	mux := api.NewMux()
	mux.Handle("POST /v1/execute", worker.Handler("approval", book.execute(pollInterval)))
	mux.Handle("GET /v1/approvals", api.Handler(book.list))
	mux.Handle("POST /v1/approvals/{run}/{step}", api.Handler(book.decide))
	return mux
}

func (b *Book) execute(pollInterval time.Duration) worker.Execute {
	return func(_ context.Context, request worker.Request) (worker.Result, error) {
		with, err := worker.With[parameters](request)
		if err != nil {
			return worker.Result{}, err
		}
		if with.Message == "" {
			return worker.Result{}, worker.InvalidStep("step `%s`: `message` is needed", request.StepID)
		}
		if strings.Contains(request.RunID+request.StepID, "/") {
			return worker.Result{}, worker.InvalidStep("`%s` or `%s` is no id", request.RunID, request.StepID)
		}
		approval, err := b.Ask(Approval{
			RunID: request.RunID, StepID: request.StepID, Attempt: request.Attempt,
			Message: with.Message, Approvers: append([]string{}, with.Approvers...),
		}, with.Expires.Std())
		return approval.result(pollInterval), err
	}
}

func (a Approval) result(pollInterval time.Duration) worker.Result {
	switch a.Status {
	case Approved:
		return worker.Succeeded(output{a.Status, a.By, a.Comment, a.DecidedAt})
	case Rejected:
		return worker.Failed("rejected by %s%s", a.By, strings.TrimSuffix(": "+a.Comment, ": "))
	case Expired:
		return worker.FailedForNow("nobody decided until %s", a.ExpiresAt.Format(time.RFC3339))
	}
	return worker.Waiting(pollInterval)
}

func (b *Book) list(w http.ResponseWriter, r *http.Request) error {
	status := Status(r.URL.Query().Get("status"))
	if status != "" && !slices.Contains([]Status{Pending, Approved, Rejected, Expired}, status) {
		return api.Errorf(http.StatusBadRequest, "invalid_request", "there is no status `%s`", status)
	}
	listed, err := b.List(status)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string][]Approval{"approvals": listed})
}

func (b *Book) decide(w http.ResponseWriter, r *http.Request) error {
	var decision Decision
	if err := api.Read(w, r, &decision); err != nil {
		return err
	}
	approval, err := b.Decide(r.PathValue("run"), r.PathValue("step"), decision)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, approval)
}
