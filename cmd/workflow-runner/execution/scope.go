package execution

import (
	"encoding/json"

	"aob.dev/platform/common/reference"
	"aob.dev/platform/common/workflow"
)

// scope is what references can name at this point of the run.
func (e *execution) scope() (reference.Scope, error) {
	input := make(map[string]any, len(e.run.Input))
	for name, raw := range e.run.Input {
		value, err := reference.Decode(raw)
		if err != nil {
			return nil, err
		}
		input[name] = value
	}
	steps := make(map[string]any)
	for id, state := range e.steps {
		if state.State != workflow.StepSucceeded {
			continue
		}
		output, err := reference.Decode(state.Output)
		if err != nil {
			return nil, err
		}
		steps[id] = map[string]any{"output": output}
	}
	return reference.Scope{"input": input, "steps": steps}, nil
}

// resolved is the step's `with`. Inside the step of a fan-out, the item is known to the fan-out only.
func (e *execution) resolved(step workflow.Step) (json.RawMessage, error) {
	scope, err := e.scope()
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if step.Type != "fanout" || json.Unmarshal(step.With, &fields) != nil {
		return scope.Resolve(step.With)
	}
	for name, raw := range fields {
		if name == "step" {
			fields[name], err = scope.ResolveExcept(raw, "item", "index")
		} else {
			fields[name], err = scope.Resolve(raw)
		}
		if err != nil {
			return nil, err
		}
	}
	return json.Marshal(fields)
}
