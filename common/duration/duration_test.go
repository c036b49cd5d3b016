package duration_test

import (
	"encoding/json"
	"testing"
	"time"

	"aob.dev/platform/common/duration"
)

func TestJSONRoundTrip(t *testing.T) {
	var got struct{ D duration.Duration }
	if err := json.Unmarshal([]byte(`{"D":"250ms"}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.D.Std() != 250*time.Millisecond {
		t.Fatalf("got %v", got.D)
	}
	text, err := json.Marshal(got)
	if err != nil || string(text) != `{"D":"250ms"}` {
		t.Fatalf("got %s, %v", text, err)
	}
}

func TestRefused(t *testing.T) {
	for _, text := range []string{`5`, `"5"`, `"-1s"`, `"soon"`, `""`} {
		var d duration.Duration
		if err := json.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%s was taken for %v", text, d)
		}
	}
}
