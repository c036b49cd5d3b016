//! Prints a number.

fn main() {
    print!("{} {}", numbers::text(42), include_str!("../unit.txt"));
}
