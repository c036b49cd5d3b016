package store_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"aob.dev/platform/common/store"
)

const numbers = store.Bucket[int]("numbers")

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	kept, err := store.Open(path, string(numbers))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	return kept
}

func descending(t *testing.T, kept *store.Store, limit int) []int {
	t.Helper()
	var got []int
	err := kept.View(func(tx store.Tx) error {
		return numbers.Descend(tx, func(_ string, n int) bool {
			got = append(got, n)
			return len(got) < limit
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestKeptAcrossOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "store.db")
	first := open(t, path)
	err := first.Update(func(tx store.Tx) error {
		return errors.Join(numbers.Put(tx, "b", 2), numbers.Put(tx, "c", 3), numbers.Put(tx, "a", 1))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := open(t, path)
	if got := descending(t, second, 9); !slices.Equal(got, []int{3, 2, 1}) {
		t.Errorf("got %v", got)
	}
	if got := descending(t, second, 2); !slices.Equal(got, []int{3, 2}) {
		t.Errorf("got %v", got)
	}
	err = second.View(func(tx store.Tx) error {
		if n, found, err := numbers.Get(tx, "b"); n != 2 || !found || err != nil {
			t.Errorf("b: %v, %v, %v", n, found, err)
		}
		if _, found, err := numbers.Get(tx, "x"); found || err != nil {
			t.Errorf("x: %v, %v", found, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLast(t *testing.T) {
	kept := open(t, filepath.Join(t.TempDir(), "store.db"))
	err := kept.Update(func(tx store.Tx) error {
		return errors.Join(numbers.Put(tx, "b/1", 1), numbers.Put(tx, "b/2", 2), numbers.Put(tx, "c/1", 3))
	})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string]int{"a/": 0, "b/": 2, "b": 2, "c/": 3, "d/": 0, "": 3} {
		err := kept.View(func(tx store.Tx) error {
			if n, found, err := numbers.Last(tx, prefix); n != want || found != (want != 0) || err != nil {
				t.Errorf("%q: %v, %v, %v", prefix, n, found, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFailedUpdateLeavesNothing(t *testing.T) {
	kept := open(t, filepath.Join(t.TempDir(), "store.db"))
	broken := errors.New("broken")
	err := kept.Update(func(tx store.Tx) error { return errors.Join(numbers.Put(tx, "a", 1), broken) })
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if got := descending(t, kept, 9); got != nil {
		t.Errorf("got %v", got)
	}
}
