//! What an extractor writes: fields, tags and samples.

use bumpalo::collections::Vec as BumpVec;

use super::execution::Execution;
use super::frame::shown;
use super::observe::{Effect, Observer};
use super::value::{Fallible, Value};
use crate::check::outputs::{DETECT_POINTS, OutputType, REASONS};
use crate::compile::program::{Action, Date, Expression, Metrics};
use crate::java::date::Zone;
use crate::log::Log;
use crate::outcome::{Outcome, Sample};
use crate::tree::Span;

/// The zone of dates that name none, which is that of OAP's process.
const ZONE: Zone = Zone::UTC;

impl<'a, L, O, V> Execution<'_, '_, 'a, L, O, V>
where
    L: Log + ?Sized,
    O: Outcome + ?Sized,
    V: Observer,
{
    /// Writes a field.
    pub(super) fn set(&mut self, span: Span, action: &'a Action) -> Fallible<'a, ()> {
        let frame = self.frame();
        let value = match action {
            Action::SetText(slot, value) => {
                let text = self.text(value)?;
                self.fields.set(*slot, text);
                text.map_or(Value::Null, Value::Text)
            }
            Action::SetLayer(value) => {
                let text = self.text(value)?;
                self.layer(text)?;
                text.map_or(Value::Null, Value::Text)
            }
            Action::SetSpanId(value) => {
                let Some(text) = self.text(value)? else {
                    return self.tell_value(span, Value::Null);
                };
                let Ok(id) = text.parse() else {
                    let text = shown(text);
                    return Err(frame.failure(format_args!("`{text}` is no id of a span")));
                };
                self.fields.span_id = Some(id);
                Value::Integer(id)
            }
            Action::SetTimestamp(value) => {
                let value = self.value(value)?;
                self.fields.timestamp_ms = long(value);
                value
            }
            Action::SetDate(date) => {
                let unix_ms = self.date(date)?;
                self.fields.timestamp_ms = unix_ms;
                Value::Long(unix_ms)
            }
            Action::SetLatency(value) => {
                let value = self.value(value)?;
                self.fields.latency_ms = long(value);
                value
            }
            Action::SetComponent(value) => {
                let value = self.value(value)?;
                self.fields.component_id = i32::try_from(long(value)).unwrap_or_default();
                value
            }
            Action::SetReason(value) => {
                self.fields.reason = self.constant(value, &REASONS)?;
                Value::Text(self.fields.reason)
            }
            Action::SetDetectPoint(value) => {
                self.fields.detect_point = self.constant(value, &DETECT_POINTS)?;
                Value::Text(self.fields.detect_point)
            }
            Action::Evaluate(value) => self.value(value)?,
            _ => return Ok(()),
        };
        self.tell_value(span, value)
    }

    /// The only field that also the next rules see.
    fn layer(&mut self, text: Option<&'a str>) -> Fallible<'a, ()> {
        let frame = self.frame();
        let layer = text.unwrap_or_default();
        let has_to_exist = self.program.output == OutputType::SlowSql;
        if has_to_exist && !frame.rules.logs.layers.contains_key(layer) {
            let layer = shown(layer);
            return Err(frame.failure(format_args!("there is no layer `{layer}`")));
        }
        frame.layer.set(layer);
        Ok(())
    }

    /// One of the constants of a Java enum.
    fn constant(
        &self,
        value: &'a Expression,
        constants: &[&'static str],
    ) -> Fallible<'a, &'static str> {
        let frame = self.frame();
        let text = self.text(value)?;
        let text = text.ok_or_else(|| frame.failure(format_args!("null is no constant")))?;
        let upper = text.to_uppercase();
        let found = constants.iter().find(|constant| **constant == upper);
        found.copied().ok_or_else(|| {
            let known = constants.join("`, `");
            frame.failure(format_args!("`{}` is none of `{known}`", shown(text)))
        })
    }

    /// 0 where there is no date.
    fn date(&self, date: &'a Date) -> Fallible<'a, i64> {
        let text = self.text(&date.value)?.unwrap_or_default();
        Ok(match &date.pattern {
            Some(pattern) => {
                let now_ms = self.frame().now.unix_ms;
                pattern
                    .parse_unix_ms(text, &ZONE, now_ms)
                    .unwrap_or_default()
            }
            None => text.parse().unwrap_or_default(),
        })
    }

    pub(super) fn tag(
        &mut self,
        span: Span,
        pairs: &'a [(Box<str>, Expression)],
    ) -> Fallible<'a, ()> {
        for (key, value) in pairs {
            let value = self.text(value)?;
            self.tell(span, Effect::Tag { key, value });
            if let Some(value) = value
                && !value.is_empty()
                && !key.is_empty()
            {
                self.fields.tags.push((key, value));
            }
        }
        Ok(())
    }

    pub(super) fn measure(&mut self, span: Span, metrics: &'a Metrics) -> Fallible<'a, ()> {
        let frame = self.frame();
        let timestamp_ms = match &metrics.timestamp {
            Some(timestamp) => long(self.value(timestamp)?),
            None => 0,
        };
        let mut labels = BumpVec::new_in(frame.arena);
        for (key, value) in metrics.labels.iter().flatten() {
            if let Some(value) = self.text(value)? {
                labels.push((&**key, value));
            }
        }
        let value = match &metrics.value {
            None => 0.0,
            Some(value) => {
                let measured = self.value(value)?.measured();
                measured.ok_or_else(|| {
                    frame.failure(format_args!("the value of a sample is no number"))
                })?
            }
        };
        self.tell_value(span, Value::Text(&metrics.name))?;
        let sample = Sample {
            name: &metrics.name,
            labels: metrics.labels.as_ref().map(|_| labels.as_slice()),
            timestamp_ms,
            value,
        };
        self.pass.outcome.sample(self.rule, &sample);
        Ok(())
    }
}

/// Of a value that was made a whole number when the rule was compiled.
fn long(value: Value<'_>) -> i64 {
    match value {
        Value::Long(value) => value,
        Value::Integer(value) => i64::from(value),
        _ => 0,
    }
}
