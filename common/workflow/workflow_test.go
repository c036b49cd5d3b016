package workflow_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"aob.dev/platform/common/workflow"
)

func TestParse(t *testing.T) {
	raw, err := os.ReadFile("testdata/release-notes.json")
	if err != nil {
		t.Fatal(err)
	}
	definition, err := workflow.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]time.Duration)
	for _, step := range definition.Steps {
		got[step.ID] = step.AttemptTimeout()
	}
	want := map[string]time.Duration{"fetch": time.Minute, "summarise": 30 * time.Second, "sign-off": time.Minute}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	// What the orchestrator keeps and hands on must mean the same as what was submitted.
	written, err := json.Marshal(definition)
	if err != nil {
		t.Fatal(err)
	}
	again, err := workflow.Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	rewritten, err := json.Marshal(again)
	if err != nil || string(written) != string(rewritten) {
		t.Errorf("%v: %s", err, cmp.Diff(string(written), string(rewritten)))
	}
}

func TestRefused(t *testing.T) {
	step := func(fields string) string { return `{"name": "x", "steps": [` + fields + `]}` }
	a := `{"id": "a", "type": "http"}`
	for _, c := range []struct{ definition, message string }{
		{`{"name": "x"}`, "no steps"},
		{`{"name": "Bad", "steps": [` + a + `]}`, "name `Bad`"},
		{step(a + "," + a), "`a` repeats"},
		{step(`{"id": "a.b", "type": "http"}`), "`a.b`"},
		{step(`{"id": "a", "type": "ftp"}`), "unknown type `ftp`"},
		{step(`{"id": "a", "type": "http", "needs": ["b"]}`), "needs `b`"},
		{step(`{"id": "a", "type": "http", "needs": ["a"]}`), "a -> a"},
		{step(`{"id": "a", "type": "http", "retries": -1}`), "-1 retries"},
		{step(`{"id": "a", "type": "http", "timeout": "soon"}`), "`soon`"},
		{step(`{"id": "a", "type": "http", "retry": 1}`), "retry"},
		{step(a + `,{"id": "b", "type": "http", "needs": ["a", "d"]}
			,{"id": "c", "type": "http", "needs": ["b"]},{"id": "d", "type": "http", "needs": ["c"]}`), "b -> d -> c -> b"},
		{`null`, "name ``"},
		{``, "not understood"},
	} {
		_, err := workflow.Parse(json.RawMessage(c.definition))
		if err == nil || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s\n%v does not say %q", c.definition, err, c.message)
		}
	}
}

func TestActivity(t *testing.T) {
	for _, c := range []struct {
		states []workflow.State
		want   workflow.Status
	}{
		{[]workflow.State{workflow.StepPending}, workflow.Running},
		{[]workflow.State{workflow.StepWaiting, workflow.StepPending, workflow.StepSucceeded}, workflow.Waiting},
		{[]workflow.State{workflow.StepWaiting, workflow.StepRunning}, workflow.Running},
	} {
		steps := make(map[string]workflow.StepState)
		for i, state := range c.states {
			steps[string(rune('a'+i))] = workflow.StepState{State: state}
		}
		if got := (workflow.Run{Steps: steps}).Activity(); got != c.want {
			t.Errorf("%v: %s, not %s", c.states, got, c.want)
		}
	}
}
