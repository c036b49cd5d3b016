package approvals_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"aob.dev/platform/cmd/hitl-worker/approvals"
	"aob.dev/platform/common/worker"
)

type desk struct {
	t    *testing.T
	path string
	now  time.Time
	book *approvals.Book
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, path: filepath.Join(t.TempDir(), "approvals.db"), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	d.open()
	t.Cleanup(func() { d.book.Close() })
	return d
}

func (d *desk) open() {
	book, err := approvals.Open(d.path, func() time.Time { return d.now })
	if err != nil {
		d.t.Fatal(err)
	}
	d.book = book
}

func (d *desk) restart() {
	if err := d.book.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.open()
}

func (d *desk) call(method, path, body string) (int, string) {
	recorder := httptest.NewRecorder()
	handler := approvals.Handler(d.book, 2*time.Second)
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
	return recorder.Code, recorder.Body.String()
}

func (d *desk) execute(attempt int, with string) worker.Result {
	d.t.Helper()
	body := fmt.Sprintf(`{"run_id": "r_1", "step_id": "a", "attempt": %d, "type": "approval", "with": %s}`, attempt, with)
	code, answer := d.call("POST", "/v1/execute", body)
	var result worker.Result
	if err := json.Unmarshal([]byte(answer), &result); code != http.StatusOK || err != nil {
		d.t.Fatal(code, answer)
	}
	return result
}

func (d *desk) expect(method, path, body string, status int, text string) {
	d.t.Helper()
	if code, answer := d.call(method, path, body); code != status || !strings.Contains(answer, text) {
		d.t.Errorf("%s %s %s: %d %s", method, path, body, code, answer)
	}
}

func TestApproved(t *testing.T) {
	d := newDesk(t)
	with := `{"message": "Publish?", "approvers": ["ada", "bob"]}`
	for range 2 {
		if got := d.execute(1, with); got.Status != worker.StatusWaiting || got.RetryAfter.Std() != 2*time.Second {
			t.Fatalf("%+v", got)
		}
	}
	d.restart()
	d.expect("GET", "/v1/approvals?status=pending", "", 200, `"message":"Publish?","approvers":["ada","bob"],"status":"pending","requested_at":"2026-01-02T03:04:05Z"`)
	d.expect("POST", "/v1/approvals/r_1/a", `{"decision": "approve", "by": "eve"}`, 403, "not_an_approver")
	d.expect("POST", "/v1/approvals/r_1/a", `{"decision": "approve"}`, 400, "invalid_request")
	d.expect("POST", "/v1/approvals/r_1/a", `{"decision": "maybe", "by": "ada"}`, 400, "invalid_request")
	d.expect("POST", "/v1/approvals/r_1/b", `{"decision": "approve", "by": "ada"}`, 404, "not_found")
	d.expect("POST", "/v1/approvals/r_1/a", `{"decision": "approve", "by": "ada", "comment": "fine"}`, 200, `"status":"approved"`)
	d.expect("POST", "/v1/approvals/r_1/a", `{"decision": "reject", "by": "bob"}`, 409, "decided")
	d.restart()
	want := `{"decision":"approved","by":"ada","comment":"fine","decided_at":"2026-01-02T03:04:05Z"}`
	if got := d.execute(1, with); got.Status != worker.StatusSucceeded || string(got.Output) != want {
		t.Errorf("%+v %s", got, got.Output)
	}
	d.expect("GET", "/v1/approvals?status=pending", "", 200, `{"approvals":[]}`)
	d.expect("GET", "/v1/approvals?status=done", "", 400, "invalid_request")
}

func TestRejected(t *testing.T) {
	d := newDesk(t)
	d.execute(1, `{"message": "?"}`)
	d.expect("POST", "/v1/approvals/r_1/a", `{"decision": "reject", "by": "anyone"}`, 200, `"rejected"`)
	if got := d.execute(1, `{"message": "?"}`); got.Status != worker.StatusFailed || got.Retryable || got.Error != "rejected by anyone" {
		t.Errorf("%+v", got)
	}
}

func TestExpiredAndAskedAgain(t *testing.T) {
	d := newDesk(t)
	with := `{"message": "?", "expires": "1m"}`
	d.execute(1, with)
	d.now = d.now.Add(time.Minute)
	d.expect("POST", "/v1/approvals/r_1/a", `{"decision": "approve", "by": "ada"}`, 409, "already expired")
	d.expect("GET", "/v1/approvals?status=expired", "", 200, `"run_id":"r_1"`)
	if got := d.execute(1, with); got.Status != worker.StatusFailed || !got.Retryable {
		t.Errorf("%+v", got)
	}
	if got := d.execute(2, with); got.Status != worker.StatusWaiting {
		t.Errorf("%+v", got)
	}
	d.expect("POST", "/v1/approvals/r_1/a", `{"decision": "approve", "by": "ada"}`, 200, `"attempt":2`)
}

func TestInvalid(t *testing.T) {
	d := newDesk(t)
	for _, with := range []string{`{}`, `{"message": 1}`, `{"message": "?", "expires": "soon"}`, `{"message": "?", "who": []}`} {
		body := fmt.Sprintf(`{"run_id": "r_1", "step_id": "a", "attempt": 1, "type": "approval", "with": %s}`, with)
		d.expect("POST", "/v1/execute", body, 400, "invalid_step")
	}
}
