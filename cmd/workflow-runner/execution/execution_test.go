package execution

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/worker"
	"aob.dev/platform/common/workflow"
)

// desk is an orchestrator that hands out the runs it was given, and writes down what it is told.
type desk struct {
	mu      sync.Mutex
	runs    chan workflow.Run
	told    []string
	endings chan workflow.Ending
	refuse  func(update workflow.StepUpdate) error
	lost    bool
}

func newDesk() *desk {
	return &desk{runs: make(chan workflow.Run, 9), endings: make(chan workflow.Ending, 9)}
}

func (d *desk) tell(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, fmt.Sprintf(format, args...))
}

func (d *desk) heard() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.told)
}

func (d *desk) Lease(ctx context.Context, _ string, _ time.Duration) (*workflow.Grant, error) {
	select {
	case run := <-d.runs:
		return &workflow.Grant{Run: run, Lease: workflow.Lease{ID: "l_" + run.ID, ExpiresAt: time.Now().Add(time.Minute)}}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *desk) Renew(_ context.Context, leaseID string) (workflow.Lease, error) {
	if d.lost {
		return workflow.Lease{}, api.Errorf(410, "lease_lost", "gone")
	}
	return workflow.Lease{ID: leaseID, ExpiresAt: time.Now().Add(time.Minute)}, nil
}

func (d *desk) RecordStep(_ context.Context, _, stepID string, update workflow.StepUpdate) error {
	if d.refuse != nil {
		if err := d.refuse(update); err != nil {
			return err
		}
	}
	d.tell("%s %s %d", stepID, update.State, update.Attempt)
	return nil
}

func (d *desk) Finish(_ context.Context, leaseID string, ending workflow.Ending) error {
	d.tell("finish %s %s", leaseID, ending.Status)
	d.endings <- ending
	return nil
}

func (d *desk) Release(_ context.Context, leaseID string) error {
	d.tell("release %s", leaseID)
	return nil
}

type workers func(ctx context.Context, request worker.Request) worker.Result

func (w workers) Execute(ctx context.Context, request worker.Request) worker.Result {
	return w(ctx, request)
}

func aRun(t *testing.T, id, definition string) workflow.Run {
	t.Helper()
	parsed, err := workflow.Parse(json.RawMessage(definition))
	if err != nil {
		t.Fatal(err)
	}
	steps := make(map[string]workflow.StepState)
	for _, step := range parsed.Steps {
		steps[step.ID] = workflow.StepState{State: workflow.StepPending}
	}
	return workflow.Run{ID: id, Workflow: parsed, Input: parsed.Input, Steps: steps}
}

// start runs a runner that never really pauses, and stops it with the test.
func start(t *testing.T, d *desk, w workers, maxRuns int) (stop func()) {
	t.Helper()
	runner := NewRunner(Config{Name: "test", Orchestrator: d, Workers: w, MaxRuns: maxRuns, ShutdownTimeout: time.Minute})
	runner.pause = func(ctx context.Context, _ time.Duration) error {
		time.Sleep(50 * time.Microsecond)
		return ctx.Err()
	}
	return startRunner(t, runner)
}

func startRunner(t *testing.T, runner *Runner) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func expect(t *testing.T, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func succeed(_ context.Context, request worker.Request) worker.Result {
	return worker.Succeeded(map[string]any{"of": request.StepID, "with": request.With})
}

func TestStepsInOrderOfTheirNeeds(t *testing.T) {
	d := newDesk()
	d.runs <- aRun(t, "r", `{"name": "x", "input": {"n": 10000000000000001}, "steps": [
		{"id": "b", "type": "http", "needs": ["a"], "with": {"json": "${steps.a.output.with}"}},
		{"id": "a", "type": "http", "with": {"n": "${input.n}"}}
	], "output": {"b": "${steps.b.output.with.json.n}"}}`)
	start(t, d, succeed, 1)
	if ending := <-d.endings; string(ending.Output) != `{"b":10000000000000001}` {
		t.Errorf("%+v %s", ending, ending.Output)
	}
	expect(t, d.heard(), []string{"a running 1", "a succeeded 1", "b running 1", "b succeeded 1", "finish l_r succeeded"})
}

// Each of the two steps ends only when the other one has begun.
func TestIndependentStepsRunInParallel(t *testing.T) {
	meet := make(chan struct{})
	d := newDesk()
	d.runs <- aRun(t, "r", `{"name": "x", "steps": [{"id": "a", "type": "http"}, {"id": "b", "type": "http"}]}`)
	start(t, d, func(context.Context, worker.Request) worker.Result {
		select {
		case meet <- struct{}{}:
		case <-meet:
		}
		return worker.Succeeded(nil)
	}, 1)
	if ending := <-d.endings; ending.Status != workflow.Succeeded {
		t.Errorf("%+v", ending)
	}
}

func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		result worker.Result
		want   []string
	}{
		"transient": {worker.FailedForNow("no"), []string{"a running 1", "a running 2", "a running 3", "a failed 3", "finish l_r failed"}},
		"final":     {worker.Failed("no"), []string{"a running 1", "a failed 1", "finish l_r failed"}},
		"nonsense":  {worker.Result{Status: "odd"}, []string{"a running 1", "a failed 1", "finish l_r failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			d.runs <- aRun(t, "r", `{"name": "x", "steps": [{"id": "a", "type": "http", "retries": 2}, {"id": "b", "type": "http", "needs": ["a"]}]}`)
			start(t, d, func(context.Context, worker.Request) worker.Result { return c.result }, 1)
			if ending := <-d.endings; !strings.HasPrefix(ending.Error, "step `a` failed: ") {
				t.Errorf("%+v", ending)
			}
			expect(t, d.heard(), c.want)
		})
	}
}

