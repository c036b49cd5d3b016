package httpclient

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/requestid"
)

// The answers are given one after the other, the last one again and again.
func serverOf(t *testing.T, answers ...func(http.ResponseWriter)) (*Client, *atomic.Int32) {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		call := int(calls.Add(1))
		answers[min(call, len(answers))-1](w)
	}))
	t.Cleanup(server.Close)
	client := New(server.URL, time.Minute)
	client.initial = time.Microsecond
	return client, &calls
}

func failing(status int, code string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		api.WriteError(context.Background(), w, api.Errorf(status, code, "no"))
	}
}

func ok(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"n": 7, "unknown": true}`) }

func hangUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func TestRetries(t *testing.T) {
	stopping := failing(503, "stopping")
	for name, c := range map[string]struct {
		answers    []func(http.ResponseWriter)
		repeatable bool
		calls      int
		succeeds   bool
	}{
		"success":                       {[]func(http.ResponseWriter){ok}, false, 1, true},
		"stopping is always safe":       {[]func(http.ResponseWriter){stopping, stopping, ok}, false, 3, true},
		"hang-up may have been taken":   {[]func(http.ResponseWriter){hangUp, ok}, false, 1, false},
		"hang-up of a repeatable call":  {[]func(http.ResponseWriter){hangUp, ok}, true, 2, true},
		"bad gateway":                   {[]func(http.ResponseWriter){failing(502, "x"), ok}, true, 2, true},
		"an answer stays what it is":    {[]func(http.ResponseWriter){failing(410, "lease_lost"), ok}, true, 1, false},
		"a bug is not healed by asking": {[]func(http.ResponseWriter){failing(500, "internal"), ok}, true, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			client, calls := serverOf(t, c.answers...)
			var into struct{ N int }
			_, err := client.Do(context.Background(), Call{Method: "POST", Path: "/x", Body: 1, Into: &into, Repeatable: c.repeatable})
			if got := int(calls.Load()); got != c.calls || (err == nil) != c.succeeds {
				t.Errorf("%d calls, error %v", got, err)
			}
			if c.succeeds && into.N != 7 {
				t.Errorf("read %v", into)
			}
		})
	}
}

func TestErrorsKeepTheirCode(t *testing.T) {
	client, _ := serverOf(t, failing(410, "lease_lost"))
	if status, err := client.Do(context.Background(), Call{Method: "GET", Path: "/"}); status != 410 || !api.IsCode(err, "lease_lost") {
		t.Errorf("%d, %v", status, err)
	}
}

func TestPatienceEnds(t *testing.T) {
	client := New("http://127.0.0.1:1", time.Nanosecond)
	if _, err := client.Do(context.Background(), Call{Method: "GET", Path: "/"}); err == nil {
		t.Error("nobody listens there")
	}
}

func TestRequestIDIsPassedOn(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.Header.Get(requestid.Header)
	}))
	defer server.Close()
	ctx := requestid.With(context.Background(), "q1")
	if _, err := New(server.URL, 0).Do(ctx, Call{Method: "GET", Path: "/"}); err != nil || got != "q1" {
		t.Errorf("%q, %v", got, err)
	}
}
