// Package requestid carries the X-Request-Id of a request through its context, to logs and to the next service.
package requestid

import (
	"context"
	"crypto/rand"
	"net/http"
)

const Header = "X-Request-Id"

// A longer id is cut: it is written to every log line and repeated on every request that follows.
const maxLength = 128

type key struct{}

func With(ctx context.Context, id string) context.Context { return context.WithValue(ctx, key{}, id) }

// From is empty for a context without an id.
func From(ctx context.Context) string {
	id, _ := ctx.Value(key{}).(string)
	return id
}

// Middleware takes the caller's id or makes one up, and repeats it in the answer.
func Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(Header)
		if id == "" {
			id = rand.Text()
		}
		id = id[:min(len(id), maxLength)]
		w.Header().Set(Header, id)
		next.ServeHTTP(w, r.WithContext(With(r.Context(), id)))
	})
}
