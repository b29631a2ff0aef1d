//! "Did you mean": the nearest of the valid names, or all of them.

/// Names listed before the list is cut.
const MAX_LISTED: usize = 30;

/// Help for a name that is not among the valid ones.
pub(crate) fn suggest<'a>(
    given: &str,
    valid: impl IntoIterator<Item = &'a str>,
    what: &str,
) -> String {
    let valid: Vec<&str> = valid.into_iter().collect();
    match nearest(given, &valid) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("{what}: {}", list(&valid)),
    }
}

/// The valid name that differs by the fewest typing mistakes, if those are few for its length.
pub(crate) fn nearest<'a>(given: &str, valid: &[&'a str]) -> Option<&'a str> {
    let lowered = given.to_lowercase();
    let allowed = (given.chars().count() / 3).max(1);
    let distance = |name: &str| strsim::damerau_levenshtein(&lowered, &name.to_lowercase());
    let (name, mistakes) = valid
        .iter()
        .map(|name| (*name, distance(name)))
        .min_by_key(|(_, mistakes)| *mistakes)?;
    (mistakes <= allowed).then_some(name)
}

/// `` `a`, `b`, `c` ``
pub(crate) fn list(names: &[&str]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<String> = names
        .iter()
        .take(MAX_LISTED)
        .map(|name| format!("`{name}`"))
        .collect();
    let rest = names.len().saturating_sub(MAX_LISTED);
    let more = if rest > 0 {
        format!(" and {rest} more")
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}
