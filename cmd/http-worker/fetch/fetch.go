// Package fetch makes the request an `http` step describes.
package fetch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/requestid"
	"aob.dev/platform/common/worker"
)

type output struct {
	Status     int               `json:"status"`
	Headers    map[string]string `json:"headers"`
	Body       any               `json:"body"`
	DurationMS int64             `json:"duration_ms"`
}

// Handler takes in at most maxBody bytes of an answer; a longer one fails the step.
func Handler(maxBody int) http.Handler {
	fetcher := fetcher{maxBody: maxBody, client: &http.Client{}}
	mux := api.NewMux()
	mux.Handle("POST /v1/execute", worker.Handler("http", fetcher.execute))
	return mux
}

type fetcher struct {
	maxBody int
	client  *http.Client
}

func (f fetcher) execute(ctx context.Context, request worker.Request) (worker.Result, error) {
	with, err := worker.With[parameters](request)
	if err != nil {
		return worker.Result{}, err
	}
	outgoing, err := with.request(ctx)
	if err != nil {
		return worker.Result{}, worker.InvalidStep("step `%s`: %v", request.StepID, err)
	}
	if id := requestid.From(ctx); id != "" && outgoing.Header.Get(requestid.Header) == "" {
		outgoing.Header.Set(requestid.Header, id)
	}
	return f.fetch(outgoing, with.ExpectStatus), nil
}

func (f fetcher) fetch(request *http.Request, expected []int) worker.Result {
	started := time.Now()
	answer, err := f.client.Do(request)
	if err != nil {
		return worker.FailedForNow("%v", err)
	}
	defer answer.Body.Close()
	// One byte more than allowed tells a body that fits from one that is cut.
	body, err := io.ReadAll(io.LimitReader(answer.Body, int64(f.maxBody)+1))
	if err != nil {
		return worker.FailedForNow("reading the body of %s: %v", request.URL, err)
	}
	if len(body) > f.maxBody {
		return worker.Failed("the body of %s is larger than %d bytes", request.URL, f.maxBody)
	}
	if !isExpected(answer.StatusCode, expected) {
		return unexpected(request, answer.StatusCode, body)
	}
	return worker.Succeeded(output{
		Status: answer.StatusCode, Headers: flat(answer.Header),
		Body: decoded(answer.Header.Get("Content-Type"), body), DurationMS: time.Since(started).Milliseconds(),
	})
}

func isExpected(status int, expected []int) bool {
	if len(expected) == 0 {
		return status >= 200 && status < 300
	}
	return slices.Contains(expected, status)
}

func unexpected(request *http.Request, status int, body []byte) worker.Result {
	message := fmt.Sprintf("%s %s answered %d: %.200s", request.Method, request.URL, status, body)
	if status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
		return worker.FailedForNow("%s", message)
	}
	return worker.Failed("%s", message)
}

func flat(headers http.Header) map[string]string {
	flat := make(map[string]string, len(headers))
	for name, values := range headers {
		flat[name] = strings.Join(values, ", ")
	}
	return flat
}

// A body that says it is JSON and is not stays text: the workflow's author can see it then.
func decoded(contentType string, body []byte) any {
	mediaType, _, err := mime.ParseMediaType(contentType)
	isJSON := err == nil && (mediaType == "application/json" || strings.HasSuffix(mediaType, "+json"))
	if isJSON && json.Valid(body) {
		return json.RawMessage(body)
	}
	return string(body)
}
