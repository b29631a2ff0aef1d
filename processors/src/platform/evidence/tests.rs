use engine::config::read_text;

use super::*;

const WECHAT_REFERER: &str = "https://servicewechat.com/wx0123456789abcdef/12/page-frame.html";
const ALIPAY_REFERER: &str =
    "https://2021000000000000.hybrid.alipay-eco.com/2021000000000000/0.2/index.html";
const WECHAT_AGENT: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 \
     (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.49(0x18003133) NetType/WIFI Language/zh_CN";
const ALIPAY_AGENT: &str = "Mozilla/5.0 (Linux; U; Android 14; zh-CN) AliApp(AP/10.5.96) \
     AlipayClient/10.5.96 Language/zh-Hans MiniProgram";
const BROWSER: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) Version/17.4 Safari/604.1";

fn detector(config: &str) -> Detector {
    let (config, _) = read_text::<Config>(config).expect("the schema takes it");
    Detector::try_new(&config).expect("its patterns are right")
}

fn origin(headers: &[(&str, &str)]) -> Origin {
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| ((*name).into(), (*value).into()));
    Origin {
        headers: headers.collect(),
        ..Origin::default()
    }
}

#[test]
fn the_request_tells_the_platform_that_its_runtime_sets() {
    use Platform::{Alipay, Wechat};
    let detector = detector("{}");
    let page = "https://shop.example.com/";
    for (user_agent, referer, by_agent, by_referer) in [
        (WECHAT_AGENT, WECHAT_REFERER, Some(Wechat), Some(Wechat)),
        (ALIPAY_AGENT, ALIPAY_REFERER, Some(Alipay), Some(Alipay)),
        (ALIPAY_AGENT, WECHAT_REFERER, Some(Alipay), Some(Wechat)),
        (WECHAT_AGENT, "", Some(Wechat), None),
        // A web page in the platform's browser is no mini program.
        (WECHAT_AGENT, page, None, None),
        (ALIPAY_AGENT, page, None, None),
        (BROWSER, page, None, None),
        (BROWSER, "", None, None),
        ("node", "", None, None),
        (
            "",
            "https://servicewechat.com.evil.example/wx/1/",
            None,
            None,
        ),
        ("", "https://evil.example/servicewechat.com/", None, None),
        (
            "",
            "http://servicewechat.com/wx/1/page-frame.html",
            None,
            None,
        ),
        ("", "https://hybrid.alipay-eco.com/", None, None),
    ] {
        let headers = [("user-agent", user_agent), ("referer", referer)];
        let sent: Vec<_> = headers
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let origin = origin(&sent);
        let found = detector.of_origin(&origin);
        assert_eq!(found.get(Evidence::UserAgent), by_agent, "{sent:?}");
        assert_eq!(found.get(Evidence::Referer), by_referer, "{sent:?}");
    }
}

#[test]
fn what_an_sdk_and_a_system_tell() {
    let detector = detector("{}");
    let sdk = |name| detector.of_sdk(name);
    assert_eq!(sdk("fc-sdk-wechat-miniprogram"), Some(Platform::Wechat));
    assert_eq!(sdk("mini-program-monitor"), None);
    assert_eq!(detector.of_os("iPadOS"), Some(Platform::Ios));
    assert_eq!(detector.of_os("macOS"), None);
}

#[test]
fn rules_come_before_what_is_known_and_name_platforms_of_their_own() {
    let detector = detector(
        r"rules:
- {platform: douyin, evidence: referer, pattern: '^https://tmaservice\.developer\.toutiao\.com'}
- {platform: wechat, evidence: attribute, pattern: '^qq$'}
- {platform: ios, evidence: user_agent, pattern: '^Shop/[0-9]+ CFNetwork/'}
- {platform: baidu, evidence: component, pattern: '^1900[0-9]$'}
- {platform: work, evidence: user_agent, pattern: 'wxwork/'}
- {platform: work, evidence: sdk, pattern: '^sdk-of-work$'}
- {platform: work, evidence: os, pattern: '^HarmonyOS$'}
",
    );
    let referer = origin(&[(
        "referer",
        "https://tmaservice.developer.toutiao.com/?appid=tt1",
    )]);
    let found = detector.of_origin(&referer);
    assert_eq!(
        found.get(Evidence::Referer),
        Some(Platform::Other("douyin"))
    );
    let agent = origin(&[("user-agent", "Shop/812 CFNetwork/1494.0.7 Darwin/23.4.0")]);
    let found = detector.of_origin(&agent);
    assert_eq!(found.get(Evidence::UserAgent), Some(Platform::Ios));
    let both = format!("{WECHAT_AGENT} wxwork/4.1");
    let work = Some(Platform::Other("work"));
    let origin = origin(&[("user-agent", &both)]);
    assert_eq!(detector.of_origin(&origin).get(Evidence::UserAgent), work);
    assert_eq!(detector.of_sdk("sdk-of-work"), work);
    assert_eq!(detector.of_os("HarmonyOS"), work);
    assert_eq!(detector.of_attribute("qq"), Some(Platform::Wechat));
    assert_eq!(detector.respelled("qq"), Some("wechat"));
    assert_eq!(detector.respelled("wechat"), None);
    let baidu = Some(Platform::Other("baidu"));
    assert_eq!(detector.of_component(19003), baidu);
    assert_eq!(detector.of_component(10002), Some(Platform::Wechat));
    assert_eq!(detector.of_component(1), None);
}

#[test]
fn no_more_of_a_text_is_searched_than_a_name_needs() {
    let detector = detector("rules: [{platform: late, evidence: sdk, pattern: 'end$'}]");
    let long = format!("{}end", "花".repeat(SEARCHED_BYTES_MAX));
    assert_eq!(detector.of_sdk(&long), None);
    assert_eq!(detector.of_sdk("the end"), Some(Platform::Other("late")));
}

#[test]
fn the_most_trusted_evidence_counts_and_each_other_one_is_heard() {
    let mut found = Found::default();
    found.set(Evidence::Attribute, Some(Platform::Alipay));
    found.set(Evidence::Os, Some(Platform::Ios));
    found.set(Evidence::Referer, Some(Platform::Wechat));
    found.set(Evidence::UserAgent, Some(Platform::Wechat));
    for (order, platform, against) in [
        (
            "[attribute, os]",
            Some(Platform::Alipay),
            vec![Evidence::Os],
        ),
        ("[referer, user_agent]", Some(Platform::Wechat), vec![]),
        (
            "[referer, user_agent, attribute, os]",
            Some(Platform::Wechat),
            vec![Evidence::Attribute, Evidence::Os],
        ),
        ("[sdk, component]", None, vec![]),
    ] {
        let detector = detector(&format!("evidence: {order}"));
        let mut heard = Vec::new();
        let decided = detector.decide(&found, |it| {
            assert_eq!(Some(it.decided_by.1), platform);
            heard.push(it.against.0);
        });
        assert_eq!((decided, heard), (platform, against), "{order}");
    }
}
