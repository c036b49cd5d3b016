package spread_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"aob.dev/platform/cmd/fanout/spread"
	"aob.dev/platform/common/worker"
)

type workers func(ctx context.Context, request worker.Request) worker.Result

func (w workers) Execute(ctx context.Context, request worker.Request) worker.Result {
	return w(ctx, request)
}

func execute(t *testing.T, w workers, with string) (int, worker.Result) {
	t.Helper()
	body := fmt.Sprintf(`{"run_id": "r_1", "step_id": "each", "attempt": 2, "type": "fanout", "with": %s, "timeout": "1m"}`, with)
	recorder := httptest.NewRecorder()
	spread.Handler(w).ServeHTTP(recorder, httptest.NewRequest("POST", "/v1/execute", strings.NewReader(body)))
	var result worker.Result
	if err := json.Unmarshal(recorder.Body.Bytes(), &result); err != nil && recorder.Code == 200 {
		t.Fatal(err)
	}
	return recorder.Code, result
}

func echo(_ context.Context, request worker.Request) worker.Result {
	if strings.Contains(string(request.With), "bad") {
		return worker.FailedForNow("bad item")
	}
	return worker.Succeeded(map[string]any{"id": request.StepID, "with": request.With, "attempt": request.Attempt})
}

func TestResultsKeepTheOrder(t *testing.T) {
	with := `{"items": ["b", {"n": 1}], "step": {"type": "http", "with": {"url": "http://x/${index}", "json": "${item}"}}}`
	_, got := execute(t, echo, with)
	want := `{"results":[` +
		`{"index":0,"status":"succeeded","output":{"attempt":2,"id":"each.0","with":{"json":"b","url":"http://x/0"}}},` +
		`{"index":1,"status":"succeeded","output":{"attempt":2,"id":"each.1","with":{"json":{"n":1},"url":"http://x/1"}}}` +
		`],"succeeded":2,"failed":0}`
	if string(got.Output) != want {
		t.Errorf("got  %s\nwant %s", got.Output, want)
	}
	if _, got := execute(t, echo, `{"items": [], "step": {"type": "http"}}`); string(got.Output) != `{"results":[],"succeeded":0,"failed":0}` {
		t.Errorf("got %s", got.Output)
	}
}

func TestFailing(t *testing.T) {
	step := `"step": {"type": "http", "with": {"json": "${item}"}}`
	_, got := execute(t, echo, `{"items": ["ok", "bad"], "concurrency": 1, `+step+`}`)
	if got.Status != worker.StatusFailed || got.Error != "item 1: bad item" || !got.Retryable {
		t.Errorf("%+v", got)
	}
	_, got = execute(t, echo, `{"items": ["ok", "bad"], "fail_fast": false, `+step+`}`)
	if got.Status != worker.StatusSucceeded || !strings.HasSuffix(string(got.Output), `{"index":1,"status":"failed","error":"bad item"}],"succeeded":1,"failed":1}`) {
		t.Errorf("%s", got.Output)
	}
	_, got = execute(t, echo, `{"items": [{}], "step": {"type": "http", "with": {"json": "${item.x}"}}}`)
	if got.Status != worker.StatusFailed || got.Retryable || !strings.Contains(got.Error, "`${item.x}`") {
		t.Errorf("%+v", got)
	}
}

// The first item fails only once the second one runs, and that one ends only when it is cancelled.
func TestFailFastCancelsTheOthers(t *testing.T) {
	started := make(chan struct{})
	var mu sync.Mutex
	calls := 0
	w := func(ctx context.Context, request worker.Request) worker.Result {
		mu.Lock()
		calls++
		mu.Unlock()
		if request.StepID == "each.0" {
			<-started
			return worker.Failed("first")
		}
		close(started)
		<-ctx.Done()
		return worker.FailedForNow("cancelled")
	}
	_, got := execute(t, w, `{"items": [0, 1, 2, 3], "concurrency": 2, "step": {"type": "http"}}`)
	if got.Error != "item 0: first" || got.Retryable || calls != 2 {
		t.Errorf("%+v after %d calls", got, calls)
	}
}

// Each call waits for another one: with a smaller limit this would hang, and with a greater one the count would show it.
func TestConcurrency(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	partner := make(chan struct{})
	w := func(context.Context, worker.Request) worker.Result {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		select {
		case partner <- struct{}{}:
		case <-partner:
		}
		mu.Lock()
		running--
		mu.Unlock()
		return worker.Succeeded(nil)
	}
	execute(t, w, `{"items": [0,1,2,3,4,5,6,7], "concurrency": 2, "step": {"type": "http"}}`)
	if most != 2 {
		t.Errorf("%d at a time", most)
	}
}

func TestWaitingItemsAreAskedAgain(t *testing.T) {
	asked := 0
	w := func(context.Context, worker.Request) worker.Result {
		if asked++; asked < 3 {
			return worker.Waiting(0)
		}
		return worker.Succeeded(asked)
	}
	if _, got := execute(t, w, `{"items": [0], "step": {"type": "agent"}}`); !strings.Contains(string(got.Output), `"output":3`) {
		t.Errorf("%s", got.Output)
	}
}

func TestInvalid(t *testing.T) {
	for _, with := range []string{
		`{"step": {"type": "http"}}`, `{"items": "abc", "step": {"type": "http"}}`, `{"items": []}`,
		`{"items": [], "step": {"type": "approval"}}`, `{"items": [], "step": {"type": "fanout"}}`,
		`{"items": [], "step": {"type": "http"}, "concurrency": -1}`,
	} {
		if code, _ := execute(t, echo, with); code != 400 {
			t.Errorf("%s: %d", with, code)
		}
	}
}
