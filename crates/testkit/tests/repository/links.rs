//! Links between pages lead to files and headings that exist.

use std::path::PathBuf;

use local_registry_testkit::repository::root;

/// The Markdown pages of the repository's root and of `docs/`.
fn pages() -> Vec<PathBuf> {
    let in_folder = |folder: &str| {
        let files = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect::<Vec<_>>()
    };
    [in_folder("."), in_folder("docs")].concat()
}

/// The anchor that code hosts give to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[test]
fn every_link_leads_to_a_file_or_heading() {
    let mut links = 0;
    for page in pages() {
        let content = std::fs::read_to_string(&page).unwrap();
        for link in content.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            if target.contains("://") || target.contains(char::is_whitespace) {
                continue;
            }
            let (path, heading) =
                target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
            let file = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            assert!(file.exists(), "{}: {target}", page.display());
            if let Some(heading) = heading {
                let linked = std::fs::read_to_string(&file).unwrap();
                let mut headings = linked.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
                assert!(headings.any(|found| anchor(found) == heading), "{}: {target}", page.display());
            }
            links += 1;
        }
    }
    assert!(links > 30, "only {links} links");
}
