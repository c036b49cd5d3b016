// http-worker executes steps of type `http`: one request each.
package main

import (
	"context"

	"aob.dev/platform/cmd/http-worker/fetch"
	"aob.dev/platform/common/env"
	"aob.dev/platform/common/service"
)

func main() { service.Main("http-worker", build) }

func build(_ context.Context, vars *env.Reader) (service.Program, error) {
	return service.Program{Handler: fetch.Handler(vars.Count("MAX_BODY_BYTES", 1<<20))}, nil
}
