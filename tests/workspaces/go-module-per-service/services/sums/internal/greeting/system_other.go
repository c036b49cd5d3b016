//go:build !linux

package greeting

const system = "elsewhere"
