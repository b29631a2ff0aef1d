//! Groups of paths, so that an id in a path does not make a series of its own.

/// The group of a path that no other fits.
pub(super) const OTHER: &str = "_OTHER";

/// Groups in the order in which they are tried.
pub(super) struct PathGroups {
    patterns: Vec<String>,
}

/// Why a pattern is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PatternFault {
    #[error("does not begin with `/`")]
    Relative,
    #[error("has `**` before its end, where it stands for nothing known")]
    RestBeforeEnd,
    #[error("has a `*` beside other characters of a part of the path")]
    PartOfPart,
}

/// Whether `pattern` is one: `/`, then parts of a path, each of them itself or `*`, the last one maybe
/// `**`.
pub(super) fn check(pattern: &str) -> Result<(), PatternFault> {
    let parts = pattern.strip_prefix('/').ok_or(PatternFault::Relative)?;
    let mut parts = parts.split('/').peekable();
    while let Some(part) = parts.next() {
        match part {
            "*" => {}
            "**" if parts.peek().is_none() => {}
            "**" => return Err(PatternFault::RestBeforeEnd),
            _ if part.contains('*') => return Err(PatternFault::PartOfPart),
            _ => {}
        }
    }
    Ok(())
}

impl PathGroups {
    /// Every one of `patterns` has passed [`check`].
    pub(super) fn new(patterns: &[String]) -> Self {
        PathGroups {
            patterns: patterns.to_vec(),
        }
    }

    /// The group of a path, which is what the pattern is called; `None` if there are no groups.
    pub(super) fn of(&self, path: &str) -> Option<&str> {
        if self.patterns.is_empty() {
            return None;
        }
        let fitting = self.patterns.iter().find(|pattern| fits(pattern, path));
        Some(fitting.map_or(OTHER, String::as_str))
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    for expected in pattern.split('/') {
        if expected == "**" {
            return parts.next().is_some();
        }
        match parts.next() {
            Some(part) if expected == "*" && !part.is_empty() => {}
            Some(part) if expected == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_part_and_two_are_the_rest() {
        for (pattern, path, expected) in [
            ("/api/users/*", "/api/users/42", true),
            ("/api/users/*", "/api/users/", false),
            ("/api/users/*", "/api/users", false),
            ("/api/users/*", "/api/users/42/orders", false),
            ("/api/users/*", "/api/users/42/", false),
            ("/api/*/orders", "/api/42/orders", true),
            ("/api/*/orders", "/api/42/invoices", false),
            ("/static/**", "/static/a/b.png", true),
            ("/static/**", "/static/", true),
            ("/static/**", "/static", false),
            ("/**", "/", true),
            ("/", "/", true),
            ("/", "/a", false),
            ("/a", "", false),
        ] {
            assert!(check(pattern).is_ok());
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn the_first_group_that_fits_counts_and_there_is_one_for_the_rest() {
        let patterns = ["/api/users/me", "/api/users/*"].map(str::to_owned);
        let groups = PathGroups::new(&patterns);
        assert_eq!(groups.of("/api/users/me"), Some("/api/users/me"));
        assert_eq!(groups.of("/api/users/1"), Some("/api/users/*"));
        assert_eq!(groups.of("/cart"), Some(OTHER));
        assert_eq!(PathGroups::new(&[]).of("/cart"), None);
    }
}
