// Package platformtest runs the five services together, as they are but for their processes.
package platformtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"aob.dev/platform/cmd/fanout/spread"
	"aob.dev/platform/cmd/hitl-worker/approvals"
	"aob.dev/platform/cmd/http-worker/fetch"
	"aob.dev/platform/cmd/orchestrator/runs"
	"aob.dev/platform/cmd/workflow-runner/execution"
	"aob.dev/platform/common/api"
	"aob.dev/platform/common/httpclient"
	"aob.dev/platform/common/worker/client"
	"aob.dev/platform/common/workflow"
)

const leaseDuration = time.Second

type platform struct {
	t            *testing.T
	data         string
	orchestrator *replaceable
	stopServing  func()
	workers      map[string]string
	api, people  *httpclient.Client
}

// replaceable is an address at which one server can follow another; in between nobody answers.
type replaceable struct {
	mu      sync.RWMutex
	handler http.Handler
}

func (r *replaceable) replace(handler http.Handler) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handler = handler
}

func (r *replaceable) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.RLock()
	handler := r.handler
	r.mu.RUnlock()
	if handler == nil {
		panic(http.ErrAbortHandler)
	}
	handler.ServeHTTP(w, request)
}

func newPlatform(t *testing.T) *platform {
	t.Helper()
	p := &platform{t: t, data: t.TempDir(), orchestrator: &replaceable{}}
	book, err := approvals.Open(filepath.Join(p.data, "approvals.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { book.Close() })
	p.workers = map[string]string{
		"http":     p.serve(fetch.Handler(1 << 20)),
		"approval": p.serve(approvals.Handler(book, 10*time.Millisecond)),
	}
	p.workers["fanout"] = p.serve(spread.Handler(client.New(map[string]string{"http": p.workers["http"]})))
	p.people = httpclient.New(p.workers["approval"], time.Second)
	p.api = httpclient.New(p.serve(p.orchestrator), 0)
	p.startOrchestrator()
	t.Cleanup(func() { p.stopServing() })
	return p
}

func (p *platform) serve(handler http.Handler) string {
	server := httptest.NewServer(handler)
	p.t.Cleanup(server.Close)
	return server.URL
}

func (p *platform) startOrchestrator() {
	registry, err := runs.Open(filepath.Join(p.data, "runs.db"), leaseDuration, time.Now)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	expiring := make(chan error)
	go func() { expiring <- registry.ExpireLeases(ctx) }()
	p.orchestrator.replace(runs.Handler(ctx, registry))
	p.stopServing = func() {
		p.orchestrator.replace(nil)
		stop()
		<-expiring
		if err := registry.Close(); err != nil {
			p.t.Error(err)
		}
	}
}

// startRunner returns what SIGTERM does to the runner.
func (p *platform) startRunner(name string) (stop func()) {
	orchestrator := p.serve(p.orchestrator)
	runner := execution.NewRunner(execution.Config{
		Name: name, Orchestrator: execution.Dial(orchestrator), Workers: client.New(p.workers),
		MaxRuns: 2, ShutdownTimeout: 5 * time.Second,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- runner.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Error(err)
		}
	})
	p.t.Cleanup(stop)
	return stop
}

func (p *platform) submit(definition string, input map[string]any) workflow.Run {
	p.t.Helper()
	var run workflow.Run
	p.call(p.api, httpclient.Call{
		Method: http.MethodPost, Path: "/v1/runs", Into: &run,
		Body: map[string]any{"workflow": json.RawMessage(definition), "input": input},
	})
	return run
}

func (p *platform) call(with *httpclient.Client, call httpclient.Call) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if _, err := with.Do(ctx, call); err != nil {
		p.t.Fatalf("%s %s: %v", call.Method, call.Path, err)
	}
}

// follow waits until the run has the status; when it is over with another one the test has failed.
func (p *platform) follow(run workflow.Run, status workflow.Status) workflow.Run {
	p.t.Helper()
	for run.Status != status {
		if run.Status.Over() {
			p.t.Fatalf("run is %s: %s", run.Status, run.Error)
		}
		before := run.Version
		path := fmt.Sprintf("/v1/runs/%s?after=%d&wait=10s", run.ID, run.Version)
		p.call(p.api, httpclient.Call{Method: http.MethodGet, Path: path, Into: &run, Repeatable: true})
		if run.Version == before {
			p.t.Fatalf("run stays %s, not %s", run.Status, status)
		}
	}
	return run
}

// site is what the workflow's http steps call. Its publisher fails the first time.
type site struct {
	mu    sync.Mutex
	calls map[string]int
	text  string
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.calls[r.URL.Path]++
	attempt := s.calls[r.URL.Path]
	if r.URL.Path == "/publish" {
		s.text = string(body)
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/list":
		_, _ = io.WriteString(w, `{"items": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}`)
	case r.URL.Path == "/publish" && attempt == 1:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.URL.Path == "/publish":
		_, _ = io.WriteString(w, `"published"`)
	default:
		fmt.Fprintf(w, `{"text": "about %s"}`, strings.TrimPrefix(r.URL.Path, "/items/"))
	}
}

