//! The components of this program. To add one is to add a line here.

use engine::Factory;

/// Every component, in the order in which it is listed to people.
pub(crate) fn components() -> Vec<Factory> {
    vec![
        Factory::Receiver(receivers::otlp::FACTORY),
        Factory::Receiver(receivers::skywalking::FACTORY),
        Factory::Processor(processors::batch::FACTORY),
        Factory::Processor(processors::memory_limiter::FACTORY),
        Factory::Processor(processors::platform::FACTORY),
        Factory::Processor(processors::span_listeners::FACTORY),
        Factory::Processor(processors::request_histogram::FACTORY),
        Factory::Processor(processors::delta_merge::FACTORY),
        Factory::Processor(processors::lal::FACTORY),
        Factory::Processor(processors::plugin::FACTORY),
        Factory::Exporter(exporters::otlp::GRPC),
        Factory::Exporter(exporters::otlp::HTTP),
        Factory::Exporter(exporters::skywalking::FACTORY),
        Factory::Exporter(exporters::file::FACTORY),
        Factory::Exporter(exporters::debug::FACTORY),
        Factory::Extension(exporters::file_storage::FACTORY),
    ]
}
