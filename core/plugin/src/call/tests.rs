use super::*;
use crate::description::Segments;

fn plugin(emits: &[Signal]) -> Description {
    Description {
        name: "a".to_owned(),
        version: "1".to_owned(),
        summary: String::new(),
        signals: vec![Signal::Traces],
        emits: emits.to_vec(),
        segments: Segments::Otlp,
        parallel: false,
        resident: false,
        schema: None,
    }
}

/// A call on a message of `traces`, of a plugin that emits `metrics`.
fn call() -> Call {
    Call::process(&plugin(&[Signal::Metrics]), Kind::Traces)
}

fn emit(call: &mut Call, kind: abi::Kind, message: &'static [u8]) {
    if let Some(kind) = call.admit(kind, message.len()) {
        call.emit(kind, Bytes::from_static(message));
    }
}

fn broken<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    match result {
        Err(Failure::Broken(how)) => how,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_emitted_of_the_signal_takes_the_place_of_the_message() {
    let mut call = call();
    emit(&mut call, abi::KIND_TRACES, b"t");
    emit(&mut call, abi::KIND_METRICS, b"m");
    emit(&mut call, abi::KIND_SEGMENT, b"s");
    let processed = call.processed(abi::STATUS_REPLACED).unwrap();
    let emitted = |kind, message| Emitted {
        kind,
        message: Bytes::from_static(message),
    };
    assert_eq!(
        processed.main,
        Main::Replaced(vec![
            emitted(Kind::Traces, b"t"),
            emitted(Kind::Segment, b"s")
        ])
    );
    assert_eq!(processed.derived, [emitted(Kind::Metrics, b"m")]);
}

#[test]
fn a_refusal_carries_its_reason_and_item_and_what_was_derived() {
    let mut call = call();
    emit(&mut call, abi::KIND_TRACES, b"t");
    emit(&mut call, abi::KIND_METRICS, b"m");
    call.reason(b"first", 1);
    call.reason(b"last", 7);
    let processed = call.processed(abi::STATUS_REFUSED).unwrap();
    let refused = Refused {
        reason: "last".to_owned(),
        item: Some(7),
    };
    assert_eq!(processed.main, Main::Refused(refused));
    assert_eq!(processed.derived.len(), 1);
}

#[test]
fn a_refusal_may_have_no_reason() {
    let processed = call().processed(abi::STATUS_REFUSED).unwrap();
    let refused = Refused {
        reason: String::new(),
        item: None,
    };
    assert_eq!(processed.main, Main::Refused(refused));
}

#[test]
fn a_failure_takes_back_what_was_emitted() {
    let mut failed = call();
    emit(&mut failed, abi::KIND_METRICS, b"m");
    failed.reason(b"no room", abi::NO_ITEM);
    assert_eq!(
        failed.processed(abi::STATUS_FAILED),
        Err(Failure::Failed("no room".to_owned()))
    );
    assert_eq!(
        call().processed(abi::STATUS_FAILED),
        Err(Failure::Failed("it gave no reason".to_owned()))
    );
}

#[test]
fn nothing_can_take_the_place_of_what_is_unchanged() {
    let mut call = call();
    emit(&mut call, abi::KIND_TRACES, b"t");
    let how = broken(call.processed(abi::STATUS_UNCHANGED));
    assert!(how.contains("says is unchanged"), "{how}");
}

#[test]
fn kinds_that_it_does_not_emit_break_the_contract() {
    for kind in [0, 5, u32::MAX] {
        let mut call = call();
        emit(&mut call, kind, b"x");
        let how = broken(call.processed(abi::STATUS_REPLACED));
        assert!(how.contains(&format!("unknown kind `{kind}`")), "{how}");
    }
    let mut call = call();
    emit(&mut call, abi::KIND_LOGS, b"l");
    let how = broken(call.processed(abi::STATUS_REPLACED));
    assert!(how.contains("`logs`"), "{how}");
}

#[test]
fn a_flush_hands_over_only_what_it_says_it_emits() {
    let plugin = plugin(&[Signal::Metrics]);
    let mut call = Call::flush(&plugin);
    emit(&mut call, abi::KIND_METRICS, b"m");
    assert_eq!(call.flushed(abi::STATUS_UNCHANGED).unwrap().len(), 1);

    let mut call = Call::flush(&plugin);
    emit(&mut call, abi::KIND_TRACES, b"t");
    broken(call.flushed(abi::STATUS_UNCHANGED));

    for status in [abi::STATUS_REPLACED, abi::STATUS_REFUSED, 9] {
        let how = broken(Call::flush(&plugin).flushed(status));
        assert_eq!(
            how,
            format!("`flush` returned `{status}`, which is no status of it")
        );
    }
}

#[test]
fn a_configuration_is_refused_with_its_reason() {
    let mut call = Call::create();
    call.reason(b"`routes` is empty", abi::NO_ITEM);
    let error = call.created(abi::STATUS_REFUSED).unwrap_err();
    assert!(matches!(error, CreateError::Refused(why) if why == "`routes` is empty"));

    let mut call = Call::create();
    emit(&mut call, abi::KIND_TRACES, b"t");
    let error = call.created(abi::STATUS_UNCHANGED).unwrap_err();
    assert!(matches!(error, CreateError::Failed(Failure::Broken(_))));
}

#[test]
fn an_unknown_status_breaks_the_contract() {
    let how = broken(call().processed(4));
    assert_eq!(how, "`process` returned `4`, which is no status of it");
}

#[test]
fn the_first_of_several_breaches_is_told() {
    let mut call = call();
    emit(&mut call, 77, b"x");
    emit(&mut call, 78, b"x");
    let how = broken(call.processed(abi::STATUS_FAILED));
    assert!(how.contains("77"), "{how}");
}

#[test]
fn a_call_emits_no_more_bytes_than_its_bound() {
    let mut call = call();
    assert!(call.admit(abi::KIND_TRACES, EMITTED_BYTES_MAX).is_some());
    assert!(call.admit(abi::KIND_METRICS, 1).is_none());
    assert!(call.admit(abi::KIND_METRICS, usize::MAX).is_none());
    let how = broken(call.processed(abi::STATUS_REPLACED));
    assert!(how.contains("`1073741824` bytes"), "{how}");
}

#[test]
fn a_call_emits_no_more_messages_than_its_bound() {
    let mut call = call();
    for _ in 0..EMITTED_MESSAGES_MAX {
        emit(&mut call, abi::KIND_TRACES, b"");
    }
    assert!(call.admit(abi::KIND_TRACES, 0).is_none());
    let how = broken(call.processed(abi::STATUS_REPLACED));
    assert!(how.contains("`65536` messages"), "{how}");
}

#[test]
fn a_reason_is_repaired_and_cut() {
    assert_eq!(repaired(b"a\xffb", 10), "a\u{fffd}b");
    assert_eq!(repaired("aü".as_bytes(), 2), "a");
    let long = [0xff; 2 * REASON_BYTES_MAX];
    let text = repaired(&long, REASON_BYTES_MAX);
    assert!(text.len() <= REASON_BYTES_MAX && text.chars().all(|char| char == '\u{fffd}'));
}
