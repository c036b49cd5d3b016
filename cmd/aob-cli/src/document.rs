//! A YAML or JSON file: its value, and the line each part of it is on.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Number, Value};

use crate::definition::Problem;

/// Where something is within a document: keys and positions, joined by dots, "" for all of it.
pub type Path = String;

#[derive(Debug)]
pub struct Document {
    pub value: Value,
    /// Empty for JSON, whose parser tells no lines but that of a syntax error.
    lines: BTreeMap<Path, usize>,
}

impl Document {
    pub fn from_json(text: &str) -> Result<Self, Problem> {
        let value = serde_json::from_str(text).map_err(|error| {
            // serde_json says "… at line 3 column 5"; we say where in front.
            let message = error.to_string();
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            Problem { line: Some(error.line()), message }
        })?;
        Ok(Self { value, lines: BTreeMap::new() })
    }

    pub fn from_yaml(text: &str) -> Result<Self, Problem> {
        let nodes = MarkedYaml::load_from_str(text).map_err(|error| Problem {
            line: Some(error.marker().line()),
            message: error.info().to_owned(),
        })?;
        let [node] = nodes.as_slice() else {
            let message = format!("one YAML document expected, not {}", nodes.len());
            return Err(Problem { line: None, message });
        };
        let mut lines = BTreeMap::new();
        let value = convert(node, "", &mut lines)?;
        Ok(Self { value, lines })
    }

    /// The line of `path`, or of the nearest thing around it.
    pub fn line(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            path = match path.rfind('.') {
                Some(end) => &path[..end],
                None if path.is_empty() => return None,
                None => "",
            };
        }
    }
}

pub fn join(path: &str, key: &str) -> Path {
    if path.is_empty() {
        return key.to_owned();
    }
    format!("{path}.{key}")
}

fn convert(
    node: &MarkedYaml,
    path: &str,
    lines: &mut BTreeMap<Path, usize>,
) -> Result<Value, Problem> {
    let line = node.span.start.line();
    let refuse = |message: String| Problem { line: Some(line), message };
    lines.entry(path.to_owned()).or_insert(line);
    match &node.data {
        YamlData::Value(scalar) => convert_scalar(scalar).map_err(refuse),
        YamlData::Sequence(elements) => {
            let convert_element = |(position, element): (usize, &MarkedYaml)| {
                convert(element, &join(path, &position.to_string()), lines)
            };
            let elements: Result<_, _> = elements.iter().enumerate().map(convert_element).collect();
            elements.map(Value::Array)
        }
        YamlData::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let name = convert_key(key).map_err(refuse)?;
                let path = join(path, &name);
                // A mapping begins with its first entry's key; the key's line is what people look for.
                lines.insert(path.clone(), key.span.start.line());
                object.insert(name, convert(value, &path, lines)?);
            }
            Ok(Value::Object(object))
        }
        YamlData::Tagged(tag, _) => Err(refuse(format!("the tag `{tag}` is not understood"))),
        YamlData::Representation(..) | YamlData::Alias(_) | YamlData::BadValue => {
            Err(refuse("a value that can't be read".to_owned()))
        }
    }
}

fn convert_scalar(scalar: &Scalar) -> Result<Value, String> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => Value::from(*value),
        Scalar::Integer(value) => Value::from(*value),
        Scalar::FloatingPoint(value) => Number::from_f64(value.into_inner())
            .map(Value::Number)
            .ok_or_else(|| format!("`{value}` can't be written in JSON"))?,
        Scalar::String(value) => Value::from(value.as_ref()),
    })
}

fn convert_key(key: &MarkedYaml) -> Result<String, String> {
    match &key.data {
        YamlData::Value(Scalar::String(name)) => Ok(name.to_string()),
        YamlData::Value(Scalar::Integer(number)) => Ok(number.to_string()),
        YamlData::Value(Scalar::Boolean(value)) => Ok(value.to_string()),
        _ => Err("a key that is no text".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_becomes_json_with_lines() {
        let text = "name: a\nsteps:\n  - id: x\n    with: {n: 1.5}\n  - id: y\n";
        let document = Document::from_yaml(text).unwrap();
        let steps = json!([{"id": "x", "with": {"n": 1.5}}, {"id": "y"}]);
        assert_eq!(document.value, json!({"name": "a", "steps": steps}));
        assert_eq!(document.line("steps"), Some(2));
        assert_eq!(document.line("steps.0.with.n"), Some(4));
        assert_eq!(document.line("steps.1"), Some(5));
        assert_eq!(document.line("steps.1.type"), Some(5));
    }

    #[test]
    fn anchors_are_followed() {
        let document = Document::from_yaml("a: &x {b: 1}\nc: *x\n").unwrap();
        assert_eq!(document.value, json!({"a": {"b": 1}, "c": {"b": 1}}));
    }

    #[test]
    fn what_json_cannot_say_is_refused_with_its_line() {
        for (text, line) in [
            ("a: 1\nb: .nan\n", Some(2)),
            ("a: 1\na: 2\n", Some(2)),
            ("a: [1\n", Some(2)),
            ("a: 1\nb: !new x\n", Some(2)),
            ("a: 1\n---\nb: 2\n", None),
        ] {
            assert_eq!(Document::from_yaml(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn json_errors_have_a_line() {
        let problem = Document::from_json("{\n\"a\": }").unwrap_err();
        assert_eq!(problem.in_file("w.json"), "w.json:2: expected value");
    }
}
