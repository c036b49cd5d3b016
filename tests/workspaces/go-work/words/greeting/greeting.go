// Package greeting greets.
package greeting

import "github.com/google/uuid"

// For greets somebody, each time differently.
func For(name string) string { return "hello, " + name + " " + uuid.NewString() }
