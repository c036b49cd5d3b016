package approvals

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"aob.dev/platform/common/api"
	"aob.dev/platform/common/store"
)

const bucket = store.Bucket[Approval]("approvals")

// Book keeps approvals durably, and decides each of them at most once.
type Book struct {
	kept *store.Store
	now  func() time.Time
}

func Open(path string, now func() time.Time) (*Book, error) {
	kept, err := store.Open(path, string(bucket))
	if err != nil {
		return nil, err
	}
	return &Book{kept, now}, nil
}

func (b *Book) Close() error { return b.kept.Close() }

// Ask returns the approval with the identity of `asked`, which is kept when there is none yet.
func (b *Book) Ask(asked Approval, expires time.Duration) (Approval, error) {
	now := b.now().UTC()
	var approval Approval
	err := b.kept.Update(func(tx store.Tx) error {
		kept, found, err := bucket.Get(tx, asked.key())
		if err != nil || found {
			approval = kept
			return err
		}
		approval = asked
		approval.Status, approval.RequestedAt = Pending, now
		if expires > 0 {
			end := now.Add(expires)
			approval.ExpiresAt = &end
		}
		return bucket.Put(tx, asked.key(), approval)
	})
	return approval.at(now), err
}

// Decide is about the step's latest attempt: the one a run waits for.
func (b *Book) Decide(runID, stepID string, decision Decision) (Approval, error) {
	now := b.now().UTC()
	var approval Approval
	err := b.kept.Update(func(tx store.Tx) error {
		latest, err := latest(tx, runID, stepID)
		if err != nil {
			return err
		}
		if approval, err = latest.decide(decision, now); err != nil {
			return err
		}
		return bucket.Put(tx, approval.key(), approval)
	})
	return approval, err
}

// List is sorted by the time of the request, oldest first; an empty status means all.
func (b *Book) List(status Status) ([]Approval, error) {
	now := b.now().UTC()
	listed := []Approval{}
	err := b.kept.View(func(tx store.Tx) error {
		return bucket.Descend(tx, func(_ string, approval Approval) bool {
			if approval = approval.at(now); status == "" || approval.Status == status {
				listed = append(listed, approval)
			}
			return true
		})
	})
	slices.SortStableFunc(listed, func(a, b Approval) int { return a.RequestedAt.Compare(b.RequestedAt) })
	return listed, err
}

func latest(tx store.Tx, runID, stepID string) (Approval, error) {
	latest, found, err := bucket.Last(tx, prefix(runID, stepID))
	if err == nil && !found {
		err = api.Errorf(http.StatusNotFound, "not_found", "step `%s` of run `%s` asks for no approval", stepID, runID)
	}
	return latest, err
}

// Attempts of a step sort by their number; neither ids contain a slash.
func (a Approval) key() string { return fmt.Sprintf("%s%06d", prefix(a.RunID, a.StepID), a.Attempt) }

func prefix(runID, stepID string) string { return runID + "/" + stepID + "/" }
