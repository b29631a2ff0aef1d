//! Plugins that are written with the SDK, seen from the host.

use std::sync::{Arc, OnceLock, mpsc};

use bytes::Bytes;
use skyferry_plugin_sdk::{self as sdk, Description, Error, Host, Output, Processor, Signal};

use super::probe::{Rig, soon};
use crate::contract::{Failure, Kind, Main};
use crate::library::Instance;

/// Does what its message says.
struct Obedient {
    host: Host,
}

impl Processor for Obedient {
    const DESCRIPTION: Description = Description {
        summary: "does \"as it is told\"",
        signals: &[Signal::Traces],
        emits: &[Signal::Metrics],
        schema: r#"{"type": "string"}"#,
        ..Description::new("obedient", "0.1.0")
    };

    fn create(config: &str, host: Host) -> Result<Obedient, String> {
        match config {
            r#""panic""# => panic!("at the beginning"),
            r#""refuse""# => Err("`refuse` is no good".to_owned()),
            _ => Ok(Obedient { host }),
        }
    }

    fn process(
        &self,
        kind: sdk::Kind,
        message: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Error> {
        match message {
            b"drop" => output.drop_message(),
            b"twice" => {
                output.replace(kind, b"one".to_vec());
                output.replace(kind, b"two".to_vec());
                output.emit(sdk::Kind::Metrics, Vec::with_capacity(9));
            }
            b"log" => self.host.log(sdk::Level::Warn, "as told"),
            b"refuse" => {
                return Err(Error::Refused {
                    reason: "as told".to_owned(),
                    item: Some(2),
                });
            }
            b"fail" => return Err(Error::Failed("as told".to_owned())),
            b"panic" => {
                output.replace(kind, b"half".to_vec());
                panic!("at {}", "work");
            }
            b"throw" => std::panic::panic_any(Bomb),
            _ => {}
        }
        Ok(())
    }

    fn flush(&self, output: &mut Output<'_>) -> Result<(), Error> {
        output.emit(sdk::Kind::Metrics, b"rest".to_vec());
        Ok(())
    }
}

impl Drop for Obedient {
    fn drop(&mut self) {
        panic!("at the end");
    }
}

/// What panics when it is dropped, and is what a panic throws.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("out of spite");
    }
}

static DESCRIBED: OnceLock<String> = OnceLock::new();

unsafe extern "C" fn describe() -> sdk::abi::Bytes {
    sdk::export::native::describe::<Obedient>(&DESCRIBED)
}

fn rig() -> Rig {
    Rig::of(&sdk::export::native::table::<Obedient>(describe))
}

fn tell(instance: &Arc<dyn Instance>, what: &'static str) -> Result<Main, Failure> {
    let message = Bytes::from_static(what.as_bytes());
    let processed = instance.process(Kind::Traces, &message, soon())?;
    Ok(processed.main)
}

#[test]
fn every_end_of_a_call_reaches_the_host() {
    let rig = rig();
    let instance = rig.create(&serde_json::json!("")).ok().unwrap();
    assert_eq!(tell(&instance, "nothing"), Ok(Main::Unchanged));
    assert_eq!(tell(&instance, "drop"), Ok(Main::Replaced(Vec::new())));
    let Ok(Main::Replaced(emitted)) = tell(&instance, "twice") else {
        panic!("it was replaced");
    };
    let messages: Vec<_> = emitted.iter().map(|it| &it.message[..]).collect();
    assert_eq!(messages, [b"one", b"two"]);
    let Ok(Main::Refused(refused)) = tell(&instance, "refuse") else {
        panic!("it was refused");
    };
    assert_eq!(
        (refused.reason.as_str(), refused.item),
        ("as told", Some(2))
    );
    let failed = Err(Failure::Failed("as told".to_owned()));
    assert_eq!(tell(&instance, "fail"), failed);
    assert_eq!(&instance.flush(soon()).unwrap()[0].message[..], b"rest");
    tell(&instance, "log").unwrap();
    assert_eq!(*rig.told.0.lock(), ["Warn as told"]);
}

#[test]
fn a_panic_fails_one_call_and_the_next_works() {
    let rig = rig();
    let instance = rig.create(&serde_json::json!("")).ok().unwrap();
    let failed = |text: &str| Err(Failure::Failed(text.to_owned()));
    assert_eq!(tell(&instance, "panic"), failed("it panicked: at work"));
    assert_eq!(
        tell(&instance, "throw"),
        failed("it panicked: without a message")
    );
    assert_eq!(tell(&instance, "nothing"), Ok(Main::Unchanged));

    drop(instance);
    let last = "Error the plugin panicked when it was ended: at the end";
    assert_eq!(*rig.told.0.lock(), [last]);
}

#[test]
fn a_panic_in_create_fails_it_and_an_error_refuses_the_configuration() {
    let rig = rig();
    let error = |config: &str| {
        rig.create(&serde_json::json!(config))
            .err()
            .unwrap()
            .to_string()
    };
    assert_eq!(error("panic"), "it failed: it panicked: at the beginning");
    assert_eq!(error("refuse"), "`refuse` is no good");
}

/// Counts on a thread of its own, which goes on when the instance has ended.
struct Stray {
    _host: Host,
}

type Go = (mpsc::Receiver<()>, mpsc::SyncSender<u64>);

static GO: parking_lot::Mutex<Option<Go>> = parking_lot::Mutex::new(None);

impl Processor for Stray {
    const DESCRIPTION: Description = Description {
        signals: &[Signal::Logs],
        ..Description::new("stray", "1")
    };

    fn create(_: &str, host: Host) -> Result<Stray, String> {
        let (go, gone) = GO.lock().take().expect("the test has set it");
        let stray = host.clone();
        std::thread::spawn(move || {
            while go.recv().is_ok() {
                stray.counter("strays", 1);
                gone.send(stray.now_unix_nano()).unwrap();
            }
        });
        Ok(Stray { _host: host })
    }

    fn process(&self, _: sdk::Kind, _: &[u8], _: &mut Output<'_>) -> Result<(), Error> {
        Ok(())
    }
}

static STRAY_DESCRIBED: OnceLock<String> = OnceLock::new();

unsafe extern "C" fn describe_stray() -> sdk::abi::Bytes {
    sdk::export::native::describe::<Stray>(&STRAY_DESCRIBED)
}

/// The host's table and services are gone by then.
#[test]
fn a_thread_that_outlives_its_instance_does_not_reach_the_host() {
    let (go, may_go) = mpsc::sync_channel(1);
    let (has_gone, gone) = mpsc::sync_channel(1);
    *GO.lock() = Some((may_go, has_gone));
    let rig = Rig::of(&sdk::export::native::table::<Stray>(describe_stray));
    let instance = rig.create(&serde_json::json!({})).ok().unwrap();
    go.send(()).unwrap();
    assert!(gone.recv().unwrap() > 0);
    drop(instance);
    go.send(()).unwrap();
    assert_eq!(gone.recv().unwrap(), 0);
    assert_eq!(*rig.told.0.lock(), ["strays +1"]);
}
