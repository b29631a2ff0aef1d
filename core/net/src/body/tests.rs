use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Frame, SizeHint};
use proptest::prelude::*;
use tokio::time::Sleep;

use super::*;

/// A body that follows a script. It panics when it is polled after its end or after an error.
pub(crate) struct Script {
    steps: VecDeque<Step>,
    declared: Option<u64>,
    pause: Option<Pin<Box<Sleep>>>,
}

pub(crate) enum Step {
    Data(Bytes),
    Pause(Duration),
    Break,
    /// Reading up to here is the fault the test looks for.
    Unreachable,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Script {
            steps: steps.into_iter().collect(),
            declared: None,
            pause: None,
        }
    }

    pub(crate) fn of(frames: &[&[u8]]) -> Self {
        Script::new(frames.iter().map(|frame| data(frame)))
    }

    fn declaring(mut self, length: usize) -> Self {
        self.declared = Some(length as u64);
        self
    }
}

pub(crate) fn data(bytes: &[u8]) -> Step {
    Step::Data(Bytes::copy_from_slice(bytes))
}

impl Body for Script {
    type Data = Bytes;
    type Error = ReadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ReadError>>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Some(Step::Break) => Poll::Ready(Some(Err(ReadError::Disconnected))),
            Some(Step::Unreachable) => panic!("read further than necessary"),
            Some(Step::Pause(duration)) => {
                self.pause = Some(Box::pin(tokio::time::sleep(duration)));
                self.poll_frame(cx)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.declared
            .map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

fn limits(bytes_max: usize) -> BodyLimits {
    BodyLimits {
        bytes_max,
        ..BodyLimits::default()
    }
}

#[tokio::test]
async fn a_short_body_holds_exactly_its_length() {
    let budget = Budget::new(100);
    let body = Script::of(&[b"hello"]).declaring(5);
    let bytes = read(body, &limits(100), &budget).await.unwrap();
    assert_eq!((&bytes[..], budget.used()), (&b"hello"[..], 5));
    drop(bytes);
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn a_long_body_in_one_frame_is_not_copied() {
    let budget = Budget::new(1 << 20);
    let frame = Bytes::from(vec![1; COPY_BELOW]);
    let body = Script::new([Step::Data(frame.clone())]);
    let bytes = read(body, &limits(1 << 20), &budget).await.unwrap();
    assert_eq!(bytes.as_ptr(), frame.as_ptr());
    assert_eq!(budget.used(), COPY_BELOW);
}

#[tokio::test]
async fn refuses_a_declared_length_over_the_limit_without_reading() {
    let budget = Budget::new(100);
    let body = Script::new([Step::Unreachable]).declaring(11);
    let refused = read(body, &limits(10), &budget).await;
    assert_eq!(refused, Err(ReadError::TooLarge { limit: 10 }));
}

#[tokio::test]
async fn refuses_a_declared_length_without_budget_without_reading() {
    let budget = Budget::new(9);
    let body = Script::new([Step::Unreachable]).declaring(10);
    let refused = read(body, &limits(10), &budget).await;
    assert_eq!((refused, budget.used()), (Err(ReadError::Overloaded), 0));
}

#[tokio::test]
async fn refuses_an_undeclared_length_at_the_limit_without_reading_on() {
    let budget = Budget::new(1 << 20);
    let chunk = Bytes::from(vec![0; 40_000]);
    let chunks = [0; 3].map(|_| Step::Data(chunk.clone()));
    let body = Script::new(chunks.into_iter().chain([Step::Unreachable]));
    let refused = read(body, &limits(100_000), &budget).await;
    assert_eq!(refused, Err(ReadError::TooLarge { limit: 100_000 }));
    assert_eq!(budget.used(), 0);
}

#[tokio::test]
async fn an_undeclared_length_is_leased_in_steps_and_given_back_when_they_end() {
    let budget = Budget::new(LEASE_STEP + 1000);
    let chunk = Bytes::from(vec![0; LEASE_STEP]);
    let body = Script::new([
        Step::Data(chunk.clone()),
        Step::Data(chunk),
        Step::Unreachable,
    ]);
    let refused = read(body, &limits(1 << 20), &budget).await;
    assert_eq!((refused, budget.used()), (Err(ReadError::Overloaded), 0));
}

#[tokio::test]
async fn an_empty_body_needs_no_budget() {
    let budget = Budget::new(0);
    let body = Script::new([Step::Unreachable]).declaring(0);
    let bytes = read(body, &limits(10), &budget).await.unwrap();
    assert!(bytes.is_empty());
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_nothing_leased() {
    let budget = Budget::new(100);
    let body = Script::new([data(b"hal"), Step::Break]).declaring(6);
    let refused = read(body, &limits(100), &budget).await;
    assert_eq!((refused, budget.used()), (Err(ReadError::Disconnected), 0));
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_ends_with_its_grace() {
    let budget = Budget::new(100);
    let start = Instant::now();
    let body = Script::new([data(b"x"), Step::Pause(Duration::from_secs(60))]);
    let refused = read(body, &limits(100), &budget).await;
    assert_eq!((refused, budget.used()), (Err(ReadError::TimedOut), 0));
    assert_eq!(start.elapsed().as_secs(), RATE_GRACE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_body_below_the_minimum_rate_ends_when_it_falls_behind() {
    let budget = Budget::new(1 << 20);
    let start = Instant::now();
    let second = || [Step::Pause(Duration::from_secs(1)), data(&[0; 700])];
    let body = Script::new((0..60).flat_map(|_| second()));
    let refused = read(body, &limits(1 << 20), &budget).await;
    assert_eq!(refused, Err(ReadError::TimedOut));
    assert_eq!(start.elapsed().as_secs(), RATE_GRACE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_body_at_a_good_rate_still_ends_in_time() {
    let budget = Budget::new(1 << 20);
    let start = Instant::now();
    let second = || [Step::Pause(Duration::from_secs(1)), data(&[0; 5000])];
    let body = Script::new((0..60).flat_map(|_| second()));
    let refused = read(body, &limits(1 << 20), &budget).await;
    assert_eq!(refused, Err(ReadError::TimedOut));
    assert_eq!(start.elapsed().as_secs(), BODY_TIME_MAX.as_secs());
}

proptest! {
    #[test]
    fn any_split_reads_as_the_same_bytes_and_returns_its_lease(
        lengths in prop::collection::vec(0usize..40_000, 0..12),
        declared: bool,
    ) {
        let frames: Vec<Bytes> = lengths
            .iter()
            .enumerate()
            .map(|(n, length)| Bytes::from(vec![n as u8; *length]))
            .collect();
        let expected = frames.concat();
        let mut body = Script::new(frames.into_iter().map(Step::Data));
        if declared {
            body = body.declaring(expected.len());
        }
        let budget = Budget::new(1 << 20);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let bytes = runtime.block_on(read(body, &limits(1 << 20), &budget)).unwrap();
        prop_assert_eq!(&bytes[..], &expected[..]);
        prop_assert_eq!(budget.used(), expected.len());
        drop(bytes);
        prop_assert_eq!(budget.used(), 0);
    }
}
