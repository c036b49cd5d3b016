// orchestrator keeps runs, and leases them to those who execute them.
package main

import (
	"context"
	"path/filepath"
	"time"

	"aob.dev/platform/cmd/orchestrator/runs"
	"aob.dev/platform/common/env"
	"aob.dev/platform/common/service"
)

func main() { service.Main("orchestrator", build) }

func build(ctx context.Context, vars *env.Reader) (service.Program, error) {
	lease := vars.Duration("LEASE_DURATION", 15*time.Second)
	registry, err := runs.Open(filepath.Join(vars.String("DATA_DIR", "/data"), "runs.db"), lease, time.Now)
	if err != nil {
		return service.Program{}, err
	}
	return service.Program{
		Handler:    runs.Handler(ctx, registry),
		Background: registry.ExpireLeases,
		Close:      registry.Close,
	}, nil
}
