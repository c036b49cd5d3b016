// Package api is how the platform's HTTP interfaces speak JSON: bodies in, answers and errors out.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// MaxBodyBytes bounds what a service reads of a request: a run's outputs are a few 1 MiB bodies of http steps.
const MaxBodyBytes = 32 << 20

// Error is an answer other than success: `{"error": {"code": …, "message": …}}` with its status.
type Error struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

func Errorf(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// IsCode tells whether err is an answer with that code.
func IsCode(err error, code string) bool {
	var answer *Error
	return errors.As(err, &answer) && answer.Code == code
}

type envelope struct {
	Error *Error `json:"error"`
}

// Handler answers with the error it returns, unless that is nil.
type Handler func(w http.ResponseWriter, r *http.Request) error

func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		WriteError(r.Context(), w, err)
	}
}

// NewMux answers in JSON where http.ServeMux would answer in plain text.
func NewMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/", Handler(NotFound))
	return mux
}

func NotFound(_ http.ResponseWriter, r *http.Request) error {
	return Errorf(http.StatusNotFound, "not_found", "there is no %s %s", r.Method, r.URL.Path)
}

func WriteJSON(w http.ResponseWriter, status int, value any) error {
	body, err := Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The status is out already: all that can fail here is a caller who went away.
	_, _ = w.Write(body)
	return nil
}

// WriteError hides errors that are no *Error from the caller, and logs them.
func WriteError(ctx context.Context, w http.ResponseWriter, err error) {
	var answer *Error
	if !errors.As(err, &answer) {
		slog.ErrorContext(ctx, "request failed", "error", err.Error())
		answer = Errorf(http.StatusInternalServerError, "internal", "the service failed; its log tells why")
	}
	if err := WriteJSON(w, answer.Status, envelope{answer}); err != nil {
		slog.ErrorContext(ctx, "error not sent", "error", err.Error())
	}
}

// Read takes the request's body for one JSON value of known fields, and otherwise returns 400 `invalid_request`.
func Read(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBodyBytes))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return Errorf(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than %d bytes", MaxBodyBytes)
	}
	if err != nil {
		return Errorf(http.StatusBadRequest, "invalid_request", "the body could not be read: %v", err)
	}
	if err := Unmarshal(body, into); err != nil {
		return Errorf(http.StatusBadRequest, "invalid_request", "%v", err)
	}
	return nil
}

// ReadError takes the body of an answer that is no success for the error it holds.
func ReadError(status int, body []byte) *Error {
	var answer envelope
	if err := json.Unmarshal(body, &answer); err != nil || answer.Error == nil {
		return Errorf(status, "unexpected_answer", "answered %d %s", status, http.StatusText(status))
	}
	answer.Error.Status = status
	return answer.Error
}

// Unmarshal refuses unknown fields, so that a misspelt one is an error and not a default.
func Unmarshal(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("not the expected JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("not the expected JSON: more than one value")
	}
	return nil
}

// Marshal leaves `<`, `>` and `&` readable: nothing here ends up in HTML.
func Marshal(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
