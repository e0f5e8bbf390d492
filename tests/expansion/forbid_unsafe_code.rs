//! Expansions are safe code.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;

mod forms;

#[pm_runtime::test]
async fn without_unsafe_code() {
    forms::run().await;
}

/// The lint overlooks most of what a macro of another crate writes; its snapshots show that.
#[test]
fn the_only_unsafe_word_in_expansions_is_the_attribute_of_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pm-macros/src/snapshots");
    let mut tests = 0;
    let mut queries = 0;
    for snapshot in fs::read_dir(folder).unwrap() {
        let path = snapshot.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let allowed = text.matches(r#"#[unsafe(link_section = ".init_array")]"#).count();
        assert_eq!(text.matches("unsafe").count(), allowed, "{name}");
        assert_eq!(allowed, usize::from(name.starts_with("test")), "{name}");
        tests += allowed;
        queries += usize::from(name.starts_with("query"));
    }
    assert!(tests > 0 && queries > 0);
}
