// workflow-runner leases runs from the orchestrator and executes their steps on the workers.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"aob.dev/platform/cmd/workflow-runner/execution"
	"aob.dev/platform/common/env"
	"aob.dev/platform/common/service"
	"aob.dev/platform/common/worker/client"
)

func main() { service.Main("workflow-runner", build) }

func build(_ context.Context, vars *env.Reader) (service.Program, error) {
	name, err := os.Hostname()
	if err != nil {
		return service.Program{}, fmt.Errorf("the runner has no name: %w", err)
	}
	runner := execution.NewRunner(execution.Config{
		Name:            name,
		Orchestrator:    execution.Dial(vars.URL("ORCHESTRATOR_URL", "http://localhost:8081")),
		Workers:         client.FromEnvironment(vars, "agent", "approval", "fanout", "http"),
		MaxRuns:         vars.Count("MAX_RUNS", 4),
		ShutdownTimeout: vars.Duration("SHUTDOWN_TIMEOUT", 10*time.Second),
	})
	return service.Program{Background: runner.Run}, nil
}
