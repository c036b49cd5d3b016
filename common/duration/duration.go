// Package duration is a span of time as the platform writes it: `250ms`, `5s`, `2m`.
package duration

import (
	"fmt"
	"time"
)

// Duration is written as text in JSON; a bare number has no unit and is refused.
type Duration time.Duration

// Parse refuses negative spans: nothing on the platform can wait for less than no time.
func Parse(text string) (Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("`%s` is not a duration like `250ms`, `5s` or `2m`", text)
	}
	if d < 0 {
		return 0, fmt.Errorf("duration `%s` is negative", text)
	}
	return Duration(d), nil
}

func (d Duration) Std() time.Duration { return time.Duration(d) }

func (d Duration) String() string { return time.Duration(d).String() }

func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
