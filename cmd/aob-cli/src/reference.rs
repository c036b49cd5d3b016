//! `${…}` references within a definition's texts.

/// The paths a text refers to; `$${` stands for itself and refers to nothing.
pub fn references(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let escaped = rest[..start].ends_with('$');
        rest = &rest[start + 2..];
        if escaped {
            continue;
        }
        let Some(end) = rest.find('}') else { break };
        found.push(&rest[..end]);
        rest = &rest[end + 1..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::references;

    #[test]
    fn references_are_found_in_order() {
        assert_eq!(references("${input.a} and ${steps.b.output}"), ["input.a", "steps.b.output"]);
        assert_eq!(references("$${literal} ${input.a}"), ["input.a"]);
        assert!(references("$ {x} ${open").is_empty());
    }
}
