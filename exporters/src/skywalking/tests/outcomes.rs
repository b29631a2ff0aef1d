//! What the ends of calls mean for an attempt.

use engine::component::Decision;

use super::*;

fn share(chunks: &[usize]) -> Share {
    Share {
        chunks: chunks.to_vec(),
        left_out: None,
    }
}

fn failed(code: Code) -> End {
    let error = CallError::from(Status::new(code, "no"));
    End::Failed(outcome::of(&error, Form::Unary))
}

#[test]
fn an_attempt_says_which_chunks_are_delivered_have_failed_or_were_not_tried() {
    let batch = batch((0..5).map(|id| segment(&id.to_string())).collect());
    let shares: Vec<Share> = (0..5).map(|index| share(&[index])).collect();
    let ends = vec![
        (3, End::Untried),
        (0, End::Delivered),
        (4, failed(Code::Unavailable)),
        (1, failed(Code::InvalidArgument)),
        (2, End::Settled),
    ];
    let error = verdict(&batch, &shares, ends, vec![("replaced", 1)]);
    let error = error.expect_err("two calls have failed");
    assert_eq!(error.decision, Decision::Reject);
    let partial = *error.partial.expect("it came somewhere");
    assert_eq!((partial.failed, partial.untried), (vec![1], vec![3, 4]));
    let dropped = [("replaced", 1), ("unknown_outcome", 2)];
    assert_eq!(partial.delivery.dropped, dropped);
}

#[test]
fn a_chunk_in_several_calls_is_what_the_worst_of_them_says() {
    let batch = batch((0..2).map(|id| segment(&id.to_string())).collect());
    let shares = [share(&[0]), share(&[0, 1]), share(&[1])];
    let ends = vec![
        (0, failed(Code::Unavailable)),
        (1, End::Delivered),
        (2, End::Untried),
    ];
    let error = verdict(&batch, &shares, ends, Vec::new());
    let partial = error
        .expect_err("one has failed")
        .partial
        .expect("it came somewhere");
    assert_eq!((partial.failed, partial.untried), (vec![0], vec![1]));
}

#[test]
fn what_a_backend_says_is_retried_left_alone_or_final() {
    let decision = |code, form| {
        let error = CallError::from(Status::new(code, ""));
        outcome::of(&error, form).decision
    };
    let retry = Decision::Retry { after: None };
    for code in [Code::Unavailable, Code::ResourceExhausted, Code::Aborted] {
        assert_eq!(decision(code, Form::Unary), retry);
    }
    for code in [
        Code::PermissionDenied,
        Code::Unauthenticated,
        Code::Unimplemented,
    ] {
        assert_eq!(decision(code, Form::Stream), Decision::Park);
    }
    assert_eq!(decision(Code::Unknown, Form::Stream), retry);
    assert_eq!(decision(Code::Unknown, Form::Otlp), Decision::Reject);
    assert_eq!(
        decision(Code::InvalidArgument, Form::Stream),
        Decision::Reject
    );
    let lost = CallError {
        status: Status::new(Code::Unknown, ""),
        fate: Fate::Unknown,
    };
    assert_eq!(outcome::of(&lost, Form::Unary).decision, retry);
}

#[test]
fn what_is_left_out_of_a_chunk_is_counted_when_its_call_has_ended_well() {
    let batch = batch(vec![segment("x"), segment("y")]);
    let shares = [0, 1].map(|index| Share {
        left_out: Some(("deduplicated", 1)),
        ..share(&[index])
    });
    let ends = vec![(0, End::Delivered), (1, failed(Code::Unavailable))];
    let error = verdict(&batch, &shares, ends, Vec::new()).expect_err("one has failed");
    let partial = error.partial.expect("it came somewhere");
    assert_eq!(partial.delivery.dropped, [("deduplicated", 1)]);
    let settled = verdict(&batch, &shares[..1], vec![(0, End::Settled)], Vec::new());
    let dropped = settled.expect("nothing is sent again").dropped;
    // Of two spans one is a copy.
    assert_eq!(dropped, [("deduplicated", 1), ("unknown_outcome", 1)]);
}
