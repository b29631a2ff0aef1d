//! The platform of an OTLP resource.

use pdata::edit::Pair;
use pdata::view::AttributeValue;
use pdata::{Edit, OtlpChunk, Signal};

use super::config::Evidence;
use super::mark::{Circumstances, Marker, PLATFORM};
use super::names::{Platform, ios_name};

const OS_NAME: &str = "os.name";
const SDK_NAME: &str = "telemetry.sdk.name";
const SERVICE_NAME: &str = "service.name";
const SERVICE_LAYER: &str = "service.layer";
const SERVICE_INSTANCE: &str = "service.instance.id";
const SERVICE_VERSION: &str = "service.version";

/// The attributes of a resource that matter here. Of a key that comes twice the first counts.
struct Resource<'a> {
    platform: Option<AttributeValue<'a>>,
    os: Option<AttributeValue<'a>>,
    sdk: Option<AttributeValue<'a>>,
    service: Option<AttributeValue<'a>>,
    layer: Option<AttributeValue<'a>>,
    instance: Option<AttributeValue<'a>>,
    version: Option<AttributeValue<'a>>,
}

impl<'a> Resource<'a> {
    fn of(chunk: &'a OtlpChunk) -> Self {
        let [platform, os, sdk, service, layer, instance, version] = chunk.resource_values([
            PLATFORM,
            OS_NAME,
            SDK_NAME,
            SERVICE_NAME,
            SERVICE_LAYER,
            SERVICE_INSTANCE,
            SERVICE_VERSION,
        ]);
        Resource {
            platform,
            os,
            sdk,
            service,
            layer,
            instance,
            version,
        }
    }
}

/// The text of an attribute; empty if it has none.
fn text<'a>(attribute: &Option<AttributeValue<'a>>) -> &'a str {
    let value = attribute.as_ref().and_then(AttributeValue::as_str);
    value.unwrap_or_default()
}

/// Whether an attribute says nothing. What is no text says something that is not understood here.
fn is_missing(attribute: &Option<AttributeValue<'_>>) -> bool {
    matches!(
        attribute,
        None | Some(AttributeValue::Empty | AttributeValue::String(""))
    )
}

impl Marker {
    /// The chunk with what was missing in its resource; `None` if nothing was.
    pub(super) fn mark_resource<'a>(
        &'a self,
        chunk: &'a OtlpChunk,
        mut circumstances: Circumstances<'a>,
    ) -> Option<OtlpChunk> {
        let resource = Resource::of(chunk);
        let found = &mut circumstances.found;
        let detector = &self.detector;
        found.set(
            Evidence::Attribute,
            detector.of_attribute(text(&resource.platform)),
        );
        found.set(Evidence::Sdk, detector.of_sdk(text(&resource.sdk)));
        found.set(Evidence::Os, detector.of_os(text(&resource.os)));
        let platform = self.judge(&circumstances, chunk.items(), || text(&resource.service));
        let mut edits = Vec::new();
        self.respell(&resource, &mut edits);
        if !edits.is_empty() {
            self.account.respelled(chunk.items());
        }
        if let Some(platform) = platform {
            self.name(&resource, platform, &mut edits);
            self.set_layer(&resource, chunk.signal(), platform, &mut edits);
            self.set_instance(&resource, platform, &mut edits);
        }
        (!edits.is_empty()).then(|| chunk.edit_resource(&edits))
    }

    fn respell(&self, resource: &Resource<'_>, edits: &mut Vec<Edit>) {
        let platform = text(&resource.platform);
        if self.detector.uses(Evidence::Attribute)
            && let Some(name) = self.detector.respelled(platform)
        {
            edits.push(Edit::Update(Pair::string(PLATFORM, name)));
        }
        let os = text(&resource.os);
        if self.detector.uses(Evidence::Os)
            && let Some(name) = ios_name(os).filter(|name| *name != os)
        {
            edits.push(Edit::Update(Pair::string(OS_NAME, name)));
        }
    }

    /// Adds the attribute by which a backend knows the platform.
    fn name(&self, resource: &Resource<'_>, platform: Platform<'_>, edits: &mut Vec<Edit>) {
        let (key, name, there) = match platform.mini_program() {
            Some(name) => (PLATFORM, name, &resource.platform),
            None => (OS_NAME, "iOS", &resource.os),
        };
        if is_missing(there) {
            edits.push(Edit::Upsert(Pair::string(key, name)));
        }
    }

    fn set_layer(
        &self,
        resource: &Resource<'_>,
        signal: Signal,
        platform: Platform<'_>,
        edits: &mut Vec<Edit>,
    ) {
        let is_asked = match signal {
            Signal::Logs => self.config.set_layer_on_logs,
            _ => self.config.set_layer,
        };
        if let Some(layer) = platform.layer()
            && is_asked
            && is_missing(&resource.layer)
        {
            edits.push(Edit::Upsert(Pair::string(SERVICE_LAYER, layer)));
        }
    }

    fn set_instance(&self, resource: &Resource<'_>, platform: Platform<'_>, edits: &mut Vec<Edit>) {
        let is_device =
            self.removes_instance(platform) && is_device_instance(text(&resource.instance));
        let version = text(&resource.version);
        let is_open = is_device || is_missing(&resource.instance);
        if is_open && self.config.instance_from_version && !version.is_empty() {
            edits.push(Edit::Upsert(Pair::string(SERVICE_INSTANCE, version)));
        } else if is_device {
            edits.push(Edit::Delete {
                key: SERVICE_INSTANCE.to_owned(),
            });
        }
    }

    pub(super) fn removes_instance(&self, platform: Platform<'_>) -> bool {
        self.config.remove_device_instance && platform.mini_program().is_some()
    }
}

/// Whether an instance is one that the mini programs' SDK made for each session up to 0.3.
pub(super) fn is_device_instance(instance: &str) -> bool {
    let random = instance.strip_prefix("mp-").unwrap_or_default();
    !random.is_empty() && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
