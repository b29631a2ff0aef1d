//! Which spans belong into one segment, and in which order.

use std::collections::HashMap;
use std::num::NonZeroUsize;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::ScopedSpan;

/// The trees of a part, cut into pieces of one segment each. Spans are named by their place in the
/// part.
pub(super) struct Forest {
    pub(super) pieces: Vec<Piece>,
    /// The parent of each span, if the part has it.
    pub(super) parents: Vec<Option<usize>>,
    /// The piece of each span and its number there. Repetitions have those of the first.
    places: Vec<(usize, i32)>,
    /// Spans that are there again, by the piece that has them.
    repeated: Vec<(usize, usize)>,
}

pub(super) struct Piece {
    /// In the order of their numbers. Never empty.
    pub(super) sources: Vec<usize>,
    /// The root of the tree that it was cut from.
    pub(super) entry: usize,
    pub(super) is_continuation: bool,
    /// Whether the tree goes on in another piece.
    pub(super) is_limited: bool,
}

/// Whether a span begins a segment, wherever its parent is.
pub(super) fn is_entry(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Server | SpanKind::Consumer)
}

impl Forest {
    pub(super) fn of(spans: &[ScopedSpan<'_>], limit: NonZeroUsize) -> Self {
        let mut first: HashMap<&[u8], usize> = HashMap::with_capacity(spans.len());
        let mut same: Vec<usize> = (0..spans.len()).collect();
        for (index, ScopedSpan { span, .. }) in spans.iter().enumerate() {
            if !span.span_id.is_empty() {
                same[index] = *first.entry(&span.span_id).or_insert(index);
            }
        }
        let parent = |index: usize| {
            let found = first.get(&*spans[index].span.parent_span_id).copied();
            found.filter(|parent| *parent != index)
        };
        let mut by_time: Vec<usize> = (0..spans.len()).filter(|it| same[*it] == *it).collect();
        by_time.sort_by_key(|index| {
            let span = spans[*index].span;
            (span.start_time_unix_nano, &span.span_id, *index)
        });
        let mut forest = Forest {
            pieces: Vec::new(),
            parents: (0..spans.len()).map(parent).collect(),
            places: vec![(usize::MAX, 0); spans.len()],
            repeated: Vec::new(),
        };
        forest.grow(spans, &by_time, limit);
        for (index, first) in same.into_iter().enumerate() {
            if first != index {
                forest.places[index] = forest.places[first];
                forest.repeated.push((forest.places[first].0, index));
            }
        }
        forest.repeated.sort_unstable();
        forest
    }

    /// Makes the pieces. `by_time` is every span once.
    fn grow(&mut self, spans: &[ScopedSpan<'_>], by_time: &[usize], limit: NonZeroUsize) {
        let begins = |index: usize, parents: &[Option<usize>]| {
            parents[index].is_none() || is_entry(spans[index].span.kind())
        };
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
        for &index in by_time {
            if let Some(parent) = self.parents[index].filter(|_| !begins(index, &self.parents)) {
                children[parent].push(index);
            }
        }
        let roots = by_time.iter().copied();
        let (roots, others): (Vec<_>, Vec<_>) =
            roots.partition(|index| begins(*index, &self.parents));
        let mut seen = vec![false; spans.len()];
        for root in roots {
            let tree = tree(root, &children, &mut seen);
            self.cut(root, tree, limit);
        }
        // What no root leads to is a ring of parents: it begins at its first span.
        for root in others {
            if !seen[root] {
                self.parents[root] = None;
                let tree = tree(root, &children, &mut seen);
                self.cut(root, tree, limit);
            }
        }
    }

    fn cut(&mut self, entry: usize, tree: Vec<usize>, limit: NonZeroUsize) {
        let mut pieces = tree.chunks(limit.get()).peekable();
        let mut is_continuation = false;
        while let Some(sources) = pieces.next() {
            for (source, number) in sources.iter().zip(0..) {
                self.places[*source] = (self.pieces.len(), number);
            }
            self.pieces.push(Piece {
                sources: sources.to_vec(),
                entry,
                is_continuation,
                is_limited: pieces.peek().is_some(),
            });
            is_continuation = true;
        }
    }

    /// The number of a span's parent, if that is in the same piece and above it.
    pub(super) fn parent_in_piece(&self, source: usize) -> Option<i32> {
        let (parent_piece, number) = self.places[self.parents[source]?];
        let (own_piece, own) = self.places[source];
        (parent_piece == own_piece && number < own).then_some(number)
    }

    /// The places of spans of a piece that are in the part once more.
    pub(super) fn repetitions(&self, piece: &Piece) -> impl Iterator<Item = usize> {
        let (own, _) = self.places[piece.sources[0]];
        let start = self.repeated.partition_point(|(piece, _)| *piece < own);
        let rest = self.repeated[start..].iter();
        rest.take_while(move |(piece, _)| *piece == own)
            .map(|(_, index)| *index)
    }
}

/// The spans below `root` that were not seen before, each behind its parent and before its younger
/// siblings. No recursion: a trace may be one long chain.
fn tree(root: usize, children: &[Vec<usize>], seen: &mut [bool]) -> Vec<usize> {
    let mut tree = Vec::new();
    let mut next = vec![root];
    while let Some(index) = next.pop() {
        if !seen[index] {
            seen[index] = true;
            tree.push(index);
            next.extend(children[index].iter().rev());
        }
    }
    tree
}
