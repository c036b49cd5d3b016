package requestid_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aob.dev/platform/common/requestid"
)

func seen(t *testing.T, sent string) string {
	t.Helper()
	var inside string
	handler := requestid.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		inside = requestid.From(r.Context())
	}))
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set(requestid.Header, sent)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if answered := recorder.Header().Get(requestid.Header); answered != inside {
		t.Errorf("answered %q, inside %q", answered, inside)
	}
	return inside
}

func TestMiddleware(t *testing.T) {
	if got := seen(t, "abc"); got != "abc" {
		t.Errorf("the caller's id became %q", got)
	}
	if first, second := seen(t, ""), seen(t, ""); first == "" || first == second {
		t.Errorf("made up %q and %q", first, second)
	}
	if got := seen(t, strings.Repeat("x", 5000)); len(got) != 128 {
		t.Errorf("kept %d characters", len(got))
	}
}
