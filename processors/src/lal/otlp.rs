//! Rules on the records of a resource, which are edited in their bytes and put under other resources
//! where their service, instance or layer is another one.

use std::collections::HashMap;

use lal::{End, Outcome, RuleId, Sample};
use pdata::edit::{LogEdit, Pair, Regrouping, SenderEdit, UNCHANGED};
use pdata::view::Scope;
use pdata::{Chunk, Edit, OtlpChunk};

use super::change::Change;
use super::course::{Course, Verdict};
use super::native::TO_GENERAL;
use super::pass::Pass;
use super::samples::Samples;
use super::view::{INSTANCE, LAYER, OLDER_INSTANCE, Record, Resource, SERVICE};

/// What of a resource its samples keep: what an app is, and not whose device sent it.
const RESOURCE_KEPT: [&str; 6] = [
    SERVICE,
    INSTANCE,
    "service.namespace",
    "deployment.environment.name",
    "miniprogram.platform",
    "os.name",
];

/// Appends what the rules leave of a chunk: the chunk itself if they change nothing.
pub(super) fn run(pass: &mut Pass<'_>, chunk: OtlpChunk, left: &mut Vec<Chunk>) {
    let resource = Resource::of(&chunk);
    let mut samples = Samples::default();
    let mut places = Places::of(&chunk);
    for scope in chunk.scopes() {
        for record in scope.records() {
            let log = Record::of(&resource, record);
            judge(pass, &log, scope, (&mut places, &mut samples));
        }
    }
    let changed = places.finish();
    if !samples.is_empty() {
        let kept = RESOURCE_KEPT.map(|key| (key, resource.attribute(key).unwrap_or_default()));
        pass.derived.extend(samples.into_chunks(&kept));
    }
    match changed {
        Some(chunks) => left.extend(chunks.into_iter().map(Chunk::Otlp)),
        None => left.push(Chunk::Otlp(chunk)),
    }
}

/// Runs the rules on one record and puts what is left of it where it belongs.
fn judge<'a>(
    pass: &mut Pass<'_>,
    log: &Record<'a>,
    scope: Scope<'a>,
    (places, samples): (&mut Places<'a>, &mut Samples),
) {
    let ruleset = pass.ruleset;
    let mut records = Records {
        course: Course::new(log, &ruleset.accounts, samples, pass.now.unix_ms),
        places: &mut *places,
        scope,
        placed: 0,
        refused: 0,
    };
    let rules = &ruleset.rules;
    let claim = rules.run(log, pass.now, &mut pass.scratch, &mut records);
    let Records {
        course,
        placed,
        refused,
        ..
    } = records;
    let verdict = course.verdict(claim, pass.policy);
    pass.tell(log, verdict);
    let is_refused = match verdict {
        Verdict::Replaced => {
            places.is_changed |= placed > 1;
            refused > 0
        }
        Verdict::General => !places.put(scope, log, &TO_GENERAL, &LogEdit::default()),
        Verdict::DropUnclaimed | Verdict::Drop(_) => {
            places.is_changed = true;
            return;
        }
        Verdict::Keep | Verdict::KeepUnclaimed => false,
    };
    if is_refused {
        pass.account.left_alone();
    }
    let is_placed = placed > 0 || verdict == Verdict::General && !is_refused;
    if !is_placed {
        places.keep(scope, log);
    }
}

/// Takes the records of one log.
struct Records<'r, 'a> {
    course: Course<'r, Record<'a>>,
    places: &'r mut Places<'a>,
    scope: Scope<'a>,
    placed: usize,
    /// That would have needed a resource too many.
    refused: usize,
}

impl Outcome for Records<'_, '_> {
    fn record(&mut self, rule: RuleId, record: &lal::Record<'_>) {
        self.course.record(rule);
        let log = self.course.log;
        let change = Change::of(record, log);
        match self
            .places
            .put(self.scope, log, &change.sender, &change.edit())
        {
            true => self.placed += 1,
            false => self.refused += 1,
        }
    }

    fn sample(&mut self, _: RuleId, sample: &Sample<'_>) {
        self.course.sample(sample);
    }

    fn end(&mut self, rule: RuleId, end: End<'_>) {
        self.course.end(rule, end);
    }
}

/// Service, instance and layer where they are not those of the resource.
type Sender = [Option<String>; 3];

/// Where the records of a chunk go: one resource for each sender.
struct Places<'a> {
    regrouping: Regrouping<'a>,
    groups: HashMap<Sender, usize>,
    /// Mostly the next one, too.
    latest: Option<(Sender, usize)>,
    /// Whether anything is not as it came.
    is_changed: bool,
}

impl<'a> Places<'a> {
    fn of(chunk: &'a OtlpChunk) -> Self {
        Places {
            regrouping: Regrouping::of(chunk),
            groups: HashMap::new(),
            latest: None,
            is_changed: false,
        }
    }

    fn keep(&mut self, scope: Scope<'a>, log: &Record<'a>) {
        let placed = self.regrouping.place(UNCHANGED, scope, log.record, None);
        placed.expect("what stays where it is repeats nothing");
    }

    /// Whether there was room for it.
    fn put(
        &mut self,
        scope: Scope<'a>,
        log: &Record<'a>,
        sender: &SenderEdit<'_>,
        edit: &LogEdit<'_>,
    ) -> bool {
        let is_same = *edit == LogEdit::default();
        let edited = (!is_same).then(|| log.record.edited_log(edit));
        let Some(group) = self.group(sender) else {
            return false;
        };
        self.is_changed |= !is_same || group != UNCHANGED;
        let placed = self.regrouping.place(group, scope, log.record, edited);
        placed.is_some()
    }

    fn group(&mut self, sender: &SenderEdit<'_>) -> Option<usize> {
        if *sender == SenderEdit::default() {
            return Some(UNCHANGED);
        }
        let names = [sender.service, sender.instance, sender.layer];
        if let Some((latest, group)) = &self.latest
            && latest.each_ref().map(Option::as_deref) == names
        {
            return Some(*group);
        }
        let names = names.map(|name| name.map(str::to_owned));
        let group = match self.groups.get(&names) {
            Some(group) => *group,
            None => {
                let group = self.regrouping.group(edits(sender))?;
                self.groups.insert(names.clone(), group);
                group
            }
        };
        self.latest = Some((names, group));
        Some(group)
    }

    /// `None` if everything is as it came.
    fn finish(self) -> Option<Vec<OtlpChunk>> {
        self.is_changed.then(|| self.regrouping.finish())
    }
}

/// What makes the resource one of this sender.
fn edits(sender: &SenderEdit<'_>) -> Vec<Edit> {
    let mut edits = Vec::new();
    let named = [
        (SERVICE, sender.service),
        (INSTANCE, sender.instance),
        (LAYER, sender.layer),
    ];
    for (key, name) in named {
        match name {
            None => {}
            Some("") => edits.push(Edit::Delete {
                key: key.to_owned(),
            }),
            Some(name) => edits.push(Edit::Upsert(Pair::string(key, name))),
        }
    }
    if sender.instance == Some("") {
        edits.push(Edit::Delete {
            key: OLDER_INSTANCE.to_owned(),
        });
    }
    edits
}