const releaseNotes = `{
	"name": "release-notes",
	"input": {"greeting": "Dear all"},
	"steps": [
		{"id": "list", "type": "http", "with": {"url": "${input.site}/list"}},
		{"id": "each", "type": "fanout", "needs": ["list"], "with": {
			"items": "${steps.list.output.body.items}", "concurrency": 2,
			"step": {"type": "http", "with": {"url": "${input.site}/items/${item.name}", "query": {"n": "${index}"}}}}},
		{"id": "sign-off", "type": "approval", "needs": ["each"], "with": {
			"message": "Publish ${steps.each.output.succeeded} items?", "approvers": ["ada"]}},
		{"id": "publish", "type": "http", "needs": ["each", "sign-off"], "retries": 1, "with": {
			"method": "POST", "url": "${input.site}/publish",
			"body": "${input.greeting}: ${steps.each.output.results.1.output.body.text} (${steps.sign-off.output.by})"}}
	],
	"output": {"answer": "${steps.publish.output.body}", "items": "${steps.each.output.succeeded}"}
}`

// Both the orchestrator and the runner are replaced while the run waits for a person.
func TestRunSurvivesRestarts(t *testing.T) {
	p := newPlatform(t)
	site := &site{calls: make(map[string]int)}
	stop := p.startRunner("first")
	run := p.submit(releaseNotes, map[string]any{"site": p.serve(site)})
	waiting := p.follow(run, workflow.Waiting)

	p.stopServing()
	p.startOrchestrator()
	p.follow(waiting, workflow.Waiting)
	stop()
	p.startRunner("second")

	var asked struct{ Approvals []approvals.Approval }
	p.call(p.people, httpclient.Call{Method: http.MethodGet, Path: "/v1/approvals?status=pending", Into: &asked})
	if len(asked.Approvals) != 1 || asked.Approvals[0].Message != "Publish 3 items?" {
		t.Fatalf("%+v", asked)
	}
	path := "/v1/approvals/" + run.ID + "/sign-off"
	p.call(p.people, httpclient.Call{Method: http.MethodPost, Path: path, Body: approvals.Decision{Decision: "approve", By: "ada"}})

	run = p.follow(run, workflow.Succeeded)
	if string(run.Output) != `{"answer":"published","items":3}` || site.text != "Dear all: about b (ada)" {
		t.Errorf("output %s, published %q", run.Output, site.text)
	}
	want := map[string]int{"/list": 1, "/items/a": 1, "/items/b": 1, "/items/c": 1, "/publish": 2}
	if diff := cmp.Diff(want, site.calls); diff != "" {
		t.Errorf("steps were executed again: %s", diff)
	}
	if attempt := run.Steps["publish"].Attempt; attempt != 2 {
		t.Errorf("published at attempt %d", attempt)
	}
}

func TestRejectionFailsTheRun(t *testing.T) {
	p := newPlatform(t)
	p.startRunner("only")
	run := p.submit(`{"name": "x", "steps": [
		{"id": "ask", "type": "approval", "retries": 3, "with": {"message": "?"}},
		{"id": "after", "type": "http", "needs": ["ask"], "with": {"url": "http://localhost"}}]}`, nil)
	p.follow(run, workflow.Waiting)
	path := "/v1/approvals/" + run.ID + "/ask"
	decision := approvals.Decision{Decision: "reject", By: "bob", Comment: "not now"}
	p.call(p.people, httpclient.Call{Method: http.MethodPost, Path: path, Body: decision})
	run = p.follow(run, workflow.Failed)
	if run.Error != "step `ask` failed: rejected by bob: not now" || run.Steps["after"].State != workflow.StepSkipped {
		t.Errorf("%+v", run)
	}
}

// The worker learns that nobody waits for its answer any more, because the runner's lease is gone.
func TestCancelReachesTheWorker(t *testing.T) {
	p := newPlatform(t)
	p.startRunner("only")
	called, cut := make(chan struct{}), make(chan struct{})
	slow := p.serve(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(called)
		<-r.Context().Done()
		close(cut)
	}))
	run := p.submit(`{"name": "x", "steps": [{"id": "a", "type": "http", "with": {"url": "${input.url}"}}]}`, map[string]any{"url": slow})
	<-called
	p.call(p.api, httpclient.Call{Method: http.MethodPost, Path: "/v1/runs/" + run.ID + "/cancel", Into: &run})
	if run.Status != workflow.Cancelled {
		t.Errorf("%+v", run)
	}
	<-cut
}

func TestLostRunnerIsReplaced(t *testing.T) {
	p := newPlatform(t)
	run := p.submit(`{"name": "x", "steps": [{"id": "a", "type": "http", "with": {"url": "${input.url}"}}]}`,
		map[string]any{"url": p.serve(&site{calls: make(map[string]int)})})
	var grant workflow.Grant
	p.call(p.api, httpclient.Call{Method: http.MethodPost, Path: "/v1/leases", Body: map[string]string{"runner": "lost"}, Into: &grant})
	p.startRunner("other")
	p.follow(run, workflow.Succeeded)
	_, err := p.api.Do(context.Background(), httpclient.Call{Method: http.MethodPost, Path: "/v1/leases/" + grant.Lease.ID + "/renew"})
	if !api.IsCode(err, "lease_lost") {
		t.Error(err)
	}
}
