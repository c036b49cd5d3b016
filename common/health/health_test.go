package health_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"aob.dev/platform/common/health"
)

func get(handler http.Handler, path string) (int, string) {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder.Code, recorder.Body.String()
}

func TestStopping(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	gate := health.NewGate("fanout", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-finish
	}))
	if code, body := get(gate, "/health"); code != 200 || body != `{"status":"ok","service":"fanout"}` {
		t.Errorf("%d %s", code, body)
	}

	answered := make(chan int)
	go func() {
		code, _ := get(gate, "/work")
		answered <- code
	}()
	<-entered
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := gate.Close(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("closed over a request in flight: %v", err)
	}

	if code, body := get(gate, "/health"); code != 503 || body != `{"status":"stopping","service":"fanout"}` {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := get(gate, "/work"); code != 503 {
		t.Errorf("new work got %d", code)
	}
	close(finish)
	if code := <-answered; code != 200 {
		t.Errorf("the request in flight got %d", code)
	}
	if err := gate.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
