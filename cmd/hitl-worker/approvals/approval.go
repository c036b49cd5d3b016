// Package approvals keeps what people are asked and what they decided.
package approvals

import (
	"net/http"
	"slices"
	"time"

	"aob.dev/platform/common/api"
)

// Status is that of an approval; all but Pending are final.
type Status string

const (
	Pending  Status = "pending"
	Approved Status = "approved"
	Rejected Status = "rejected"
	Expired  Status = "expired"
)

// Approval is one question; run, step and attempt identify it.
type Approval struct {
	RunID       string     `json:"run_id"`
	StepID      string     `json:"step_id"`
	Attempt     int        `json:"attempt"`
	Message     string     `json:"message"`
	Approvers   []string   `json:"approvers"`
	Status      Status     `json:"status"`
	RequestedAt time.Time  `json:"requested_at"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	By          string     `json:"by,omitempty"`
	Comment     string     `json:"comment,omitempty"`
	DecidedAt   *time.Time `json:"decided_at,omitempty"`
}

// Decision is what a person says.
type Decision struct {
	Decision string `json:"decision"`
	By       string `json:"by"`
	Comment  string `json:"comment"`
}

// at is the approval as it stands at that time: nobody has to write down that one expired.
func (a Approval) at(now time.Time) Approval {
	if a.Status == Pending && a.ExpiresAt != nil && !now.Before(*a.ExpiresAt) {
		a.Status = Expired
	}
	return a
}

func (a Approval) decide(decision Decision, now time.Time) (Approval, error) {
	statuses := map[string]Status{"approve": Approved, "reject": Rejected}
	status, known := statuses[decision.Decision]
	switch {
	case !known:
		return a, api.Errorf(http.StatusBadRequest, "invalid_request", "`decision` is `approve` or `reject`, not `%s`", decision.Decision)
	case decision.By == "":
		return a, api.Errorf(http.StatusBadRequest, "invalid_request", "`by` is needed: who decides?")
	case len(a.Approvers) > 0 && !slices.Contains(a.Approvers, decision.By):
		return a, api.Errorf(http.StatusForbidden, "not_an_approver", "`%s` is not among the approvers of step `%s`", decision.By, a.StepID)
	case a.at(now).Status != Pending:
		return a, api.Errorf(http.StatusConflict, "decided", "step `%s` of run `%s` is already %s", a.StepID, a.RunID, a.at(now).Status)
	}
	a.Status, a.By, a.Comment, a.DecidedAt = status, decision.By, decision.Comment, &now
	return a, nil
}
