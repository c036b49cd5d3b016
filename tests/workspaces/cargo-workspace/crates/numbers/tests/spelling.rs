#[test]
fn spells() {
    assert_eq!(numbers::text(7), "7");
}
