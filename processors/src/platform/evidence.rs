//! What is known of a platform, and which of it counts.

use engine::component::BuildError;
use pdata::Origin;
use regex_lite::Regex;

use super::config::{Config, Evidence};
use super::names::{Platform, ios_name};

/// A platform's name stands in the first bytes of a text or not at all; more of what a stranger sends is
/// not searched.
const SEARCHED_BYTES_MAX: usize = 1024;

/// What each kind of evidence says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Found<'a>([Option<Platform<'a>>; Evidence::ALL.len()]);

impl<'a> Found<'a> {
    pub(super) fn set(&mut self, evidence: Evidence, platform: Option<Platform<'a>>) {
        self.0[evidence as usize] = platform;
    }

    pub(super) fn get(&self, evidence: Evidence) -> Option<Platform<'a>> {
        self.0[evidence as usize]
    }
}

/// Evidence that counts, and evidence that says otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Contradiction<'a> {
    pub(super) decided_by: (Evidence, Platform<'a>),
    pub(super) against: (Evidence, Platform<'a>),
}

/// Tells platforms from evidence.
pub(super) struct Detector {
    order: Vec<Evidence>,
    rules: Vec<Rule>,
}

struct Rule {
    platform: String,
    evidence: Evidence,
    pattern: Regex,
}

impl Detector {
    pub(super) fn try_new(config: &Config) -> Result<Self, BuildError> {
        let rules = config.rules.iter().enumerate().map(|(index, rule)| {
            let pattern = rule.compile();
            let at = format!("rules[{index}].pattern");
            Ok(Rule {
                platform: rule.platform.clone(),
                evidence: rule.evidence,
                pattern: pattern.map_err(|error| BuildError::at(at.as_str(), error.to_string()))?,
            })
        });
        Ok(Detector {
            order: config.evidence.clone(),
            rules: rules.collect::<Result<_, BuildError>>()?,
        })
    }

    pub(super) fn uses(&self, evidence: Evidence) -> bool {
        self.order.contains(&evidence)
    }

    /// What a value of `miniprogram.platform` says.
    pub(super) fn of_attribute<'a>(&'a self, value: &'a str) -> Option<Platform<'a>> {
        self.by_rule(Evidence::Attribute, value)
            .or_else(|| Platform::called(value))
    }

    /// What the platform that a value of `miniprogram.platform` means has to be called; `None` if that is
    /// right.
    pub(super) fn respelled(&self, value: &str) -> Option<&str> {
        match self.by_rule(Evidence::Attribute, value) {
            Some(platform) => platform.mini_program().filter(|name| *name != value),
            None => Platform::respelled(value),
        }
    }

    pub(super) fn of_component(&self, component: i32) -> Option<Platform<'_>> {
        let has_rules = self
            .rules
            .iter()
            .any(|rule| rule.evidence == Evidence::Component);
        Platform::of_component(component).or_else(|| match has_rules {
            true => self.by_rule(Evidence::Component, &component.to_string()),
            false => None,
        })
    }

    /// What a value of `telemetry.sdk.name` says. `mini-program-monitor` runs on both platforms.
    pub(super) fn of_sdk(&self, name: &str) -> Option<Platform<'_>> {
        self.by_rule(Evidence::Sdk, name)
            .or_else(|| (name == "fc-sdk-wechat-miniprogram").then_some(Platform::Wechat))
    }

    /// What a value of `os.name` says.
    pub(super) fn of_os(&self, name: &str) -> Option<Platform<'_>> {
        self.by_rule(Evidence::Os, name)
            .or_else(|| ios_name(name).map(|_| Platform::Ios))
    }

    /// What the request says that brought a batch.
    pub(super) fn of_origin(&self, origin: &Origin) -> Found<'_> {
        let mut found = Found::default();
        let referer = origin.header("referer");
        let known_referer = referer.and_then(host_platform);
        if let Some(referer) = referer {
            let platform = self.by_rule(Evidence::Referer, referer);
            found.set(Evidence::Referer, platform.or(known_referer));
        }
        if let Some(user_agent) = origin.header("user-agent") {
            let platform = self.by_rule(Evidence::UserAgent, user_agent);
            // With a web page in front of it, it is the platform's browser.
            let is_page = referer.is_some() && known_referer.is_none();
            let known = || app_platform(user_agent).filter(|_| !is_page);
            found.set(Evidence::UserAgent, platform.or_else(known));
        }
        found
    }

    fn by_rule(&self, evidence: Evidence, text: &str) -> Option<Platform<'_>> {
        let text = &text[..text.floor_char_boundary(SEARCHED_BYTES_MAX)];
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.evidence == evidence && rule.pattern.is_match(text))?;
        Platform::called(&rule.platform)
    }

    /// The platform that the most trusted evidence tells. `contradicted` hears of less trusted evidence
    /// that says otherwise.
    pub(super) fn decide<'a>(
        &self,
        found: &Found<'a>,
        mut contradicted: impl FnMut(Contradiction<'a>),
    ) -> Option<Platform<'a>> {
        let mut said = self
            .order
            .iter()
            .filter_map(|evidence| Some((*evidence, found.get(*evidence)?)));
        let decided_by = said.next()?;
        for against in said.filter(|(_, platform)| *platform != decided_by.1) {
            contradicted(Contradiction {
                decided_by,
                against,
            });
        }
        Some(decided_by.1)
    }
}

/// The platform whose runtime sets this `Referer`: `https://servicewechat.com/<appid>/<version>/..` and
/// `https://<appid>.hybrid.alipay-eco.com/..`.
fn host_platform(referer: &str) -> Option<Platform<'static>> {
    let host = referer.strip_prefix("https://")?;
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    match host {
        "servicewechat.com" => Some(Platform::Wechat),
        _ if host.ends_with(".hybrid.alipay-eco.com") => Some(Platform::Alipay),
        _ => None,
    }
}

/// The platform whose app has this `User-Agent`.
fn app_platform(user_agent: &str) -> Option<Platform<'static>> {
    let user_agent = &user_agent[..user_agent.floor_char_boundary(SEARCHED_BYTES_MAX)];
    if user_agent.contains("MicroMessenger/") {
        return Some(Platform::Wechat);
    }
    user_agent
        .contains("AlipayClient/")
        .then_some(Platform::Alipay)
}

#[cfg(test)]
mod tests;
