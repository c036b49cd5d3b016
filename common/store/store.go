// Package store keeps JSON values durably in one file: what a transaction wrote is there after a crash.
package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The process before this one holds the file until it has shut down.
const lockTimeout = 5 * time.Second

type Store struct{ db *bbolt.DB }

// Tx is good within the function it is given to.
type Tx struct{ tx *bbolt.Tx }

// Bucket is the name of a collection of values of one type.
type Bucket[T any] string

// Open creates the file's directory, the file and the buckets where they don't exist.
func Open(path string, buckets ...string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s is in use by another process", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, bucket := range buckets {
			if _, err := tx.CreateBucketIfNotExists([]byte(bucket)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return &Store{db}, nil
}

func (s *Store) Close() error { return s.db.Close() }

// Update keeps all that f wrote, or nothing of it when f returns an error.
func (s *Store) Update(f func(Tx) error) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return f(Tx{tx}) })
}

func (s *Store) View(f func(Tx) error) error {
	return s.db.View(func(tx *bbolt.Tx) error { return f(Tx{tx}) })
}

func (b Bucket[T]) Put(tx Tx, key string, value T) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s %s: %w", b, key, err)
	}
	return tx.tx.Bucket([]byte(b)).Put([]byte(key), raw)
}

// Get returns false for a key that was never put.
func (b Bucket[T]) Get(tx Tx, key string) (T, bool, error) {
	var value T
	raw := tx.tx.Bucket([]byte(b)).Get([]byte(key))
	if raw == nil {
		return value, false, nil
	}
	err := b.decode([]byte(key), raw, &value)
	return value, err == nil, err
}

// Descend visits the values from the greatest key down for as long as visit returns true.
func (b Bucket[T]) Descend(tx Tx, visit func(key string, value T) bool) error {
	cursor := tx.tx.Bucket([]byte(b)).Cursor()
	for key, raw := cursor.Last(); key != nil; key, raw = cursor.Prev() {
		var value T
		if err := b.decode(key, raw, &value); err != nil {
			return err
		}
		if !visit(string(key), value) {
			return nil
		}
	}
	return nil
}

// Last returns the value with the greatest key that starts with the prefix.
func (b Bucket[T]) Last(tx Tx, prefix string) (T, bool, error) {
	var value T
	cursor := tx.tx.Bucket([]byte(b)).Cursor()
	// No key goes on with this byte: keys are text.
	key, raw := cursor.Seek([]byte(prefix + "\xff"))
	if key == nil {
		key, raw = cursor.Last()
	} else {
		key, raw = cursor.Prev()
	}
	if !bytes.HasPrefix(key, []byte(prefix)) || key == nil {
		return value, false, nil
	}
	err := b.decode(key, raw, &value)
	return value, err == nil, err
}

func (b Bucket[T]) decode(key, raw []byte, value *T) error {
	if err := json.Unmarshal(raw, value); err != nil {
		return fmt.Errorf("%s %s is damaged: %w", b, key, err)
	}
	return nil
}
