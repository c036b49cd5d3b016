// hitl-worker executes steps of type `approval`: it asks people, and keeps their answers.
package main

import (
	"context"
	"path/filepath"
	"time"

	"aob.dev/platform/cmd/hitl-worker/approvals"
	"aob.dev/platform/common/env"
	"aob.dev/platform/common/service"
)

// A decision reaches the run within this time.
const pollInterval = 2 * time.Second

func main() { service.Main("hitl-worker", build) }

func build(_ context.Context, vars *env.Reader) (service.Program, error) {
	book, err := approvals.Open(filepath.Join(vars.String("DATA_DIR", "/data"), "approvals.db"), time.Now)
	if err != nil {
		return service.Program{}, err
	}
	return service.Program{Handler: approvals.Handler(book, pollInterval), Close: book.Close}, nil
}
