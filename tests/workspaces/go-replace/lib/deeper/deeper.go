// Package deeper lies below.
package deeper

// Text is fixed.
const Text = "hello from the library"
