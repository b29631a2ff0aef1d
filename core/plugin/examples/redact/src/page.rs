//! The page in a path or a URL.

/// Without scheme, host, query, fragment and the slashes at the ends.
pub(crate) fn of(path: &str) -> &str {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let path = &path[..end];
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => path,
    };
    path.trim_matches('/')
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn pages_are_found_in_paths_and_urls() {
        for (path, page) in [
            ("pages/profile/index?tel=1#top", "pages/profile/index"),
            ("/api/products/", "api/products"),
            ("https://shop.example:8443/a/b?c=//d", "a/b"),
            ("https://shop.example", ""),
            ("", ""),
        ] {
            assert_eq!(of(path), page, "{path}");
        }
    }
}
