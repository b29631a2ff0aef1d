use std::collections::BTreeSet;
use std::io;

use async_trait::async_trait;
use engine::config::read_text;

use super::*;

/// Answers what it was told last.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<Vec<IpAddr>>>);

impl Answers {
    fn set(&self, addresses: &[&str]) {
        *self.0.lock() = parsed(addresses);
    }
}

#[async_trait]
impl Resolve for Answers {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let known = self.0.lock().clone();
        match known.is_empty() {
            true => Err(io::Error::other("no such name")),
            false => Ok(known),
        }
    }
}

fn parsed(addresses: &[&str]) -> Vec<IpAddr> {
    let parsed = addresses.iter().map(|address| address.parse());
    parsed.map(|address| address.expect("an address")).collect()
}

fn targets(yaml: &str) -> (Targets, Answers) {
    let (config, _) = read_text::<Config>(yaml).expect("it is valid");
    let mut targets = Targets::new(&config).expect("it can be built");
    let answers = Answers::default();
    targets.names = Box::new(answers.clone());
    (targets, answers)
}

fn labels(targets: &Targets) -> Vec<String> {
    let all = targets.all();
    all.iter().map(|target| target.label.clone()).collect()
}

const NAMED: &str = "{endpoint: 'oap:1', tls: {insecure: true}}";

#[tokio::test]
async fn a_name_of_several_addresses_is_several_backends_and_follows_its_answers() {
    let (targets, answers) = targets(NAMED);
    assert_eq!(labels(&targets), ["http://oap:1"]);
    targets.look_up().await;
    assert_eq!(labels(&targets), ["http://oap:1"], "nothing was found");
    answers.set(&["10.0.0.2", "10.0.0.1"]);
    targets.look_up().await;
    let both = ["http://oap:1 10.0.0.1", "http://oap:1 10.0.0.2"];
    assert_eq!(labels(&targets), both);
    let second = Arc::clone(&targets.all()[1]);
    answers.set(&["10.0.0.3", "10.0.0.2"]);
    targets.look_up().await;
    assert!(
        Arc::ptr_eq(&targets.all()[0], &second),
        "it keeps its connections"
    );
    assert_eq!(targets.all()[1].label, "http://oap:1 10.0.0.3");
    answers.set(&[]);
    targets.look_up().await;
    assert_eq!(
        targets.all().len(),
        2,
        "a name server that fails changes nothing"
    );
}

#[tokio::test]
async fn a_host_that_has_moved_gets_new_connections() {
    let (targets, answers) = targets(NAMED);
    answers.set(&["10.0.0.1", "fd00::1"]);
    targets.look_up().await;
    let before = Arc::clone(&targets.all()[0]);
    assert_eq!(
        before.label, "http://oap:1",
        "one host of both versions of IP"
    );
    targets.look_up().await;
    assert!(Arc::ptr_eq(&targets.all()[0], &before));
    answers.set(&["10.0.0.9", "fd00::1"]);
    targets.look_up().await;
    assert!(!Arc::ptr_eq(&targets.all()[0], &before));
}

#[tokio::test]
async fn an_instance_stays_with_its_backend_when_another_one_goes() {
    let (targets, answers) = targets(NAMED);
    answers.set(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    targets.look_up().await;
    let home = |home: u64| {
        targets
            .choose(Some(home), &[])
            .expect("there are some")
            .label
            .clone()
    };
    let first: Vec<String> = (0..100).map(home).collect();
    assert_eq!(
        first.iter().collect::<BTreeSet<_>>().len(),
        3,
        "all are used"
    );
    answers.set(&["10.0.0.1", "10.0.0.3"]);
    targets.look_up().await;
    for (number, before) in first.iter().enumerate() {
        let moved = home(number as u64) != *before;
        assert_eq!(moved, before.ends_with(".2"), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_are_looked_up_at_once_every_half_minute_and_when_all_backends_fail() {
    let (targets, answers) = targets(NAMED);
    answers.set(&["10.0.0.1"]);
    let following = targets.follow_names();
    let watching = async {
        let since = Instant::now();
        let until = async |count: usize| {
            while targets.all().len() != count {
                sleep(Duration::from_millis(100)).await;
            }
            since.elapsed()
        };
        sleep(Duration::from_secs(2)).await;
        answers.set(&["10.0.0.1", "10.0.0.2"]);
        let regular = until(2).await;
        assert!(regular >= LOOKUP_INTERVAL, "{regular:?}");
        assert!(
            regular <= LOOKUP_INTERVAL + LOOKUP_INTERVAL_MIN * 2,
            "{regular:?}"
        );
        for target in targets.all().iter() {
            target.failed();
        }
        answers.set(&["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
        targets
            .choose(None, &[])
            .expect("one is tried all the same");
        let in_need = until(3).await - regular;
        assert!(in_need <= LOOKUP_INTERVAL_MIN * 2, "{in_need:?}");
    };
    tokio::select! {
        () = following => panic!("names change for ever"),
        () = watching => {}
    }
}

#[tokio::test]
async fn an_address_is_not_looked_up() {
    for endpoint in ["127.0.0.1:1", "[::1]:1", "http://10.0.0.1:1"] {
        let yaml = format!("{{endpoint: '{endpoint}', tls: {{insecure: true}}}}");
        let (targets, answers) = targets(&yaml);
        answers.set(&["10.0.0.1", "10.0.0.2"]);
        targets.follow_names().await;
        assert_eq!(targets.all().len(), 1, "{endpoint}");
    }
}

#[test]
fn addresses_are_hosts() {
    let cases: [(&[&str], usize); 5] = [
        (&["10.0.0.1"], 1),
        (&["10.0.0.1", "10.0.0.1"], 1),
        (&["fd00::1", "10.0.0.1"], 1),
        (&["fd00::1", "fd00::2", "10.0.0.1", "10.0.0.2"], 2),
        (&["fd00::1", "10.0.0.1", "10.0.0.2"], 2),
    ];
    for (addresses, count) in cases {
        assert_eq!(sites(&parsed(addresses)).len(), count, "{addresses:?}");
    }
    let six = sites(&parsed(&["fd00::1", "fd00::2", "10.0.0.1", "10.0.0.2"]));
    assert!(
        six.iter().flatten().all(IpAddr::is_ipv6),
        "as the system prefers"
    );
}
