package worker_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"aob.dev/platform/common/worker"
)

func post(execute worker.Execute, body string) (int, string) {
	recorder := httptest.NewRecorder()
	worker.Handler("http", execute).ServeHTTP(recorder, httptest.NewRequest("POST", "/v1/execute", strings.NewReader(body)))
	return recorder.Code, recorder.Body.String()
}

func giving(result worker.Result) worker.Execute {
	return func(context.Context, worker.Request) (worker.Result, error) { return result, nil }
}

const request = `{"run_id": "r_1", "step_id": "a", "attempt": 1, "type": "http", "with": {"url": "x"}}`

func TestResults(t *testing.T) {
	for _, c := range []struct {
		result worker.Result
		want   string
	}{
		{worker.Succeeded(map[string]any{"a": "<1>"}), `{"status":"succeeded","output":{"a":"<1>"}}`},
		{worker.Succeeded(nil), `{"status":"succeeded","output":null}`},
		{worker.Failed("no %d", 1), `{"status":"failed","error":"no 1"}`},
		{worker.FailedForNow("no"), `{"status":"failed","error":"no","retryable":true}`},
		{worker.Waiting(2 * time.Second), `{"status":"waiting","retry_after":"2s"}`},
	} {
		if code, body := post(giving(c.result), request); code != 200 || body != c.want {
			t.Errorf("%d %s, not %s", code, body, c.want)
		}
	}
	if got := worker.Succeeded(make(chan int)); got.Status != worker.StatusFailed {
		t.Errorf("got %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	strict := func(_ context.Context, request worker.Request) (worker.Result, error) {
		_, err := worker.With[struct{ URL string }](request)
		return worker.Succeeded(nil), err
	}
	for _, c := range []struct {
		body, code string
		status     int
	}{
		{request, "", 200},
		{strings.Replace(request, `"url"`, `"uri"`, 1), "invalid_step", 400},
		{strings.Replace(request, `"http"`, `"agent"`, 1), "invalid_step", 400},
		{strings.Replace(request, `: 1,`, `: 0,`, 1), "invalid_request", 400},
		{`{`, "invalid_request", 400},
	} {
		if status, body := post(strict, c.body); status != c.status || !strings.Contains(body, c.code) {
			t.Errorf("%s: %d %s", c.body, status, body)
		}
	}
}

func TestTimeout(t *testing.T) {
	untilTheEnd := func(ctx context.Context, _ worker.Request) (worker.Result, error) {
		<-ctx.Done()
		return worker.Result{}, errors.New("interrupted")
	}
	code, body := post(untilTheEnd, strings.Replace(request, `"with"`, `"timeout": "1ms", "with"`, 1))
	if code != 200 || body != `{"status":"failed","error":"timed out after 1ms","retryable":true}` {
		t.Errorf("%d %s", code, body)
	}
}
