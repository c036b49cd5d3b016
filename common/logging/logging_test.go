package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"aob.dev/platform/common/logging"
	"aob.dev/platform/common/requestid"
)

func TestFields(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(&out, "fanout", slog.LevelInfo)
	log.DebugContext(context.Background(), "too quiet")
	log.With("run_id", "r_1").InfoContext(requestid.With(context.Background(), "q1"), "hello", "n", 2)

	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %q", err, out.String())
	}
	if !strings.HasSuffix(line["time"].(string), "Z") {
		t.Errorf("time %v is not UTC", line["time"])
	}
	delete(line, "time")
	want := map[string]any{
		"level": "INFO", "msg": "hello", "service": "fanout", "run_id": "r_1", "request_id": "q1", "n": 2.0,
	}
	if len(line) != len(want) {
		t.Errorf("got %v", line)
	}
	for key, value := range want {
		if line[key] != value {
			t.Errorf("%s = %v, not %v", key, line[key], value)
		}
	}
}

func TestParseLevel(t *testing.T) {
	if level, err := logging.ParseLevel("warn"); err != nil || level != slog.LevelWarn {
		t.Errorf("got %v, %v", level, err)
	}
	if _, err := logging.ParseLevel("loud"); err == nil {
		t.Error("`loud` was taken for a level")
	}
}
