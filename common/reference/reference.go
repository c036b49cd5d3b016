// Package reference resolves `${…}` in JSON values.
//
// A string that is one reference becomes the value it names; inside longer text the value is rendered. `$${` is a literal `${`.
package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	open    = "${"
	escaped = "$${"
)

// Scope holds the values references can name, by their first segment.
type Scope map[string]any

// Decode keeps numbers as they are written.
func Decode(raw json.RawMessage) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

// Resolve returns the value without any reference or escape left in it.
func (s Scope) Resolve(raw json.RawMessage) (json.RawMessage, error) {
	return s.resolve(raw, resolver{scope: s})
}

// ResolveExcept leaves the references to these roots for a second resolution. Its result is a template again: literal `${`,
// in the text or in a value that was put in, stay escaped, so that no data is ever taken for a reference.
func (s Scope) ResolveExcept(raw json.RawMessage, roots ...string) (json.RawMessage, error) {
	return s.resolve(raw, resolver{scope: s, kept: roots, again: true})
}

func (s Scope) resolve(raw json.RawMessage, r resolver) (json.RawMessage, error) {
	if len(raw) == 0 {
		return raw, nil
	}
	value, err := Decode(raw)
	if err != nil {
		return nil, err
	}
	if value, err = r.value(value); err != nil {
		return nil, err
	}
	return compact(value)
}

type resolver struct {
	scope Scope
	kept  []string
	again bool
}

func (r resolver) value(value any) (any, error) {
	switch value := value.(type) {
	case string:
		return r.text(value)
	case []any:
		return mapList(value, r.value)
	case map[string]any:
		return mapObject(value, r.value)
	}
	return value, nil
}

func (r resolver) text(text string) (any, error) {
	parts, err := split(text)
	if err != nil {
		return nil, err
	}
	if len(parts) == 1 && parts[0].path != "" {
		return r.whole(parts[0].path)
	}
	var out strings.Builder
	for _, part := range parts {
		rendered, err := r.render(part)
		if err != nil {
			return nil, err
		}
		out.WriteString(rendered)
	}
	return out.String(), nil
}

func (r resolver) whole(path string) (any, error) {
	if r.keeps(path) {
		return open + path + "}", nil
	}
	value, err := r.scope.lookup(path)
	if err != nil || !r.again {
		return value, err
	}
	return escapeAll(value)
}

func (r resolver) render(p part) (string, error) {
	if p.path == "" {
		return r.literal(p.literal), nil
	}
	if r.keeps(p.path) {
		return open + p.path + "}", nil
	}
	value, err := r.scope.lookup(p.path)
	if err != nil {
		return "", err
	}
	text, isText := value.(string)
	if !isText {
		rendered, err := compact(value)
		if err != nil {
			return "", err
		}
		text = string(rendered)
	}
	return r.literal(text), nil
}

func (r resolver) literal(text string) string {
	if r.again {
		return escape(text)
	}
	return text
}

func (r resolver) keeps(path string) bool {
	root, _, _ := strings.Cut(path, ".")
	return slices.Contains(r.kept, root)
}

func (s Scope) lookup(path string) (any, error) {
	var value any = map[string]any(s)
	for segment := range strings.SplitSeq(path, ".") {
		next, found := child(value, segment)
		if !found {
			return nil, fmt.Errorf("unknown reference `${%s}`", path)
		}
		value = next
	}
	return value, nil
}

func child(value any, segment string) (any, bool) {
	switch value := value.(type) {
	case map[string]any:
		next, found := value[segment]
		return next, found
	case []any:
		index, err := strconv.ParseUint(segment, 10, 31)
		if err != nil || int(index) >= len(value) {
			return nil, false
		}
		return value[index], true
	}
	return nil, false
}

// A part is a literal, or a reference when its path is not empty.
type part struct{ literal, path string }

func split(text string) ([]part, error) {
	var parts []part
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			parts = append(parts, part{literal: literal.String()})
			literal.Reset()
		}
	}
	for text != "" {
		before, after, found := strings.Cut(text, open)
		if !found {
			literal.WriteString(text)
			break
		}
		if strings.HasSuffix(before, "$") {
			literal.WriteString(strings.TrimSuffix(before, "$") + open)
			text = after
			continue
		}
		path, rest, closed := strings.Cut(after, "}")
		if !closed || path == "" {
			return nil, fmt.Errorf("`${` without a path and `}` in `%.60s`; `$${` is a literal `${`", text)
		}
		literal.WriteString(before)
		flush()
		parts = append(parts, part{path: path})
		text = rest
	}
	flush()
	return parts, nil
}

func escape(text string) string { return strings.ReplaceAll(text, open, escaped) }

func escapeAll(value any) (any, error) {
	switch value := value.(type) {
	case string:
		return escape(value), nil
	case []any:
		return mapList(value, escapeAll)
	case map[string]any:
		return mapObject(value, escapeAll)
	}
	return value, nil
}

func mapList(list []any, f func(any) (any, error)) (any, error) {
	mapped := make([]any, len(list))
	for i, element := range list {
		value, err := f(element)
		if err != nil {
			return nil, err
		}
		mapped[i] = value
	}
	return mapped, nil
}

func mapObject(object map[string]any, f func(any) (any, error)) (any, error) {
	mapped := make(map[string]any, len(object))
	for key, element := range object {
		value, err := f(element)
		if err != nil {
			return nil, err
		}
		mapped[key] = value
	}
	return mapped, nil
}

func compact(value any) (json.RawMessage, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSpace(out.Bytes()), err
}
