// Package lib has a text.
package lib

import "example.com/lib/deeper"

// Text is the deeper package's.
func Text() string { return deeper.Text }
