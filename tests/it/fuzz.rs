//! What `tests/fuzz` looks for with random inputs holds for the seeds and for some random inputs here as well; so the suite notices when
//! the properties no longer compile.

#[path = "../../fuzz/src/lib.rs"]
mod properties;

use std::{collections::BTreeSet, path::Path};

use properties::PROPERTIES;
use proptest::prelude::*;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

#[test]
fn the_properties_hold_for_the_seeds() {
    for (name, judge) in PROPERTIES {
        let seeds: Vec<_> = std::fs::read_dir(folder().join("seeds").join(name)).unwrap().collect();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for seed in seeds {
            judge(&std::fs::read(seed.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn every_property_has_its_target() {
    let names = |part: &str| {
        let entries = std::fs::read_dir(folder().join(part)).unwrap();
        let stem = |path: std::path::PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries.map(|entry| stem(entry.unwrap().path())).collect::<BTreeSet<_>>()
    };
    let properties: BTreeSet<String> = PROPERTIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), properties);
    assert_eq!(names("seeds"), properties);
    let manifest = std::fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    for name in properties {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
        let target = std::fs::read_to_string(folder().join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("billfold_fuzz::{name}::judge(data)")), "{name}");
    }
}

proptest! {
    #[test]
    fn the_properties_hold_for_random_bytes(data in prop::collection::vec(any::<u8>(), 0..200)) {
        for (_, judge) in PROPERTIES {
            judge(&data);
        }
    }
}
