//! What the ends of calls mean for an attempt.

use super::*;

fn failed(code: Code) -> End {
    let error = CallError::from(Status::new(code, "no"));
    End::Failed(outcome::of(&error, Form::Unary))
}

#[test]
fn an_attempt_says_which_chunks_are_delivered_have_failed_or_were_not_tried() {
    let batch = batch((0..5).map(|id| segment(&id.to_string())).collect());
    let chunks: Vec<Vec<usize>> = (0..5).map(|index| vec![index]).collect();
    let ends = vec![
        (3, End::Untried),
        (0, End::Delivered),
        (4, failed(Code::Unavailable)),
        (1, failed(Code::InvalidArgument)),
        (2, End::Settled),
    ];
    let error = verdict(&batch, &chunks, ends, vec![("replaced", 1)]);
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
    let chunks = vec![vec![0], vec![0, 1], vec![1]];
    let ends = vec![
        (0, failed(Code::Unavailable)),
        (1, End::Delivered),
        (2, End::Untried),
    ];
    let error = verdict(&batch, &chunks, ends, Vec::new());
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
