// fanout executes steps of type `fanout`: one inner step for each item of a list.
package main

import (
	"context"

	"aob.dev/platform/cmd/fanout/spread"
	"aob.dev/platform/common/env"
	"aob.dev/platform/common/service"
	"aob.dev/platform/common/worker/client"
)

func main() { service.Main("fanout", build) }

func build(_ context.Context, vars *env.Reader) (service.Program, error) {
	return service.Program{Handler: spread.Handler(client.FromEnvironment(vars, spread.InnerTypes...))}, nil
}
