use std::path::PathBuf;

use super::*;
use crate::registry;

fn load_with(args: ConfigArgs) -> Result<Checked, Diagnostics> {
    load(&args, &Registry::new(&registry::components()))
}

#[test]
fn the_built_in_default_is_valid_and_without_remarks() {
    let checked = load_with(ConfigArgs::default()).expect("it is tested here");
    assert!(checked.remarks.is_empty(), "{}", checked.remarks);
    assert_eq!(checked.document.pipelines().len(), 4);
}

#[test]
fn any_path_is_a_data_dir() {
    for path in ["/var/lib/sky ferry", "a: b", "$HOME/x", "#1", "\"", "数据"] {
        let checked = load_with(ConfigArgs {
            data_dir: Some(path.to_owned()),
            ..ConfigArgs::default()
        });
        let checked = checked.unwrap_or_else(|found| panic!("{path}: {found}"));
        assert_eq!(checked.document.service().data_dir, PathBuf::from(path));
    }
}

#[test]
fn set_is_on_top_of_the_data_dir() {
    let checked = load_with(ConfigArgs {
        data_dir: Some("first".to_owned()),
        set: vec!["service.data_dir=second".to_owned()],
        ..ConfigArgs::default()
    });
    let checked = checked.expect("both are valid");
    assert_eq!(checked.document.service().data_dir, PathBuf::from("second"));
}
