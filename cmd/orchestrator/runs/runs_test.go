package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/workflow"
)

// An office is a registry with a clock that stands still, until it is moved.
type office struct {
	*Registry
	t    *testing.T
	path string
	time time.Time
}

func newOffice(t *testing.T) *office {
	o := &office{t: t, path: filepath.Join(t.TempDir(), "runs.db"), time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	o.start()
	t.Cleanup(func() { o.Close() })
	return o
}

func (o *office) start() {
	registry, err := Open(o.path, time.Minute, func() time.Time { return o.time })
	if err != nil {
		o.t.Fatal(err)
	}
	o.Registry = registry
}

func (o *office) restart() {
	if err := o.Close(); err != nil {
		o.t.Fatal(err)
	}
	o.start()
}

func (o *office) submit(key string) workflow.Run {
	o.t.Helper()
	definition, err := workflow.Parse(json.RawMessage(`{"name": "two", "input": {"a": 1, "b": 2}, "steps": [
		{"id": "first", "type": "http"}, {"id": "second", "type": "approval", "needs": ["first"]}]}`))
	if err != nil {
		o.t.Fatal(err)
	}
	run, _, err := o.Submit(definition, workflow.Input{"b": json.RawMessage("3")}, key)
	if err != nil {
		o.t.Fatal(err)
	}
	return run
}

func (o *office) lease(runner string) *workflow.Grant {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	grant, err := o.Lease(ctx, runner)
	if err != nil {
		o.t.Fatal(err)
	}
	return grant
}

func (o *office) record(leaseID, step string, update workflow.StepUpdate) workflow.Run {
	o.t.Helper()
	run, err := o.RecordStep(leaseID, step, update)
	if err != nil {
		o.t.Fatal(err)
	}
	return run
}

func (o *office) status(id string) workflow.Status {
	o.t.Helper()
	run, err := o.Get(id)
	if err != nil {
		o.t.Fatal(err)
	}
	return run.Status
}

func TestLifeOfARun(t *testing.T) {
	o := newOffice(t)
	run := o.submit("")
	if !strings.HasPrefix(run.ID, "r_") || run.Version != 1 || run.Status != workflow.Queued || string(run.Input["b"]) != "3" || string(run.Input["a"]) != "1" {
		t.Errorf("%+v", run)
	}
	grant := o.lease("one")
	if grant.Run.ID != run.ID || grant.Run.Status != workflow.Running || !grant.Lease.ExpiresAt.Equal(o.time.Add(time.Minute)) {
		t.Errorf("%+v", grant)
	}
	if other := o.lease("two"); other != nil {
		t.Errorf("leased twice: %+v", other)
	}
	id := grant.Lease.ID
	o.record(id, "first", workflow.StepUpdate{State: workflow.StepRunning, Attempt: 1})
	o.time = o.time.Add(time.Second)
	o.record(id, "first", workflow.StepUpdate{State: workflow.StepSucceeded, Attempt: 1, Output: json.RawMessage(`{"n":1}`)})
	waiting := o.record(id, "second", workflow.StepUpdate{State: workflow.StepWaiting, Attempt: 1})
	first := waiting.Steps["first"]
	if waiting.Status != workflow.Waiting || first.FinishedAt.Sub(*first.StartedAt) != time.Second {
		t.Errorf("%+v", waiting)
	}
	finished, err := o.Finish(id, workflow.Ending{Status: workflow.Succeeded, Output: json.RawMessage(`"done"`)})
	if err != nil || finished.Version != 6 || finished.Steps["second"].State != workflow.StepSkipped {
		t.Errorf("%v %+v", err, finished)
	}
	o.restart()
	kept, err := o.Get(run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(finished, kept); diff != "" {
		t.Error(diff)
	}
	if _, err := o.Renew(id); !api.IsCode(err, "lease_lost") {
		t.Errorf("the lease of a run that is over: %v", err)
	}
}

func TestIdempotencyKey(t *testing.T) {
	o := newOffice(t)
	first := o.submit("k")
	o.restart()
	if again, other := o.submit("k"), o.submit("l"); again.ID != first.ID || other.ID == first.ID {
		t.Errorf("%s, again %s, other %s", first.ID, again.ID, other.ID)
	}
}

func TestOldestRunFirst(t *testing.T) {
	o := newOffice(t)
	first, second := o.submit(""), o.submit("")
	grant := o.lease("one")
	if err := o.Release(grant.Lease.ID); err != nil {
		t.Fatal(err)
	}
	if got := o.lease("two"); got.Run.ID != first.ID {
		t.Errorf("leased %s", got.Run.ID)
	}
	if got := o.lease("two"); got.Run.ID != second.ID {
		t.Errorf("leased %s", got.Run.ID)
	}
	listed, err := o.List(workflow.Running, 1)
	if err != nil || len(listed) != 1 || listed[0].ID != second.ID || listed[0].Workflow.Name != "two" || listed[0].Workflow.Steps != nil {
		t.Errorf("%v %+v", err, listed)
	}
}

func TestExpiry(t *testing.T) {
	o := newOffice(t)
	run := o.submit("")
	lost := o.lease("silent").Lease.ID
	o.time = o.time.Add(59 * time.Second)
	if _, err := o.Renew(lost); err != nil {
		t.Fatal(err)
	}
	o.time = o.time.Add(61 * time.Second)
	if err := o.Expire(); err != nil || o.status(run.ID) != workflow.Queued {
		t.Fatalf("%v, %s", err, o.status(run.ID))
	}
	if _, err := o.Renew(lost); err != nil || o.status(run.ID) != workflow.Running {
		t.Fatalf("nobody else had taken it: %v, %s", err, o.status(run.ID))
	}
	o.time = o.time.Add(61 * time.Second)
	grant := o.lease("other")
	if grant == nil || grant.Run.ID != run.ID {
		t.Fatalf("%+v", grant)
	}
	for name, err := range map[string]error{
		"renew":   second(o.Renew(lost)),
		"step":    second(o.RecordStep(lost, "first", workflow.StepUpdate{State: workflow.StepRunning})),
		"finish":  second(o.Finish(lost, workflow.Ending{Status: workflow.Failed})),
		"release": o.Release(lost),
	} {
		if !api.IsCode(err, "lease_lost") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestRestartKeepsLeases(t *testing.T) {
	o := newOffice(t)
	run := o.submit("")
	id := o.lease("one").Lease.ID
	o.record(id, "first", workflow.StepUpdate{State: workflow.StepSucceeded, Attempt: 1})
	o.time = o.time.Add(time.Hour)
	o.restart()
	if other := o.lease("two"); other != nil {
		t.Errorf("the first runner had no time to come back: %+v", other)
	}
	if _, err := o.Renew(id); err != nil {
		t.Error(err)
	}
	o.time = o.time.Add(time.Hour)
	o.restart()
	o.time = o.time.Add(61 * time.Second)
	grant := o.lease("two")
	if grant == nil || grant.Run.ID != run.ID || grant.Run.Steps["first"].State != workflow.StepSucceeded {
		t.Errorf("%+v", grant)
	}
}

func TestFinishedStepsStay(t *testing.T) {
	o := newOffice(t)
	o.submit("")
	id := o.lease("one").Lease.ID
	done := workflow.StepUpdate{State: workflow.StepSucceeded, Attempt: 1}
	version := o.record(id, "first", done).Version
	if repeated := o.record(id, "first", done); repeated.Version != version {
		t.Errorf("a repeated report changed the run to version %d", repeated.Version)
	}
	if _, err := o.RecordStep(id, "first", workflow.StepUpdate{State: workflow.StepRunning}); !api.IsCode(err, "finished") {
		t.Error(err)
	}
	if _, err := o.RecordStep(id, "third", done); !api.IsCode(err, "not_found") {
		t.Error(err)
	}
}

func TestCancel(t *testing.T) {
	o := newOffice(t)
	run := o.submit("")
	id := o.lease("one").Lease.ID
	cancelled, err := o.Cancel(run.ID)
	if err != nil || cancelled.Status != workflow.Cancelled || cancelled.Steps["first"].State != workflow.StepSkipped {
		t.Errorf("%v %+v", err, cancelled)
	}
	if _, err := o.Renew(id); !api.IsCode(err, "lease_lost") {
		t.Error(err)
	}
	if _, err := o.Cancel(run.ID); !api.IsCode(err, "finished") {
		t.Error(err)
	}
	if _, err := o.Cancel("r_x"); !api.IsCode(err, "not_found") {
		t.Error(err)
	}
}

func TestWait(t *testing.T) {
	o := newOffice(t)
	run := o.submit("")
	if got, err := o.Wait(context.Background(), run.ID, 0); err != nil || got.Version != 1 {
		t.Fatalf("%v %+v", err, got)
	}
	got := make(chan workflow.Run)
	go func() {
		run, err := o.Wait(context.Background(), run.ID, 1)
		if err != nil {
			t.Error(err)
		}
		got <- run
	}()
	if _, err := o.Cancel(run.ID); err != nil {
		t.Fatal(err)
	}
	if changed := <-got; changed.Version != 2 {
		t.Errorf("%+v", changed)
	}
	if over, err := o.Wait(context.Background(), run.ID, 2); err != nil || over.Version != 2 {
		t.Errorf("%v %+v", err, over)
	}
}

func TestLeaseWaitsForARun(t *testing.T) {
	o := newOffice(t)
	granted := make(chan *workflow.Grant)
	go func() {
		grant, err := o.Lease(context.Background(), "one")
		if err != nil {
			t.Error(err)
		}
		granted <- grant
	}()
	run := o.submit("")
	if grant := <-granted; grant.Run.ID != run.ID {
		t.Errorf("%+v", grant)
	}
}

func TestHTTP(t *testing.T) {
	o := newOffice(t)
	stopping, stop := context.WithCancel(context.Background())
	handler := Handler(stopping, o.Registry)
	call := func(method, path, body string, status int, text string) {
		t.Helper()
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
		if recorder.Code != status || !strings.Contains(recorder.Body.String(), text) {
			t.Errorf("%s %s: %d %s", method, path, recorder.Code, recorder.Body)
		}
	}
	call("POST", "/v1/leases", `{"runner": "x"}`, 204, "")
	call("POST", "/v1/runs", `{"workflow": {"name": "x", "steps": [{"id": "a", "type": "http"}]}, "input": {"big": 12345678901234567890}}`, 201, `"input":{"big":12345678901234567890}`)
	call("POST", "/v1/runs", `{"workflow": {"name": "x", "steps": [{"id": "a", "type": "ftp"}]}}`, 400, "invalid_workflow")
	call("POST", "/v1/runs", `{"input": {}}`, 400, "invalid_workflow")
	call("POST", "/v1/runs", `{"flow": {}}`, 400, "invalid_request")
	call("GET", "/v1/runs?status=queued&limit=1", "", 200, `"workflow":{"name":"x"}`)
	call("GET", "/v1/runs?status=odd", "", 400, "invalid_request")
	call("GET", "/v1/runs/r_x", "", 404, "not_found")
	call("GET", "/v1/runs/r_x?wait=5", "", 400, "invalid_request")
	call("DELETE", "/v1/runs/r_x", "", 405, "method_not_allowed")
	call("GET", "/v2", "", 404, "not_found")
	call("POST", "/v1/leases", `{}`, 400, "invalid_request")
	call("POST", "/v1/leases/l_x/renew", "", 410, "lease_lost")
	call("POST", "/v1/leases", `{"runner": "x"}`, 200, `"lease":{"id":"l_`)

	held := make(chan struct{})
	go func() {
		defer close(held)
		call("POST", "/v1/leases", `{"runner": "x", "wait": "30s"}`, 204, "")
	}()
	stop()
	<-held
}

func TestOpenAPINamesEveryRoute(t *testing.T) {
	var document struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(openAPI, &document); err != nil {
		t.Fatal(err)
	}
	var described, served []string
	for path, methods := range document.Paths {
		for method := range methods {
			described = append(described, fmt.Sprint(strings.ToUpper(method), " ", path))
		}
	}
	err := chi.Walk(routes(handler{}), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		served = append(served, method+" "+strings.TrimSuffix(route, "/"))
		return nil
	})
	slices.Sort(described)
	slices.Sort(served)
	if diff := cmp.Diff(described, served); err != nil || diff != "" {
		t.Error(errors.Join(err, errors.New(diff)))
	}
}
