//! The platform of SkyWalking's own messages.

use pdata::NativeChunk;
use pdata::edit::SpanEdit;
use pdata::skywalking::Kind;
use pdata::skywalking::v3::SpanType;
use pdata::skywalking::view::SpanView;

use super::config::Evidence;
use super::mark::{Circumstances, Marker, PLATFORM};
use super::names::Platform;
use super::resource::is_device_instance;

/// The component of a browser's calls, which mini programs had before they got their own.
const BROWSER_COMPONENT: i32 = 10001;
/// What SkyWalking's clients write where they have no instance.
const NO_INSTANCE: &str = "-";

/// Numbers of fields.
const SERVICE_OF_SEGMENT: u32 = 4;
const INSTANCE_OF_SEGMENT: u32 = 5;
const SERVICE_OF_LOG: u32 = 2;
const INSTANCE_OF_LOG: u32 = 3;
const LAYER_OF_LOG: u32 = 8;

/// What a segment says of its platform.
struct Spans<'a> {
    /// The first tag that is there and not empty.
    tag: Option<&'a str>,
    /// The first component that is a platform's.
    component: Option<Platform<'a>>,
    /// The index of the span without a parent, or of the first.
    root: usize,
}

impl Marker {
    /// The message with what was missing in it; `None` if nothing was.
    pub(super) fn mark_native(
        &self,
        chunk: &NativeChunk,
        circumstances: Circumstances<'_>,
    ) -> Option<NativeChunk> {
        match chunk.kind() {
            Kind::Segment => self.mark_segment(chunk, circumstances),
            Kind::Log => self.mark_log(chunk, circumstances),
            kind => {
                let platform = self.judge(&circumstances, chunk.items(), || kind.name());
                self.with_layer(chunk, platform?)
            }
        }
    }

    fn mark_segment<'a>(
        &'a self,
        chunk: &'a NativeChunk,
        mut circumstances: Circumstances<'a>,
    ) -> Option<NativeChunk> {
        let spans = self.read_spans(chunk);
        let tagged = spans.tag.and_then(|tag| self.detector.of_attribute(tag));
        circumstances.found.set(Evidence::Attribute, tagged);
        circumstances
            .found
            .set(Evidence::Component, spans.component);
        let platform = self.judge(&circumstances, chunk.items(), || {
            chunk.text(SERVICE_OF_SEGMENT)
        });
        let edit_of = |index: usize, span: &SpanView<'_>| SpanEdit {
            tag: match span.tag(PLATFORM).filter(|tag| !tag.is_empty()) {
                Some(tag) => self.respelled(tag),
                // Where a span has one, the segment has one.
                None if spans.tag.is_some() || index != spans.root => None,
                None => platform.and_then(Platform::mini_program),
            }
            .map(|name| (PLATFORM, name)),
            component: platform.and_then(|platform| self.component_for(span, platform)),
        };
        if spans.tag.is_some_and(|tag| self.respelled(tag).is_some()) {
            self.account.respelled(chunk.items());
        }
        let mut all = chunk.spans().enumerate();
        let is_edited = all.any(|(index, span)| edit_of(index, &span) != SpanEdit::default());
        let edited = is_edited.then(|| chunk.edit_spans(edit_of));
        let marked = edited.as_ref().unwrap_or(chunk);
        let instance = self.without_device(marked, INSTANCE_OF_SEGMENT, platform);
        instance.or(edited)
    }

    fn read_spans<'a>(&'a self, chunk: &'a NativeChunk) -> Spans<'a> {
        let mut found = Spans {
            tag: None,
            component: None,
            root: 0,
        };
        let mut has_root = false;
        for (index, span) in chunk.spans().enumerate() {
            if span.parent < 0 && !has_root {
                (found.root, has_root) = (index, true);
            }
            if found.tag.is_none() {
                found.tag = span.tag(PLATFORM).filter(|tag| !tag.is_empty());
            }
            if found.component.is_none() {
                found.component = self.detector.of_component(span.component);
            }
        }
        found
    }

    fn respelled(&self, tag: &str) -> Option<&str> {
        match self.detector.uses(Evidence::Attribute) {
            true => self.detector.respelled(tag),
            false => None,
        }
    }

    /// The component that a call lacks: the mini programs' SDKs send nothing but calls.
    fn component_for(&self, span: &SpanView<'_>, platform: Platform<'_>) -> Option<i32> {
        let is_open = match span.component {
            0 => true,
            BROWSER_COMPONENT => self.config.fix_component,
            _ => false,
        };
        let is_call = span.span_type == i32::from(SpanType::Exit);
        platform.component().filter(|_| is_open && is_call)
    }

    fn mark_log<'a>(
        &'a self,
        chunk: &'a NativeChunk,
        mut circumstances: Circumstances<'a>,
    ) -> Option<NativeChunk> {
        let tag = chunk.log_tag(PLATFORM).filter(|tag| !tag.is_empty());
        let tagged = tag.and_then(|tag| self.detector.of_attribute(tag));
        circumstances.found.set(Evidence::Attribute, tagged);
        let platform = self.judge(&circumstances, chunk.items(), || chunk.text(SERVICE_OF_LOG));
        let name = match tag {
            Some(tag) => self.respelled(tag),
            None => platform.and_then(Platform::mini_program),
        };
        if name.is_some() && tag.is_some() {
            self.account.respelled(chunk.items());
        }
        let mut marked = name.map(|name| chunk.with_log_tag(PLATFORM, name));
        let now = marked.as_ref().unwrap_or(chunk);
        if let Some(other) = self.without_device(now, INSTANCE_OF_LOG, platform) {
            marked = Some(other);
        }
        let now = marked.as_ref().unwrap_or(chunk);
        let layer = platform.and_then(|platform| self.with_layer(now, platform));
        layer.or(marked)
    }

    fn without_device(
        &self,
        chunk: &NativeChunk,
        instance: u32,
        platform: Option<Platform<'_>>,
    ) -> Option<NativeChunk> {
        let is_asked = platform.is_some_and(|platform| self.removes_instance(platform));
        (is_asked && is_device_instance(chunk.text(instance)))
            .then(|| chunk.with_text(instance, NO_INSTANCE))
    }

    /// The message with the platform's layer, if it can have one and has none.
    fn with_layer(&self, chunk: &NativeChunk, platform: Platform<'_>) -> Option<NativeChunk> {
        let (is_asked, number) = match chunk.kind() {
            Kind::Log => (self.config.set_layer_on_logs, LAYER_OF_LOG),
            Kind::InstanceProperties => (self.config.set_layer, 4),
            Kind::InstancePing => (self.config.set_layer, 3),
            Kind::Event => (self.config.set_layer, 9),
            _ => return None,
        };
        let layer = platform.layer()?;
        (is_asked && chunk.text(number).is_empty()).then(|| chunk.with_text(number, layer))
    }
}
