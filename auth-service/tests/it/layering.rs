//! The rules know nothing of HTTP: what this test greps for is what the module docs promise.

use std::fs;
use std::path::Path;

#[test]
fn rules_and_tables_do_not_name_the_web_framework() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut read = 0;
    for folder in ["tokens", "entity", "migration"] {
        for file in fs::read_dir(source.join(folder)).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("axum"), "{} names axum", path.display());
            read += 1;
        }
    }
    assert!(read > 15, "only {read} files were read");
}