func TestUnknownReferences(t *testing.T) {
	for definition, message := range map[string]string{
		`{"name": "x", "steps": [{"id": "a", "type": "http", "with": {"url": "${input.url}"}}]}`:       "step `a` failed: unknown reference `${input.url}`",
		`{"name": "x", "steps": [{"id": "a", "type": "http"}], "output": "${steps.a.output.nothing}"}`: "the output of the workflow: unknown reference",
	} {
		d := newDesk()
		d.runs <- aRun(t, "r", definition)
		start(t, d, succeed, 1)
		if ending := <-d.endings; ending.Status != workflow.Failed || !strings.HasPrefix(ending.Error, message) {
			t.Errorf("%+v", ending)
		}
	}
}

func TestFanoutKeepsItsOwnReferences(t *testing.T) {
	var got string
	d := newDesk()
	d.runs <- aRun(t, "r", `{"name": "x", "input": {"l": [1], "h": "${item}"}, "steps": [{"id": "a", "type": "fanout", "with":
		{"items": "${input.l}", "step": {"type": "http", "with": {"url": "${input.h}/${item}/${index}"}}}}]}`)
	start(t, d, func(_ context.Context, request worker.Request) worker.Result {
		got = string(request.With)
		return worker.Succeeded(nil)
	}, 1)
	<-d.endings
	if want := `{"items":[1],"step":{"type":"http","with":{"url":"$${item}/${item}/${index}"}}}`; got != want {
		t.Errorf("got %s", got)
	}
}

func TestResumedRunExecutesOnlyWhatIsLeft(t *testing.T) {
	run := aRun(t, "r", `{"name": "x", "steps": [{"id": "a", "type": "http"}, {"id": "b", "type": "http"},
		{"id": "c", "type": "approval"}, {"id": "d", "type": "http", "needs": ["a"], "with": {"x": "${steps.a.output}"}}]}`)
	run.Steps["a"] = workflow.StepState{State: workflow.StepSucceeded, Attempt: 1, Output: json.RawMessage(`7`)}
	run.Steps["b"] = workflow.StepState{State: workflow.StepRunning, Attempt: 2}
	run.Steps["c"] = workflow.StepState{State: workflow.StepWaiting, Attempt: 1}
	var mu sync.Mutex
	var executed []string
	d := newDesk()
	d.runs <- run
	start(t, d, func(_ context.Context, request worker.Request) worker.Result {
		mu.Lock()
		defer mu.Unlock()
		executed = append(executed, fmt.Sprint(request.StepID, request.Attempt, string(request.With)))
		return worker.Succeeded(nil)
	}, 1)
	<-d.endings
	slices.Sort(executed)
	expect(t, executed, []string{"b2", "c1", `d1{"x":7}`})
}

// With one place, a second run is executed while the first one waits, and only after that the first one goes on.
func TestWaitingRunGivesItsPlaceAway(t *testing.T) {
	answered := make(chan struct{})
	d := newDesk()
	d.runs <- aRun(t, "waiting", `{"name": "x", "steps": [{"id": "a", "type": "approval"}, {"id": "b", "type": "http", "needs": ["a"]}]}`)
	d.runs <- aRun(t, "working", `{"name": "x", "steps": [{"id": "c", "type": "agent"}]}`)
	start(t, d, func(_ context.Context, request worker.Request) worker.Result {
		if request.Type == "approval" {
			select {
			case <-answered:
			default:
				return worker.Waiting(time.Second)
			}
		}
		if request.Type == "agent" {
			close(answered)
		}
		return worker.Succeeded(nil)
	}, 1)
	<-d.endings
	<-d.endings
	told := d.heard()
	if !slices.Contains(told, "a waiting 1") || slices.Index(told, "b running 1") < slices.Index(told, "c succeeded 1") {
		t.Errorf("%q", told)
	}
}

