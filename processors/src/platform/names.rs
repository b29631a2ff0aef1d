//! The platforms, and what each is called by those who send and those who take.

/// Where an item comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform<'a> {
    Wechat,
    Alipay,
    /// iOS or iPadOS: an app of its own and no mini program.
    Ios,
    /// A mini program platform by another name.
    Other(&'a str),
}

/// Other names of WeChat, all of which SkyWalking's rules drop in silence.
const WECHAT: [&str; 8] = [
    "wechat",
    "weixin",
    "wx",
    "weapp",
    "wechat_mini_program",
    "wechat-miniprogram",
    "wechat-mini-program",
    "微信",
];
const ALIPAY: [&str; 6] = [
    "alipay",
    "zhifubao",
    "alipay_mini_program",
    "alipay-miniprogram",
    "alipay-mini-program",
    "支付宝",
];
const IOS: [&str; 3] = ["ios", "iphone os", "iphoneos"];
const IPADOS: [&str; 2] = ["ipados", "ipad os"];

fn is_among(names: &[&str], text: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(text))
}

impl<'a> Platform<'a> {
    /// The platform that somebody calls `text`, in any spelling known; `None` of nothing but blanks.
    pub(super) fn called(text: &'a str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        Some(match text {
            _ if is_among(&WECHAT, text) => Platform::Wechat,
            _ if is_among(&ALIPAY, text) => Platform::Alipay,
            _ if is_among(&IOS, text) => Platform::Ios,
            _ => Platform::Other(text),
        })
    }

    /// In labels, texts and configuration.
    pub(super) fn name(self) -> &'a str {
        match self {
            Platform::Wechat => "wechat",
            Platform::Alipay => "alipay",
            Platform::Ios => "ios",
            Platform::Other(name) => name,
        }
    }

    /// What `miniprogram.platform` is for it.
    pub(super) fn mini_program(self) -> Option<&'a str> {
        (self != Platform::Ios).then(|| self.name())
    }

    /// What a known platform has to be called where somebody calls it `text`; `None` if that is right.
    pub(super) fn respelled(text: &str) -> Option<&'static str> {
        let right = match Platform::called(text)? {
            Platform::Wechat => "wechat",
            Platform::Alipay => "alipay",
            Platform::Ios | Platform::Other(_) => return None,
        };
        (text != right).then_some(right)
    }

    /// SkyWalking's layer, where it has one.
    pub(super) fn layer(self) -> Option<&'static str> {
        match self {
            Platform::Wechat => Some("WECHAT_MINI_PROGRAM"),
            Platform::Alipay => Some("ALIPAY_MINI_PROGRAM"),
            Platform::Ios => Some("IOS"),
            Platform::Other(_) => None,
        }
    }

    /// The component of its spans in SkyWalking's `component-libraries.yml`, where it has one.
    pub(super) fn component(self) -> Option<i32> {
        match self {
            Platform::Wechat => Some(10002),
            Platform::Alipay => Some(10003),
            Platform::Ios | Platform::Other(_) => None,
        }
    }

    /// The platform whose component this is.
    pub(super) fn of_component(component: i32) -> Option<Self> {
        let known = [Platform::Wechat, Platform::Alipay].into_iter();
        known
            .into_iter()
            .find(|platform| platform.component() == Some(component))
    }
}

/// The one of SkyWalking's two names for iOS that `os.name` means; `None` of another system.
pub(super) fn ios_name(os_name: &str) -> Option<&'static str> {
    match os_name.trim() {
        name if is_among(&IOS, name) => Some("iOS"),
        name if is_among(&IPADOS, name) => Some("iPadOS"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_the_platform_that_skywalking_knows() {
        for (text, name, respelled) in [
            ("wechat", "wechat", None),
            ("WeChat", "wechat", Some("wechat")),
            ("weixin", "wechat", Some("wechat")),
            ("WX", "wechat", Some("wechat")),
            (" wechat ", "wechat", Some("wechat")),
            ("微信", "wechat", Some("wechat")),
            ("alipay", "alipay", None),
            ("ALIPAY", "alipay", Some("alipay")),
            ("支付宝", "alipay", Some("alipay")),
            ("iOS", "ios", None),
            ("Baidu", "Baidu", None),
        ] {
            assert_eq!(Platform::called(text).map(Platform::name), Some(name));
            assert_eq!(Platform::respelled(text), respelled, "{text}");
        }
        assert_eq!(Platform::called(" "), None);
    }

    #[test]
    fn ios_has_two_names_and_macos_is_none() {
        for (text, name) in [
            ("iOS", Some("iOS")),
            ("ios", Some("iOS")),
            ("iPhone OS", Some("iOS")),
            ("IPADOS", Some("iPadOS")),
            ("macOS", None),
            ("", None),
        ] {
            assert_eq!(ios_name(text), name, "{text}");
        }
    }

    #[test]
    fn components_are_those_of_the_two_mini_programs() {
        for component in [0, 10000, 10001, 10004] {
            assert_eq!(Platform::of_component(component), None);
        }
        assert_eq!(Platform::of_component(10002), Some(Platform::Wechat));
        assert_eq!(Platform::of_component(10003), Some(Platform::Alipay));
    }
}
