//! The rules of `deny.toml` for bans, licences and sources, held without any tool but cargo.

use std::{collections::HashMap, process::Command};

use semver::{Version, VersionReq};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    version: Option<VersionReq>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Version,
    license: Option<String>,
    source: Option<String>,
}

fn rules() -> Rules {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
    toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// Every package that this platform builds, tests included.
fn packages() -> Vec<Package> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Metadata>(&output.stdout).unwrap().packages
}

fn problems(rules: &Rules, packages: &[Package]) -> Vec<String> {
    let exceptions: HashMap<&str, &[String]> =
        rules.licenses.exceptions.iter().map(|it| (it.name.as_str(), it.allow.as_slice())).collect();
    let mut found = Vec::new();
    for package in packages {
        let name = format!("{} {}", package.name, package.version);
        for ban in rules.bans.deny.iter().filter(|ban| ban.name == package.name) {
            if ban.version.as_ref().is_none_or(|range| range.matches(&package.version)) {
                found.push(format!("{name} is banned: {}", ban.reason));
            }
        }
        let Some(source) = &package.source else { continue }; // billfold itself
        if !rules.sources.allow_registry.iter().any(|registry| source.ends_with(registry)) {
            found.push(format!("{name} comes from {source}"));
        }
        let also = exceptions.get(package.name.as_str()).copied().unwrap_or_default();
        if !is_licensed(package.license.as_deref().unwrap_or_default(), &rules.licenses.allow, also) {
            found.push(format!("{name} is licensed as {:?}", package.license));
        }
    }
    found
}

fn is_licensed(expression: &str, allowed: &[String], also: &[String]) -> bool {
    let Ok(expression) = Expression::parse_mode(expression, ParseMode::LAX) else { return false };
    expression.evaluate(|wanted| {
        let id = wanted.license.id().map(|id| id.name).unwrap_or_default();
        allowed.iter().chain(also).any(|name| name == id)
    })
}

#[test]
fn every_dependency_fits_the_rules() {
    let packages = packages();
    assert!(packages.len() > 200, "cargo names {} packages", packages.len());
    let found = problems(&rules(), &packages);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_rules_would_notice_a_bad_one() {
    let package = |name: &str, version: &str, license: &str, source: &str| Package {
        name: name.to_owned(),
        version: version.parse().unwrap(),
        license: Some(license.to_owned()),
        source: Some(source.to_owned()),
    };
    let home = "registry+https://github.com/rust-lang/crates.io-index";
    let bad = [
        package("openssl", "0.10.0", "MIT", home),
        package("libsqlite3-sys", "0.30.1", "MIT", home),
        package("left-pad", "1.0.0", "AGPL-3.0-only", home),
        package("left-pad", "1.0.0", "MIT", "git+https://example.com/left-pad"),
        package("unnamed", "1.0.0", "", home),
    ];
    assert_eq!(problems(&rules(), &bad).len(), bad.len());
    assert!(problems(&rules(), &[package("good", "1.0.0", "MIT/Apache-2.0", home)]).is_empty());
}
