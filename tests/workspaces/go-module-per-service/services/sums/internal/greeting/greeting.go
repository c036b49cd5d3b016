// Package greeting has a text for each system.
package greeting

// Text is for any system.
const Text = "hello from " + system
