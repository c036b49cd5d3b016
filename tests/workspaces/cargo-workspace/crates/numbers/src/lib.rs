//! Numbers as text.

/// The decimal spelling.
pub fn text(number: u64) -> String {
    itoa::Buffer::new().format(number).to_owned()
}
