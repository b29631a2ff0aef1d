//! What the `request_histogram` processor can be told.

use engine::config::{Duration, Problems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::groups;

/// The `request_histogram` processor.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// The upper bounds of the buckets in milliseconds, ascending; each belongs to its bucket. Backends
    /// merge histograms of equal bounds only, and these are the SDK's.
    pub(super) bounds: Vec<f64>,
    /// Groups of paths for `url.path.group`, the first that fits counts: `*` stands for one part of the
    /// path, `**` at the end for the rest of it. A path that none fits is in the group `_OTHER`; without
    /// groups the attribute is left out.
    pub(super) path_groups: Vec<String>,
    /// How long a service that sent the histogram itself is left out after the last one.
    pub(super) own_histogram_expires: Duration,
}

/// Each bucket is a number in every point.
const BOUNDS_MAX: usize = 128;
/// Each group is a series of its own, and may be tried on every request.
const PATH_GROUPS_MAX: usize = 256;

/// Quiet nights of a small program are bridged; the morning's first requests are not counted twice.
const EXPIRES_DEFAULT: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

impl Default for Config {
    fn default() -> Self {
        Config {
            bounds: vec![
                10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0,
            ],
            path_groups: Vec::new(),
            own_histogram_expires: EXPIRES_DEFAULT.into(),
        }
    }
}

impl Config {
    pub(super) fn check(&self, problems: &mut Problems) {
        self.check_bounds(problems);
        if self.path_groups.len() > PATH_GROUPS_MAX {
            let count = self.path_groups.len();
            let text = format!("{count} groups of paths are more than {PATH_GROUPS_MAX}");
            problems
                .at("path_groups", text)
                .help("join some with `*` or `**`");
        }
        for (index, group) in self.path_groups.iter().enumerate() {
            if let Err(fault) = groups::check(group) {
                problems
                    .at(
                        format!("path_groups[{index}]").as_str(),
                        format!("`{group}` {fault}"),
                    )
                    .help("write it as in `/api/users/*` or `/static/**`");
            } else if self.path_groups[..index].contains(group) {
                problems
                    .at(
                        format!("path_groups[{index}]").as_str(),
                        format!("`{group}` is there twice"),
                    )
                    .help("the first that fits counts: remove this one");
            }
        }
        if std::time::Duration::from(self.own_histogram_expires).is_zero() {
            problems
                .at(
                    "own_histogram_expires",
                    "a service that sends its own histogram would be counted twice",
                )
                .help("write a time longer than its users pause, as in `24h`");
        }
    }

    fn check_bounds(&self, problems: &mut Problems) {
        let count = self.bounds.len();
        if count == 0 || count > BOUNDS_MAX {
            problems
                .at(
                    "bounds",
                    format!("{count} bounds are not 1 to {BOUNDS_MAX}"),
                )
                .help("write milliseconds, as in `[100, 500, 2000]`");
        }
        for (index, bound) in self.bounds.iter().enumerate() {
            let at = format!("bounds[{index}]");
            if !bound.is_finite() || *bound <= 0.0 {
                problems
                    .at(at.as_str(), format!("`{bound}` is no duration"))
                    .help("write milliseconds above 0; what is above the last has a bucket of its own");
            } else if index > 0 && *bound <= self.bounds[index - 1] {
                let before = self.bounds[index - 1];
                problems
                    .at(at.as_str(), format!("`{bound}` is not above `{before}`"))
                    .help("bounds ascend");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::testkit;

    use super::*;

    fn problems(text: &str) -> String {
        testkit::problems(text, Config::check)
    }

    #[test]
    fn takes_its_defaults_and_whole_numbers() {
        for text in [
            "{}",
            "bounds: [1, 2.5, 3]",
            "path_groups: [/, /api/users/*, /api/*/orders, /static/**]",
            "own_histogram_expires: 10m",
        ] {
            assert_eq!(problems(text), "", "{text}");
        }
    }

    #[test]
    fn refuses_what_cannot_be_meant_and_says_what_would_be_right() {
        for (text, place, message, help) in [
            ("bounds: []", "1:1", "0 bounds", "write milliseconds"),
            (
                "bounds: [10, 10]",
                "1:14",
                "`10` is not above `10`",
                "bounds ascend",
            ),
            (
                "bounds: [20, 10]",
                "1:14",
                "`10` is not above `20`",
                "bounds ascend",
            ),
            ("bounds: [0, 10]", "1:10", "`0` is no duration", "above 0"),
            ("bounds: [-1]", "1:10", "`-1` is no duration", "above 0"),
            ("bounds: [10, .inf]", "1:14", "inf", ""),
            ("bounds: [.nan]", "1:10", "", ""),
            (
                "path_groups: [api/*]",
                "1:15",
                "does not begin with `/`",
                "/api/users/*",
            ),
            (
                "path_groups: [/**/a]",
                "1:15",
                "has `**` before its end",
                "/static/**",
            ),
            (
                "path_groups: [/a*]",
                "1:15",
                "has a `*` beside other",
                "/api/users/*",
            ),
            (
                "path_groups: [/a, /a]",
                "1:19",
                "`/a` is there twice",
                "remove",
            ),
            ("own_histogram_expires: 0s", "1:24", "counted twice", "24h"),
            ("buckets: [1]", "1:1", "buckets", ""),
        ] {
            let found = problems(text);
            assert!(found.contains("1 error"), "{text}: {found}");
            for expected in [&*format!("config.yaml:{place}"), message, help] {
                assert!(
                    found.contains(expected),
                    "{text}: no `{expected}` in {found}"
                );
            }
        }
    }

    #[test]
    fn refuses_more_groups_and_bounds_than_a_backend_can_bear() {
        let groups: Vec<_> = (0..=PATH_GROUPS_MAX).map(|it| format!("/{it}")).collect();
        let found = problems(&format!("path_groups: [{}]", groups.join(", ")));
        assert!(
            found.contains("257 groups of paths are more than 256"),
            "{found}"
        );
        let bounds: Vec<_> = (1..=BOUNDS_MAX + 1).map(|it| it.to_string()).collect();
        let found = problems(&format!("bounds: [{}]", bounds.join(", ")));
        assert!(found.contains("129 bounds are not 1 to 128"), "{found}");
    }
}
