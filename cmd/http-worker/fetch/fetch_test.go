package fetch_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aob.dev/platform/cmd/http-worker/fetch"
	"aob.dev/platform/common/worker"
)

func execute(t *testing.T, with string) (int, worker.Result) {
	t.Helper()
	body := fmt.Sprintf(`{"run_id": "r_1", "step_id": "a", "attempt": 1, "type": "http", "with": %s, "timeout": "10s"}`, with)
	request := httptest.NewRequest("POST", "/v1/execute", strings.NewReader(body))
	recorder := httptest.NewRecorder()
	fetch.Handler(64).ServeHTTP(recorder, request)
	var result worker.Result
	if err := json.Unmarshal(recorder.Body.Bytes(), &result); err != nil && recorder.Code == 200 {
		t.Fatal(err)
	}
	return recorder.Code, result
}

type answer struct {
	Status  int
	Headers map[string]string
	Body    any
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestRequest(t *testing.T) {
	var got []string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = []string{r.Method, r.URL.String(), r.Header.Get("X-Key"), r.Header.Get("Content-Type"), string(body), r.Host}
		w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
		w.Header().Add("X-Many", "1")
		w.Header().Add("X-Many", "2")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"n": 1}`)
	})
	with := `{"method": "PUT", "url": "` + url + `/x?a=1&b=1", "query": {"b": 2, "c": ["3", true]}, "json": {"k": "<v>"},
		"headers": {"x-key": "secret", "host": "example.org"}, "expect_status": [200, 404]}`
	_, result := execute(t, with)
	want := []string{"PUT", "/x?a=1&b=2&c=3&c=true", "secret", "application/json", `{"k": "<v>"}`, "example.org"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("sent %q\nnot  %q", got, want)
	}
	var output answer
	if err := json.Unmarshal(result.Output, &output); err != nil {
		t.Fatalf("%v: %+v", err, result)
	}
	if output.Status != 404 || output.Headers["X-Many"] != "1, 2" || fmt.Sprint(output.Body) != "map[n:1]" {
		t.Errorf("got %+v", output)
	}
}

func TestTextBody(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{broken`)
	})
	_, result := execute(t, `{"url": "`+url+`"}`)
	var output answer
	if err := json.Unmarshal(result.Output, &output); err != nil || output.Body != "{broken" {
		t.Errorf("%v: %+v", err, result)
	}
}

func TestFailures(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			_, _ = io.WriteString(w, strings.Repeat("x", 65))
		case "/fits":
			_, _ = io.WriteString(w, strings.Repeat("x", 64))
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/gone":
			w.WriteHeader(http.StatusGone)
		}
	})
	for _, c := range []struct {
		url       string
		status    worker.Status
		retryable bool
	}{
		{url + "/fits", worker.StatusSucceeded, false},
		{url + "/long", worker.StatusFailed, false},
		{url + "/busy", worker.StatusFailed, true},
		{url + "/gone", worker.StatusFailed, false},
		{"http://127.0.0.1:1/", worker.StatusFailed, true},
	} {
		if _, got := execute(t, `{"url": "`+c.url+`"}`); got.Status != c.status || got.Retryable != c.retryable {
			t.Errorf("%s: %+v", c.url, got)
		}
	}
}

func TestInvalid(t *testing.T) {
	for _, with := range []string{
		`{}`, `{"url": "file:///etc/passwd"}`, `{"url": "http://x", "json": 1, "body": "1"}`, `{"url": "http://x", "method": "A B"}`,
		`{"uri": "http://x"}`, `{"url": "http://x", "expect_status": 200}`,
	} {
		if code, _ := execute(t, with); code != 400 {
			t.Errorf("%s: %d", with, code)
		}
	}
}
