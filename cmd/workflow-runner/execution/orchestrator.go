package execution

import (
	"context"
	"net/http"
	"time"

	"aob.dev/platform/common/duration"
	"aob.dev/platform/common/httpclient"
	"aob.dev/platform/common/workflow"
)

// Orchestrator keeps the runs. Its methods try until they get an answer or ctx ends; a lease that is lost is an *api.Error
// with the code `lease_lost`.
type Orchestrator interface {
	// Lease returns nil when nothing was queued for that long.
	Lease(ctx context.Context, runner string, wait time.Duration) (*workflow.Grant, error)
	Renew(ctx context.Context, leaseID string) (workflow.Lease, error)
	RecordStep(ctx context.Context, leaseID, stepID string, update workflow.StepUpdate) error
	Finish(ctx context.Context, leaseID string, ending workflow.Ending) error
	Release(ctx context.Context, leaseID string) error
}

type remote struct{ client *httpclient.Client }

// Dial gives the orchestrator at an address; it does not have to be there yet.
func Dial(url string) Orchestrator { return remote{httpclient.New(url, 0)} }

func (r remote) Lease(ctx context.Context, runner string, wait time.Duration) (*workflow.Grant, error) {
	body := struct {
		Runner string            `json:"runner"`
		Wait   duration.Duration `json:"wait"`
	}{runner, duration.Duration(wait)}
	var grant workflow.Grant
	status, err := r.call(ctx, http.MethodPost, "", body, &grant)
	if err != nil || status == http.StatusNoContent {
		return nil, err
	}
	return &grant, nil
}

func (r remote) Renew(ctx context.Context, leaseID string) (workflow.Lease, error) {
	var lease workflow.Lease
	_, err := r.call(ctx, http.MethodPost, "/"+leaseID+"/renew", nil, &lease)
	return lease, err
}

func (r remote) RecordStep(ctx context.Context, leaseID, stepID string, update workflow.StepUpdate) error {
	_, err := r.call(ctx, http.MethodPut, "/"+leaseID+"/steps/"+stepID, update, nil)
	return err
}

func (r remote) Finish(ctx context.Context, leaseID string, ending workflow.Ending) error {
	_, err := r.call(ctx, http.MethodPost, "/"+leaseID+"/finish", ending, nil)
	return err
}

func (r remote) Release(ctx context.Context, leaseID string) error {
	_, err := r.call(ctx, http.MethodPost, "/"+leaseID+"/release", nil, nil)
	return err
}

// All calls are repeatable: a second report changes nothing, and a lease nobody received expires.
func (r remote) call(ctx context.Context, method, path string, body, into any) (int, error) {
	return r.client.Do(ctx, httpclient.Call{Method: method, Path: "/v1/leases" + path, Body: body, Into: into, Repeatable: true})
}
