//! Names of files as clients send them, made fit to be one.

/// The longest name, in bytes: what file systems take.
const LONGEST: usize = 255;

/// The last part of a path, without what file systems or shells read as something else: no separators, control
/// characters or `<>:"|?*`, no dots in front or at the end. Too long ones keep their extension. `None` when nothing is left.
pub(super) fn safe(sent: &str) -> Option<String> {
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = name.chars().map(|c| if "<>:\"|?*".contains(c) { '_' } else { c });
    let name: String = kept.filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let name = name.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if name.is_empty() {
        return None;
    }
    if is_device(name) {
        return Some(format!("_{}", cut(name, LONGEST - 1)));
    }
    Some(cut(name, LONGEST))
}

/// Marks that turn the direction of writing or are not seen: `exe.gpj` must not look like a picture.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `con`, `nul` and others are devices on Windows, with every extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |prefix| {
        let number = stem.strip_prefix(prefix);
        number.is_some_and(|rest: &str| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

fn cut(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let extension = name.rfind('.').map_or("", |at| &name[at..]);
    let extension = if extension.len() <= 32 { extension } else { "" };
    let mut end = most - extension.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere() {
        for (sent, name) in [
            ("a.txt", Some("a.txt")),
            ("../../x", Some("x")),
            ("..\\..\\x.png", Some("x.png")),
            ("/etc/passwd", Some("passwd")),
            ("C:\\Users\\me\\a b.doc", Some("a b.doc")),
            ("a\0b\r\n.txt", Some("ab.txt")),
            (".htaccess", Some("htaccess")),
            ("a.exe. ", Some("a.exe")),
            ("x:y?.txt", Some("x_y_.txt")),
            ("a\u{202e}gpj.exe", Some("agpj.exe")),
            ("ü.png", Some("ü.png")),
            ("NUL.txt", Some("_NUL.txt")),
            ("com1", Some("_com1")),
            ("computer", Some("computer")),
            ("..", None),
            ("", None),
            ("a/", None),
            ("\u{200b}", None),
        ] {
            assert_eq!(safe(sent).as_deref(), name, "{sent:?}");
        }
        let long = safe(&format!("{}.jpeg", "ü".repeat(5000))).unwrap();
        assert!(long.len() <= LONGEST && long.ends_with("ü.jpeg"), "{long}");
    }
}