func TestFailureEndsWhatWaits(t *testing.T) {
	d := newDesk()
	d.runs <- aRun(t, "r", `{"name": "x", "steps": [{"id": "a", "type": "approval"}, {"id": "b", "type": "http"}]}`)
	waiting := make(chan struct{})
	var once sync.Once
	start(t, d, func(_ context.Context, request worker.Request) worker.Result {
		if request.Type == "approval" {
			once.Do(func() { close(waiting) })
			return worker.Waiting(time.Second)
		}
		<-waiting
		return worker.Failed("no")
	}, 1)
	if ending := <-d.endings; ending.Error != "step `b` failed: no" {
		t.Errorf("%+v", ending)
	}
}

// A call to a worker that runs when the runner is stopped ends, nothing new begins, and the lease is released.
func TestStopReleases(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	d := newDesk()
	d.runs <- aRun(t, "r", `{"name": "x", "steps": [{"id": "a", "type": "http"}, {"id": "b", "type": "http", "needs": ["a"]}]}`)
	runner := NewRunner(Config{Name: "test", Orchestrator: d, MaxRuns: 2, ShutdownTimeout: time.Minute, Workers: workers(
		func(context.Context, worker.Request) worker.Result {
			close(begun)
			<-finish
			return worker.Succeeded(nil)
		})})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- runner.Run(ctx) }()
	<-begun
	cancel()
	close(finish)
	if err := <-done; err != nil {
		t.Error(err)
	}
	expect(t, d.heard(), []string{"a running 1", "a succeeded 1", "release l_r"})
}

func TestStopAbortsWhatDoesNotEnd(t *testing.T) {
	begun := make(chan struct{})
	d := newDesk()
	d.runs <- aRun(t, "r", `{"name": "x", "steps": [{"id": "a", "type": "http"}]}`)
	runner := NewRunner(Config{Name: "test", Orchestrator: d, MaxRuns: 1, ShutdownTimeout: time.Millisecond, Workers: workers(
		func(ctx context.Context, _ worker.Request) worker.Result {
			close(begun)
			<-ctx.Done()
			return worker.FailedForNow("cut off")
		})})
	stop := startRunner(t, runner)
	<-begun
	stop()
	expect(t, d.heard(), []string{"a running 1", "release l_r"})
}

func TestLostLeaseEndsTheExecution(t *testing.T) {
	d := newDesk()
	d.refuse = func(update workflow.StepUpdate) error {
		if update.State == workflow.StepSucceeded {
			return api.Errorf(410, "lease_lost", "gone")
		}
		return nil
	}
	d.runs <- aRun(t, "r", `{"name": "x", "steps": [{"id": "a", "type": "http"}, {"id": "b", "type": "http", "needs": ["a"]}]}`)
	d.runs <- aRun(t, "next", `{"name": "x", "steps": [{"id": "c", "type": "http", "with": {"x": "${nothing}"}}]}`)
	start(t, d, succeed, 1)
	<-d.endings
	expect(t, d.heard(), []string{"a running 1", "c failed 1", "finish l_next failed"})
}

func TestTooLargeOutputFailsTheStep(t *testing.T) {
	d := newDesk()
	d.refuse = func(update workflow.StepUpdate) error {
		if update.Output != nil {
			return api.Errorf(413, "too_large", "no")
		}
		return nil
	}
	d.runs <- aRun(t, "r", `{"name": "x", "steps": [{"id": "a", "type": "http"}]}`)
	start(t, d, succeed, 1)
	if ending := <-d.endings; !strings.Contains(ending.Error, "larger") {
		t.Errorf("%+v", ending)
	}
	expect(t, d.heard(), []string{"a running 1", "a failed 1", "finish l_r failed"})
}

func TestKeepEndsWithTheLease(t *testing.T) {
	d := newDesk()
	d.lost = true
	runner := NewRunner(Config{Orchestrator: d, MaxRuns: 1})
	held, lose := context.WithCancelCause(context.Background())
	runner.keep(held, lose, workflow.Lease{ID: "l", ExpiresAt: time.Now()})
	if err := context.Cause(held); !api.IsCode(err, "lease_lost") {
		t.Error(err)
	}
}
