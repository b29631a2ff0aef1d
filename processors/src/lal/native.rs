//! Rules on a `LogData`, which is edited in its bytes.

use std::collections::BTreeMap;

use lal::{End, Log, Outcome, Record, RuleId, Sample};
use pdata::edit::{LogEdit, SenderEdit};
use pdata::{Chunk, NativeChunk};

use super::change::{Change, LOG_KIND};
use super::course::{Course, Verdict};
use super::pass::Pass;
use super::samples::Samples;
use super::view::{INSTANCE, Native, SERVICE};

/// Files what nobody claims where OAP does.
pub(super) const TO_GENERAL: SenderEdit<'static> = SenderEdit {
    service: None,
    instance: None,
    layer: Some("GENERAL"),
};

/// What was measured of the messages of a batch, by service and instance.
#[derive(Default)]
pub(super) struct Senders(BTreeMap<[String; 2], Samples>);

impl Senders {
    fn of(&mut self, log: &Native<'_>) -> &mut Samples {
        let metadata = log.metadata();
        let names = [metadata.service, metadata.instance];
        self.0.entry(names.map(str::to_owned)).or_default()
    }

    pub(super) fn into_chunks(self) -> impl Iterator<Item = Chunk> {
        self.0
            .into_iter()
            .flat_map(|([service, instance], samples)| {
                let attributes = [(SERVICE, service), (INSTANCE, instance)];
                samples.into_chunks(&attributes)
            })
    }
}

/// Appends what the rules leave of a log.
pub(super) fn run(
    pass: &mut Pass<'_>,
    chunk: NativeChunk,
    senders: &mut Senders,
    left: &mut Vec<Chunk>,
) {
    let ruleset = pass.ruleset;
    let log = Native::of(&chunk);
    let mut measured = Samples::default();
    let now_ms = pass.now.unix_ms;
    let mut records = Records {
        course: Course::new(&log, &ruleset.accounts, &mut measured, now_ms),
        left,
    };
    let claim = ruleset
        .rules
        .run(&log, pass.now, &mut pass.scratch, &mut records);
    let verdict = records.course.verdict(claim, pass.policy);
    pass.tell(&log, verdict);
    if !measured.is_empty() {
        senders.of(&log).extend(measured);
    }
    match verdict {
        Verdict::Keep | Verdict::KeepUnclaimed => left.push(Chunk::Native(chunk)),
        Verdict::General => {
            let edited = chunk.edit_log(&TO_GENERAL, &LogEdit::default());
            left.push(Chunk::Native(edited));
        }
        Verdict::Replaced | Verdict::DropUnclaimed | Verdict::Drop(_) => {}
    }
}

/// Takes the records of one log.
struct Records<'r, 'a> {
    course: Course<'r, Native<'a>>,
    left: &'r mut Vec<Chunk>,
}

impl Outcome for Records<'_, '_> {
    fn record(&mut self, rule: RuleId, record: &Record<'_>) {
        self.course.record(rule);
        let log = self.course.log;
        let change = Change::of(record, log);
        self.left.push(Chunk::Native(changed(log, &change)));
    }

    fn sample(&mut self, _: RuleId, sample: &Sample<'_>) {
        self.course.sample(sample);
    }

    fn end(&mut self, rule: RuleId, end: End<'_>) {
        self.course.end(rule, end);
    }
}

fn changed(log: &Native<'_>, change: &Change<'_>) -> NativeChunk {
    if let Some((kind, edit)) = change.kind() {
        let edited = log.chunk.edit_log(&change.sender, &edit);
        return edited.with_log_tag(LOG_KIND, kind);
    }
    let edit = change.edit();
    match change.sender == SenderEdit::default() && edit == LogEdit::default() {
        true => log.chunk.clone(),
        false => log.chunk.edit_log(&change.sender, &edit),
    }
}
