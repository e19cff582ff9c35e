//! The pages in Markdown: links lead somewhere, what is copied is the same as its source.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use ligand::{ServiceBroker, config::Env};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The pages in a folder, and those in folders below it that are as deep as that.
fn pages_in(folder: &Path, depth: usize, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // Folders `docs` of crates are parts of what rustdoc shows.
        let foreign = name.starts_with('.') || matches!(name.as_str(), "node_modules" | "target" | "docs");
        if path.is_dir() && depth > 0 && !foreign {
            pages_in(&path, depth - 1, pages);
        } else if name.ends_with(".md") {
            pages.push(path);
        }
    }
}

/// All pages: of the project, of the book, and what crates and applications say of themselves.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    pages_in(root(), 0, &mut pages);
    for (folder, depth) in [("docs", 4), ("crates", 3), ("examples", 1), ("tools", 2)] {
        pages_in(&root().join(folder), depth, &mut pages);
    }
    pages.sort();
    pages
}

/// The targets of `[text](target)`, outside of code.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split("](").skip(1).filter_map(|rest| rest.split(')').next())).collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let pages = pages();
    assert!(pages.len() > 30, "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") {
                continue;
            }
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(target.exists(), "{} links to {link}", page.display());
            if heading.is_empty() {
                continue;
            }
            let target = fs::read_to_string(&target).unwrap();
            let headings = target.lines().filter(|line| line.starts_with('#'));
            let found = headings.map(anchor).any(|anchor| anchor == heading);
            assert!(found, "{} links to a heading that is not there: {link}", page.display());
        }
    }
}

/// The book has every page, once, and nothing else.
#[test]
fn every_page_is_in_the_book() {
    let docs = root().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let chapters = links(&summary).into_iter().map(|link| docs.join(link).canonicalize().unwrap());
    let mut chapters: Vec<_> = chapters.collect();
    chapters.sort();
    let mut pages = pages();
    pages.retain(|page| *page != docs.join("SUMMARY.md"));
    let pages: Vec<_> = pages.into_iter().map(|page| page.canonicalize().unwrap()).collect();
    assert_eq!(chapters, pages, "docs/SUMMARY.md on the left, the pages that there are on the right");
}

/// The anchor a heading gets.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The first Rust block of the README is the first example, word for word.
#[test]
fn the_service_in_the_readme_is_the_first_example() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let block = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let example = fs::read_to_string(root().join("examples/01_hello.rs")).unwrap();
    let code = example.split_once("\n\n").unwrap().1;
    assert_eq!(block, code);
}

/// Names in capitals with an underscore, as they stand in code quotes.
fn kinds(text: &str) -> BTreeSet<&str> {
    let quoted = text.split(['"', '`']);
    quoted
        .filter(|part| {
            part.contains('_')
                && part.starts_with(|c: char| c.is_ascii_uppercase())
                && part.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        })
        .collect()
}

/// All code below a folder, without tests and comments.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            code.lines().filter(|line| !line.trim_start().starts_with("//")).for_each(|line| {
                all.push_str(line);
                all.push('\n');
            });
        }
    }
}

/// Every type of error in the page is made somewhere, and none that is made is missing there.
#[test]
fn the_page_of_errors_is_complete() {
    let page = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let mut code = String::new();
    for name in ["wire", "core", "web", "db", "test"] {
        sources(&root().join("crates").join(format!("ligand-{name}")).join("src"), &mut code);
    }
    let made = kinds(&code);
    let unknown: Vec<_> = kinds(&page).into_iter().filter(|kind| !made.contains(kind)).collect();
    assert_eq!(unknown, ["INSUFFICIENT_STOCK"], "these are only in the page, the last one as an example");
    let calls = ["with_kind(\"", "bad_request(\"", "service_unavailable(\"", "broken(\""];
    let after = |call: &'static str| code.split(call).skip(1).filter_map(|rest| rest.split('"').next());
    let coded = ["client(", "server(", "transient("].into_iter().flat_map(|call| {
        let calls = code.split(call).skip(1);
        calls.filter_map(|rest| rest.split(')').next()?.split('"').nth(1))
    });
    let made: BTreeSet<_> = calls.into_iter().flat_map(after).chain(coded).collect();
    let missing: Vec<_> = made
        .into_iter()
        .filter(|kind| {
            let capitals = kind.len() > 3 && kind.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            capitals || kind.contains('.') && kind.chars().all(|c| c.is_ascii_lowercase() || c == '.')
        })
        .filter(|kind| !page.contains(&format!("`{kind}`")))
        .collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
}

/// Rows `| option | default | variable |` of the page.
fn options(page: &str) -> Vec<(String, String, String)> {
    let rows = page.lines().filter(|line| line.starts_with("| `") && line.contains("`LIGAND_"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
        let variable = cells[3].split('`').next().unwrap().to_owned();
        (cells[1].clone(), cells[2].clone(), variable)
    })
    .collect()
}

/// Every option in the page is one, its variable works and takes the default; none is missing.
#[tokio::test]
async fn the_page_of_options_is_complete() {
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let options = options(&page);
    for (option, default, variable) in &options {
        assert_eq!(*variable, format!("LIGAND_{}", option.to_uppercase().replace('.', "__")));
        let value = match default.as_str() {
            "none" => "50",
            "" | "\"\"" => continue,
            text => text,
        };
        let mut variables = vec![(variable.as_str(), value)];
        if option == "cacher.max" {
            variables.push(("LIGAND_CACHER__KIND", "memory_lru"));
        }
        let broker = ServiceBroker::builder().env(Env::from_pairs(variables)).start().await;
        broker.unwrap_or_else(|error| panic!("{variable}={value}: {error:#}")).stop().await;
    }
    // A misspelt name is answered with the list of all.
    for section in ["", "log", "retry_policy", "circuit_breaker", "bulkhead", "tracking", "cacher", "gateway"]
    {
        let (prefix, variable) = match section {
            "" => (String::new(), "LIGAND_XYZZYXYZZY".to_owned()),
            section => (format!("{section}."), format!("LIGAND_{}__XYZZYXYZZY", section.to_uppercase())),
        };
        let error =
            ServiceBroker::builder().env(Env::from_pairs([(variable, "1")])).start().await.unwrap_err();
        let (_, known) = error.message().split_once("there are ").unwrap_or_else(|| panic!("{error}"));
        for name in known.split(", ") {
            let option = format!("{prefix}{name}");
            assert!(
                page.contains(&format!("`{option}")) || page.contains(&format!("## {option}")),
                "{option}"
            );
        }
    }
}

/// Every crate is on the map, and every path in it is there.
#[test]
fn the_map_of_the_source_is_right() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not in the table of crates");
    }
    let rows = page.lines().filter(|line| line.contains("| `crates/"));
    let mut count = 0;
    for row in rows {
        let quoted: Vec<_> = row.split('`').skip(1).step_by(2).filter(|text| !text.contains('<')).collect();
        let mut folder = root().to_owned();
        for path in quoted.iter().filter(|path| path.contains('/') || path.ends_with(".rs")) {
            let target = if path.starts_with("crates/") { root().join(path) } else { folder.join(path) };
            assert!(target.exists(), "{path} in: {row}");
            folder = target.parent().unwrap().to_owned();
        }
        count += 1;
    }
    assert!(count >= 20, "{count} rows");
}
