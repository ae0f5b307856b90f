//! What askama's escaping does not close, and what breaks silently: checked over the text of every template.

use std::fs;
use std::path::{Path, PathBuf};

/// A template: its path below `templates/` and its text without comments.
struct Template {
    name: String,
    text: String,
}

fn templates() -> Vec<Template> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from("templates")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = without_comments(&fs::read_to_string(&path).unwrap());
                found.push(Template { name: path.strip_prefix("templates").unwrap().display().to_string(), text });
            }
        }
    }
    assert!(found.len() > 10, "the templates are read from the root of the crate");
    found
}

fn without_comments(text: &str) -> String {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, comment)) = rest.split_once("{#") {
        kept.push_str(before);
        rest = comment.split_once("#}").map_or("", |(_, after)| after);
    }
    kept + rest
}

/// The parts of `text` between `open` and `close`.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|part| part.split_once(close).map(|(inside, _)| inside)).collect()
}

/// Every opening HTML tag. A `>` inside an expression does not end it.
fn tags(text: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at + 1 < letters.len() {
        if letters[at] == '<' && letters[at + 1].is_ascii_alphabetic() {
            let (mut depth, start) = (0, at);
            while at < letters.len() && (letters[at] != '>' || depth > 0) {
                match (letters[at], letters.get(at + 1)) {
                    ('{', Some('{' | '%')) => depth += 1,
                    ('}' | '%', Some('}')) => depth -= 1,
                    _ => {}
                }
                at += 1;
            }
            tags.push(letters[start..at.min(letters.len())].iter().collect());
        }
        at += 1;
    }
    tags
}

fn each(check: impl Fn(&Template) -> Vec<String>) {
    let problems: Vec<String> = templates()
        .iter()
        .flat_map(|template| check(template).into_iter().map(|problem| format!("{}: {problem}", template.name)))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn nothing_is_marked_safe() {
    each(|template| {
        let expressions = between(&template.text, "{{", "}}");
        let safe = expressions.into_iter().filter(|expression| expression.contains("safe") && expression.contains('|'));
        safe.map(|expression| format!("{{{{{expression}}}}} goes around the escaping")).collect()
    });
}

#[test]
fn no_attribute_runs_code_or_carries_style() {
    each(|template| {
        let mut problems = Vec::new();
        for tag in tags(&template.text) {
            let lower = tag.to_ascii_lowercase();
            for banned in [" style=", "javascript:", "hx-on", "js:", "srcdoc=", " hx-vals='{"] {
                let data_only = banned == " hx-vals='{" && !lower.contains("{{");
                if lower.contains(banned) && !data_only {
                    problems.push(format!("{banned} in {tag:.80}"));
                }
            }
            let handler = lower.split_whitespace().any(|word| word.starts_with("on") && word.contains('='));
            if handler {
                problems.push(format!("an event handler in {tag:.80}"));
            }
            if lower.contains("hx-trigger")
                && between(&lower, "hx-trigger=\"", "\"").iter().any(|spec| spec.contains('['))
            {
                problems.push(format!("a trigger filter needs eval: {tag:.80}"));
            }
        }
        problems
    });
}

#[test]
fn every_attribute_with_a_value_of_ours_is_quoted() {
    each(|template| {
        let unquoted = tags(&template.text).into_iter().filter(|tag| tag.contains("={{") || tag.contains("= {{"));
        unquoted.map(|tag| format!("unquoted attribute in {tag:.80}")).collect()
    });
}

/// An address that begins with an expression could begin with `javascript:`. It must be one of ours, or pass `safe_url`.
#[test]
fn every_address_is_ours_or_checked() {
    let ours = ["crate::web::assets::", "crate::web::ui::safe_url(", "shell."];
    let names = ["href", "first", "next", "home", "path"];
    each(|template| {
        let mut problems = Vec::new();
        for tag in tags(&template.text) {
            for attribute in ["href=\"", "src=\"", "action=\"", "formaction=\"", "hx-get=\"", "hx-post=\""] {
                for value in between(&tag, attribute, "\"") {
                    let Some(expression) = value.strip_prefix("{{") else { continue };
                    let expression = expression.trim_start_matches('-').trim();
                    let last = expression.split("}}").next().unwrap_or_default().trim().trim_end_matches("()");
                    let last = last.rsplit('.').next().unwrap_or_default();
                    if !ours.iter().any(|start| expression.starts_with(start)) && !names.contains(&last) {
                        problems.push(format!("{attribute}{value}: is it always a path of ours? else use safe_url"));
                    }
                }
            }
        }
        problems
    });
}

#[test]
fn every_form_that_changes_something_carries_its_token() {
    each(|template| {
        let forms = template.text.split("<form").skip(1).filter_map(|form| form.split_once("</form>"));
        let changing = forms.filter(|(form, _)| form.split('>').next().is_some_and(|tag| tag.contains("post")));
        let bare = changing.filter(|(form, _)| !form.contains("csrf("));
        bare.map(|(form, _)| format!("no form token in <form{:.60}", form.trim())).collect()
    });
}

/// askama renders a block inside an `if` as nothing when it is asked for as a fragment.
#[test]
fn no_block_stands_inside_a_condition() {
    each(|template| {
        let (mut open, mut problems) = (0, Vec::new());
        for statement in between(&template.text, "{%", "%}") {
            let words: Vec<&str> = statement.trim_matches(['-', ' ', '~', '+']).split_whitespace().collect();
            match words[..] {
                ["if" | "for" | "match", ..] => open += 1,
                ["endif" | "endfor" | "endmatch", ..] => open -= 1,
                ["block", name, ..] if open > 0 => problems.push(format!("block {name} stands inside a condition")),
                _ => {}
            }
        }
        problems
    });
}

#[test]
fn every_icon_exists() {
    let sprite = fs::read_to_string("static/vendor/icons.svg").unwrap();
    let known = between(&sprite, "<symbol id=\"", "\"");
    let missing = |name: &&str| !known.contains(name);
    each(|template| {
        let named = between(&template.text, "icon(\"", "\"");
        named.into_iter().filter(missing).map(|name| format!("no icon {name} in the sprite")).collect()
    });
    let mut in_code: Vec<String> = billfold::web::shell::MAIN_NAV.iter().map(|item| item.icon.to_owned()).collect();
    in_code.extend(billfold::web::shell::DEVELOPER_NAV.iter().map(|item| item.icon.to_owned()));
    for state in [
        "active",
        "open",
        "working",
        "past_due",
        "dead",
        "quarantined",
        "paused",
        "void",
        "deleted",
        "archived",
        "draft",
        "duplicate",
        "?",
    ] {
        in_code.push(billfold::web::ui::badge(state).icon.to_owned());
    }
    let missing: Vec<&String> = in_code.iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn templates_stay_short() {
    each(|template| {
        let lines = fs::read_to_string(Path::new("templates").join(&template.name)).unwrap().lines().count();
        if lines > 400 { vec![format!("{lines} lines")] } else { Vec::new() }
    });
}

/// The checks themselves find what they look for.
#[test]
fn a_tag_ends_where_a_browser_ends_it() {
    assert_eq!(tags("<a href=\"{{ x }}\">t</a><b>"), ["<a href=\"{{ x }}\"", "<b"]);
    assert_eq!(tags("<p{% if a > b %} hidden{% endif %}>")[0], "<p{% if a > b %} hidden{% endif %}");
    assert_eq!(without_comments("a{# b #}c"), "ac");
}
