// Package httpclient calls the platform's HTTP interfaces, and calls again where that is safe.
package httpclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/requestid"
)

// Client speaks with one service.
type Client struct {
	base     string
	patience time.Duration
	initial  time.Duration
}

// New takes an address without a slash at its end. The client calls again for as long as its patience lasts; with none, for as
// long as the context of a call.
func New(base string, patience time.Duration) *Client {
	return &Client{base: base, patience: patience, initial: 100 * time.Millisecond}
}

// Call is one request; Body and Into are JSON, and either may be nil.
type Call struct {
	Method, Path string
	Body, Into   any
	// Repeatable calls are made again after any failure on the way. Others only when the server never took them.
	Repeatable bool
}

// Do returns the answer's status. An answer of 400 or more is an *api.Error.
func (c *Client) Do(ctx context.Context, call Call) (int, error) {
	var body []byte
	if call.Body != nil {
		var err error
		if body, err = api.Marshal(call.Body); err != nil {
			return 0, fmt.Errorf("%s %s: %w", call.Method, call.Path, err)
		}
	}
	pace := backoff.NewExponentialBackOff()
	pace.InitialInterval, pace.MaxInterval = c.initial, 5*time.Second
	return backoff.Retry(ctx, func() (int, error) {
		status, err := c.once(ctx, call, body)
		if err != nil && !(errorIsSafe(err) || call.Repeatable && errorMayPass(err)) {
			err = backoff.Permanent(err)
		}
		return status, err
	}, backoff.WithBackOff(pace), backoff.WithMaxElapsedTime(c.patience))
}

func (c *Client) once(ctx context.Context, call Call, body []byte) (int, error) {
	request, err := http.NewRequestWithContext(ctx, call.Method, c.base+call.Path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if call.Body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if id := requestid.From(ctx); id != "" {
		request.Header.Set(requestid.Header, id)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return answer.StatusCode, err
	}
	return answer.StatusCode, read(answer.StatusCode, text, call.Into)
}

// A newer server may say more than this client knows, so unknown fields pass.
func read(status int, text []byte, into any) error {
	if status >= http.StatusBadRequest {
		return api.ReadError(status, text)
	}
	if into == nil || status == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return api.Errorf(status, "unexpected_answer", "answer is not understood: %v", err)
	}
	return nil
}

// The server never took the request: it was not reached, or it is stopping.
func errorIsSafe(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return true
	}
	return api.IsCode(err, "stopping")
}

func errorMayPass(err error) bool {
	var answer *api.Error
	if !errors.As(err, &answer) {
		return true
	}
	switch answer.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}
