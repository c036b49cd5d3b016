package fetch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"aob.dev/platform/common/api"
)

// parameters are the `with` of an `http` step.
type parameters struct {
	Method       string            `json:"method"`
	URL          string            `json:"url"`
	Headers      map[string]string `json:"headers"`
	Query        map[string]any    `json:"query"`
	JSON         json.RawMessage   `json:"json"`
	Body         string            `json:"body"`
	ExpectStatus []int             `json:"expect_status"`
}

func (p parameters) request(ctx context.Context) (*http.Request, error) {
	target, err := p.target()
	if err != nil {
		return nil, err
	}
	if p.JSON != nil && p.Body != "" {
		return nil, errors.New("`json` and `body` exclude each other")
	}
	body := []byte(p.Body)
	if p.JSON != nil {
		body = p.JSON
	}
	request, err := http.NewRequestWithContext(ctx, p.Method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if p.JSON != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range p.Headers {
		request.Header.Set(name, value)
	}
	// net/http sends the Host of the request and ignores the one among its headers.
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	return request, nil
}

func (p parameters) target() (string, error) {
	target, err := url.Parse(p.URL)
	if err != nil {
		return "", err
	}
	if target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return "", fmt.Errorf("`url` is `%s`, and not an http or https address", p.URL)
	}
	query := target.Query()
	for name, value := range p.Query {
		values, isList := value.([]any)
		if !isList {
			values = []any{value}
		}
		query.Del(name)
		for _, value := range values {
			text, err := queryText(value)
			if err != nil {
				return "", err
			}
			query.Add(name, text)
		}
	}
	if len(p.Query) > 0 {
		target.RawQuery = query.Encode()
	}
	return target.String(), nil
}

func queryText(value any) (string, error) {
	if text, isText := value.(string); isText {
		return text, nil
	}
	text, err := api.Marshal(value)
	return string(text), err
}
