package env_test

import (
	"strings"
	"testing"
	"time"

	"aob.dev/platform/common/env"
)

func reader(vars map[string]string) *env.Reader {
	return env.From(func(name string) string { return vars[name] })
}

func TestDefaultsAndValues(t *testing.T) {
	r := reader(map[string]string{"PORT": "9000", "SHUTDOWN_TIMEOUT": "250ms", "EMPTY": "", "A_URL": "http://a:1/"})
	if got := r.URL("A_URL", "http://b"); got != "http://a:1" {
		t.Errorf("A_URL = %q", got)
	}
	if got := r.Port("PORT", 8081); got != 9000 {
		t.Errorf("PORT = %d", got)
	}
	if got := r.Duration("SHUTDOWN_TIMEOUT", time.Second); got != 250*time.Millisecond {
		t.Errorf("SHUTDOWN_TIMEOUT = %v", got)
	}
	if got := r.String("EMPTY", "fallback"); got != "fallback" {
		t.Errorf("EMPTY = %q", got)
	}
	if got := r.Count("MAX_RUNS", 4); got != 4 {
		t.Errorf("MAX_RUNS = %d", got)
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

func TestEveryMistakeIsReported(t *testing.T) {
	r := reader(map[string]string{"PORT": "70000", "WAIT": "5", "MAX_RUNS": "0", "LEASE": "0s", "A_URL": "a:8081"})
	r.URL("A_URL", "")
	r.Port("PORT", 1)
	r.Duration("WAIT", 1)
	r.Count("MAX_RUNS", 1)
	r.Duration("LEASE", 1)
	for _, name := range []string{"PORT", "WAIT", "MAX_RUNS", "LEASE", "A_URL"} {
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), name+": ") {
			t.Errorf("%s is missing in %v", name, err)
		}
	}
}
