package api_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"aob.dev/platform/common/api"
)

func serve(handler http.Handler, method, path, body string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
	return recorder
}

func TestErrorsAreJSON(t *testing.T) {
	mux := api.NewMux()
	mux.Handle("GET /teapot", api.Handler(func(http.ResponseWriter, *http.Request) error {
		return api.Errorf(http.StatusTeapot, "teapot", "no coffee in `%s`", "<pot>")
	}))
	mux.Handle("GET /broken", api.Handler(func(http.ResponseWriter, *http.Request) error {
		return errors.New("password is 1234")
	}))
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/teapot", 418, "{\"error\":{\"code\":\"teapot\",\"message\":\"no coffee in `<pot>`\"}}"},
		{"GET", "/broken", 500, `{"error":{"code":"internal","message":"the service failed; its log tells why"}}`},
		{"PUT", "/nowhere", 404, `{"error":{"code":"not_found","message":"there is no PUT /nowhere"}}`},
	} {
		answer := serve(mux, c.method, c.path, "")
		if answer.Code != c.status || answer.Body.String() != c.body {
			t.Errorf("%s %s: %d %s", c.method, c.path, answer.Code, answer.Body)
		}
		if got := answer.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type %q", got)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	handler := api.Handler(func(w http.ResponseWriter, r *http.Request) error {
		var into struct{ Name string }
		return api.Read(w, r, &into)
	})
	for body, status := range map[string]int{
		`{"name": "x"}`:    200,
		`{"nmae": "x"}`:    400,
		`{"name": "x"} {}`: 400,
		``:                 400,
		`{"name": 1}`:      400,
		`{"name":"` + strings.Repeat("x", api.MaxBodyBytes): 413,
	} {
		if got := serve(handler, "POST", "/", body).Code; got != status {
			t.Errorf("%.20s: %d, not %d", body, got, status)
		}
	}
}

func TestReadError(t *testing.T) {
	err := api.ReadError(410, []byte(`{"error":{"code":"lease_lost","message":"gone"}}`))
	if !api.IsCode(err, "lease_lost") || err.Status != 410 || err.Error() != "gone" {
		t.Errorf("got %#v", err)
	}
	if err := api.ReadError(502, []byte("<html>")); err.Code != "unexpected_answer" {
		t.Errorf("got %#v", err)
	}
}
