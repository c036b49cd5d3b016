package reference_test

import (
	"encoding/json"
	"strings"
	"testing"

	"aob.dev/platform/common/reference"
)

func scope(t *testing.T) reference.Scope {
	t.Helper()
	value, err := reference.Decode(json.RawMessage(`{
		"input": {"url": "http://x/?a=1&b=<2>", "n": 12345678901234567890, "none": null, "trap": "a ${item} b"},
		"steps": {"sign-off": {"output": {"items": ["a", {"b": true}]}}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	return value.(map[string]any)
}

func TestResolve(t *testing.T) {
	for template, want := range map[string]string{
		`"${input.url}"`:                               `"http://x/?a=1&b=<2>"`,
		`"${input.n}"`:                                 `12345678901234567890`,
		`"n=${input.n}!"`:                              `"n=12345678901234567890!"`,
		`"${input.none}"`:                              `null`,
		`"is ${input.none}"`:                           `"is null"`,
		`"${steps.sign-off.output.items.1}"`:           `{"b":true}`,
		`"${steps.sign-off.output.items.0}${input.n}"`: `"a12345678901234567890"`,
		`"all: ${steps.sign-off.output.items}"`:        `"all: [\"a\",{\"b\":true}]"`,
		`"$${input.url}"`:                              `"${input.url}"`,
		`"$$${input.n}"`:                               `"$${input.n}"`,
		`"5$ and {x}"`:                                 `"5$ and {x}"`,
		`{"${input.n}": ["${input.none}", 1.50]}`:      `{"${input.n}":[null,1.50]}`,
		`"${input.trap}"`:                              `"a ${item} b"`,
		``:                                             ``,
	} {
		got, err := scope(t).Resolve(json.RawMessage(template))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s (%v), not %s", template, got, err, want)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, template := range []string{
		`"${item}"`, `"${input.x}"`, `"${steps.sign-off.output.items.2}"`, `"${steps.sign-off.output.items.-1}"`,
		`"${input.url.x}"`, `"${input.}"`, `"${}"`, `"${input.url"`, `["a ${nope}"]`,
	} {
		if got, err := scope(t).Resolve(json.RawMessage(template)); err == nil {
			t.Errorf("%s became %s", template, got)
		}
	}
	_, err := scope(t).Resolve(json.RawMessage(`"x ${input.x.y}"`))
	if !strings.Contains(err.Error(), "`${input.x.y}`") {
		t.Errorf("the message does not name the reference: %v", err)
	}
}

// What the first resolution puts in must come out of the second one unchanged.
func TestTwoResolutions(t *testing.T) {
	for template, want := range map[string]string{
		`"${item}"`:                    `{"id":1}`,
		`"${item.id} of ${input.n}"`:   `"1 of 12345678901234567890"`,
		`"${input.trap}"`:              `"a ${item} b"`,
		`"${input.trap} ${item.id}"`:   `"a ${item} b 1"`,
		`["${steps.sign-off.output}"]`: `[{"items":["a",{"b":true}]}]`,
		`"$${item.id} is ${item.id}"`:  `"${item.id} is 1"`,
	} {
		once, err := scope(t).ResolveExcept(json.RawMessage(template), "item", "index")
		if err != nil {
			t.Fatal(err)
		}
		twice, err := reference.Scope{"item": map[string]any{"id": 1}}.Resolve(once)
		if err != nil || string(twice) != want {
			t.Errorf("%s: %s, then %s (%v), not %s", template, once, twice, err, want)
		}
	}
}
