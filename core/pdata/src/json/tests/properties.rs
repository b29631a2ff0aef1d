//! What holds for every request, and for every damage done to one.

use proptest::prelude::*;
use proptest::sample::Index;
use serde::de::IgnoredAny;

use super::arbitrary::{Reach, logs, metrics, traces};
use super::*;
use crate::wire;

fn survives_both_ways<R: Request>(request: &R) -> Result<(), TestCaseError> {
    let wire = request.encode_to_vec();
    let text = written(R::SIGNAL, &wire);
    let back = read(R::SIGNAL, text.as_bytes()).unwrap();
    prop_assert_eq!(back.repaired, 0);
    let decoded = R::decode(&back.wire[..]).unwrap();
    // By their encoding, because NaN is not equal to itself.
    prop_assert_eq!(decoded.encode_to_vec(), wire, "{}", text);
    prop_assert_eq!(written(R::SIGNAL, &back.wire), text);
    Ok(())
}

fn reads_as_the_oracle_reads<R: Request>(request: &R) -> Result<(), TestCaseError> {
    let text = written(R::SIGNAL, &request.encode_to_vec());
    let oracle: R = serde_json::from_str(&text).unwrap();
    prop_assert_eq!(&oracle, request, "{}", text);
    Ok(())
}

/// One way to damage bytes.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Repeat(Index, usize),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    // Bytes that mean something, in JSON or in keys and lengths of small messages.
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(&b"{}[]\",:\\0-.eu\x80\xED"[..]),
        0u8..0x80,
    ];
    let one = prop_oneof![
        4 => (any::<Index>(), byte).prop_map(|(at, byte)| Damage::Set(at, byte)),
        1 => any::<Index>().prop_map(Damage::Cut),
        2 => (any::<Index>(), 1..9usize).prop_map(|(at, len)| Damage::Remove(at, len)),
        2 => (any::<Index>(), 1..40usize).prop_map(|(at, len)| Damage::Repeat(at, len)),
    ];
    prop::collection::vec(one, 1..4)
}

fn damaged(mut bytes: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for damage in damage {
        if bytes.is_empty() {
            break;
        }
        match *damage {
            Damage::Set(at, byte) => *at.get_mut(&mut bytes) = byte,
            Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Damage::Remove(at, len) => {
                let start = at.index(bytes.len());
                let end = (start + len).min(bytes.len());
                bytes.drain(start..end);
            }
            Damage::Repeat(at, len) => {
                let start = at.index(bytes.len());
                let end = (start + len).min(bytes.len());
                let again = bytes[start..end].to_vec();
                bytes.splice(end..end, again);
            }
        }
    }
    bytes
}

/// Whatever is read is a request that prost reads too, and that survives both ways.
fn reads_or_refuses<R: Request>(body: &[u8]) -> Result<(), TestCaseError> {
    match read(R::SIGNAL, body) {
        Ok(read) => survives_both_ways(&R::decode(&read.wire[..]).unwrap()),
        Err(error) => {
            prop_assert!(error.offset() <= body.len());
            prop_assert!(error.line() >= 1 && error.column() >= 1);
            Ok(())
        }
    }
}

/// Whatever prost reads is written, and means what prost made of it.
fn writes_or_refuses<R: Request>(wire: &[u8]) -> Result<(), TestCaseError> {
    let mut out = b"before".to_vec();
    match (R::decode(wire), write(R::SIGNAL, wire, &mut out)) {
        (Ok(decoded), written) => {
            prop_assert_eq!(written, Ok(()));
            let back = read(R::SIGNAL, &out[b"before".len()..]).unwrap();
            let back = R::decode(&back.wire[..]).unwrap();
            let canonical = |request: &R| {
                // Through text, so that every NaN has the same bits.
                super::written(R::SIGNAL, &request.encode_to_vec())
            };
            prop_assert_eq!(canonical(&back), canonical(&decoded));
        }
        (Err(_), Ok(())) => {
            let text = &out[b"before".len()..];
            prop_assert!(serde_json::from_slice::<IgnoredAny>(text).is_ok());
        }
        (Err(_), Err(_)) => prop_assert_eq!(&out[..], b"before"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn logs_survive_both_ways(request in logs(Reach::Everything)) {
        survives_both_ways(&request)?;
    }

    #[test]
    fn metrics_survive_both_ways(request in metrics(Reach::Everything)) {
        survives_both_ways(&request)?;
    }

    #[test]
    fn traces_survive_both_ways(request in traces(Reach::Everything)) {
        survives_both_ways(&request)?;
    }

    #[test]
    fn logs_are_written_as_the_oracle_reads_them(request in logs(Reach::Oracle)) {
        reads_as_the_oracle_reads(&request)?;
    }

    #[test]
    fn metrics_are_written_as_the_oracle_reads_them(request in metrics(Reach::Oracle)) {
        reads_as_the_oracle_reads(&request)?;
    }

    #[test]
    fn traces_are_written_as_the_oracle_reads_them(request in traces(Reach::Oracle)) {
        reads_as_the_oracle_reads(&request)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_text_is_read_or_refused(
        request in logs(Reach::Everything),
        damage in damage(),
    ) {
        let text = written(Signal::Logs, &request.encode_to_vec());
        reads_or_refuses::<Logs>(&damaged(text.into_bytes(), &damage))?;
    }

    #[test]
    fn damaged_metrics_are_read_or_refused(
        request in metrics(Reach::Everything),
        damage in damage(),
    ) {
        let text = written(Signal::Metrics, &request.encode_to_vec());
        reads_or_refuses::<Metrics>(&damaged(text.into_bytes(), &damage))?;
    }

    #[test]
    fn damaged_requests_are_written_as_prost_reads_them(
        request in logs(Reach::Everything),
        damage in damage(),
    ) {
        writes_or_refuses::<Logs>(&damaged(request.encode_to_vec(), &damage))?;
    }

    #[test]
    fn damaged_metric_requests_are_written_as_prost_reads_them(
        request in metrics(Reach::Everything),
        damage in damage(),
    ) {
        writes_or_refuses::<Metrics>(&damaged(request.encode_to_vec(), &damage))?;
    }

    #[test]
    fn merged_messages_are_written_as_prost_merges_them(
        requests in prop::collection::vec(metrics(Reach::Everything), 2..4),
    ) {
        // All metrics run into one, whose oneof takes several members.
        let metrics = requests.iter().flat_map(|request| &request.resource_metrics);
        let metrics = metrics.flat_map(|resource| &resource.scope_metrics);
        let metrics = metrics.flat_map(|scope| &scope.metrics);
        let merged: Vec<u8> = metrics.flat_map(|metric| metric.encode_to_vec()).collect();
        let mut wire = merged;
        for number in [2, 2, 1] {
            let mut outer = Vec::new();
            wire::put_field(&mut outer, number, &wire);
            wire = outer;
        }
        writes_or_refuses::<Metrics>(&wire)?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        text in "[\\[\\]{}\",:a-z0-9\\\\.eE+-]{0,64}",
    ) {
        reads_or_refuses::<Traces>(&bytes)?;
        reads_or_refuses::<Traces>(text.as_bytes())?;
        writes_or_refuses::<Traces>(&bytes)?;
    }
}
