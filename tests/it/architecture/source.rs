//! Rust files as tokens: enough to see what they import, name and say, macros included.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One file.
pub struct Source {
    /// From the root of the repository.
    pub path: String,
    /// Its module path: `["web", "dashboard", "customers"]`; the crate root is `["lib"]`.
    pub module: Vec<String>,
    tokens: Vec<TokenTree>,
}

/// Every file with one of the extensions below the folders, with its text.
pub fn text_files(folders: &[&str], extensions: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)) {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!files.is_empty(), "no files in {folders:?}");
    files.sort();
    files
}

/// Every Rust file below the folders.
pub fn sources(folders: &[&str]) -> Vec<Source> {
    text_files(folders, &["rs"]).iter().map(|(path, text)| Source::parse(path, text)).collect()
}

impl Source {
    /// Reads a file's text.
    pub fn parse(path: &str, text: &str) -> Self {
        let inside = path.split_once('/').map_or(path, |(_, inside)| inside).trim_end_matches(".rs");
        let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
        if module.len() > 1 && module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        Self { path: path.to_owned(), module, tokens: without_attributes(tokens) }
    }

    /// Where each `crate::` and `super::` path leads: module paths from the crate root, as far as they are written.
    pub fn imports(&self) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        imports(&self.tokens, &self.module, &mut found);
        found
    }

    /// Identifiers that begin a path: `name::…`, `use name;` or `::name`.
    pub fn external_names(&self) -> Vec<String> {
        let mut found = Vec::new();
        each_level(&self.tokens, &mut |tokens| {
            for position in 0..tokens.len() {
                let begins = position < 2 || !is_path_separator(tokens, position - 2);
                let rooted = position == 2 || (position > 2 && !matches!(tokens[position - 3], TokenTree::Ident(_)));
                if let TokenTree::Ident(name) = &tokens[position]
                    && (begins || rooted)
                {
                    found.push(name.to_string());
                }
            }
        });
        found
    }

    /// The values of string literals, escapes as written.
    pub fn strings(&self) -> Vec<String> {
        let mut found = Vec::new();
        each_level(&self.tokens, &mut |tokens| {
            for token in tokens {
                if let TokenTree::Literal(literal) = token {
                    let text = literal.to_string();
                    if let Some((_, inside)) = text.split_once('"') {
                        found.push(inside.trim_end_matches('#').trim_end_matches('"').to_owned());
                    }
                }
            }
        });
        found
    }

    /// Names of functions and how many lines their bodies have.
    pub fn functions(&self) -> Vec<(String, usize)> {
        let mut found = Vec::new();
        each_level(&self.tokens, &mut |tokens| {
            for (position, token) in tokens.iter().enumerate() {
                let (TokenTree::Ident(word), Some(TokenTree::Ident(name))) = (token, tokens.get(position + 1)) else {
                    continue;
                };
                if word != "fn" {
                    continue;
                }
                let rest = tokens[position..].iter().take_while(|token| !is_punct(token, ';'));
                let body = rest.into_iter().find_map(|token| match token {
                    TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
                    _ => None,
                });
                if let Some(body) = body {
                    let lines = body.span_close().end().line - body.span_open().start().line + 1;
                    found.push((name.to_string(), lines));
                }
            }
        });
        found
    }
}

/// Drops `#[…]`, which also drops doc comments and derives.
fn without_attributes(tokens: TokenStream) -> Vec<TokenTree> {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in tokens {
        if let TokenTree::Group(group) = &token
            && group.delimiter() == Delimiter::Bracket
        {
            let inner = kept.last().is_some_and(|last| is_punct(last, '!'))
                && kept.len() > 1
                && is_punct(&kept[kept.len() - 2], '#');
            if inner {
                kept.truncate(kept.len() - 2);
                continue;
            }
            if kept.last().is_some_and(|last| is_punct(last, '#')) {
                kept.pop();
                continue;
            }
        }
        kept.push(token);
    }
    kept
}

/// Calls `visit` with the tokens of every level of nesting.
fn each_level(tokens: &[TokenTree], visit: &mut impl FnMut(&[TokenTree])) {
    visit(tokens);
    for token in tokens {
        if let TokenTree::Group(group) = token {
            each_level(&without_attributes(group.stream()), visit);
        }
    }
}

fn imports(tokens: &[TokenTree], module: &[String], found: &mut Vec<Vec<String>>) {
    let mut position = 0;
    while position < tokens.len() {
        match &tokens[position] {
            TokenTree::Ident(word) if *word == "crate" && is_path_separator(tokens, position + 1) => {
                targets(&tokens[position + 3..], &[], found);
            }
            TokenTree::Ident(word) if *word == "super" => {
                let mut base = module.to_vec();
                base.pop();
                while is_path_separator(tokens, position + 1)
                    && matches!(tokens.get(position + 3), Some(TokenTree::Ident(word)) if *word == "super")
                {
                    position += 3;
                    base.pop();
                }
                if is_path_separator(tokens, position + 1) {
                    targets(&tokens[position + 3..], &base, found);
                }
            }
            TokenTree::Ident(word) if *word == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (tokens.get(position + 1), tokens.get(position + 2))
                {
                    let inner: Vec<_> = module.iter().cloned().chain([name.to_string()]).collect();
                    imports(&without_attributes(body.stream()), &inner, found);
                    position += 2;
                }
            }
            TokenTree::Group(group) => imports(&without_attributes(group.stream()), module, found),
            _ => {}
        }
        position += 1;
    }
}

/// Adds what follows `crate::` or `super::`: one path, or each branch of a `{…}`.
fn targets(tokens: &[TokenTree], base: &[String], found: &mut Vec<Vec<String>>) {
    match tokens.first() {
        Some(TokenTree::Ident(_)) => {
            let mut path = base.to_vec();
            for (step, token) in tokens.iter().enumerate() {
                match token {
                    TokenTree::Ident(name) if step % 3 == 0 => path.push(name.to_string()),
                    TokenTree::Punct(punct) if step % 3 != 0 && punct.as_char() == ':' => {}
                    _ => break,
                }
            }
            found.push(path);
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inside = without_attributes(group.stream());
            for branch in inside.split(|token| is_punct(token, ',')) {
                targets(branch, base, found);
            }
        }
        _ if !base.is_empty() => found.push(base.to_vec()),
        _ => {}
    }
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_path_separator(tokens: &[TokenTree], position: usize) -> bool {
    let colon = |at: usize| tokens.get(at).is_some_and(|token| is_punct(token, ':'));
    colon(position) && colon(position + 1)
}
