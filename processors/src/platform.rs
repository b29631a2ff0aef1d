//! `platform`: which platform an item comes from, said the same way everywhere.
//!
//! ```yaml
//! processors:
//!   platform:
//!     evidence: [attribute, component, sdk, os, user_agent, referer]
//!     rules:
//!       - {platform: douyin, evidence: referer, pattern: '^https://tmaservice\.developer\.toutiao\.com'}
//!     set_layer: true
//! ```
//!
//! A backend files what mini programs and iOS apps send by a few attributes: `miniprogram.platform`,
//! `os.name`, and for segments a tag and a component. Where one is missing or spelled in another way, the
//! data is dropped there or filed wrongly, and nothing tells. Here all evidence of a resource and of the
//! request that brought it is weighed, what is missing is added, and known names get the spelling that
//! SkyWalking's rules know.
//!
//! What is there is not overwritten by evidence that says otherwise: that is counted and logged. Where
//! nothing tells the platform, nothing is written. A mini program's platform beside the `os.name` of iOS
//! is a contradiction too: SkyWalking files such a log under both.

use std::sync::Arc;

use async_trait::async_trait;
use engine::component::{
    BuildContext, BuildError, Configured, Description, Processor, ProcessorFactory,
};
use engine::config::{Problems, Section};
use engine::{Consumer, Refusal};
use pdata::{Batch, Signal};

mod account;
mod config;
mod evidence;
mod mark;
mod names;
mod native;
mod resource;

use config::Config;
use mark::Marker;

/// Registers the processor.
pub static FACTORY: &dyn ProcessorFactory = &Factory;

/// Makes `platform` processors.
struct Factory;

impl Configured for Factory {
    type Config = Config;

    const DESCRIPTION: Description = Description {
        type_name: "platform",
        aliases: &[],
        signals: &Signal::ALL,
        summary: "Says which mini program platform or iOS an item comes from",
    };

    fn check(config: &Config, problems: &mut Problems) {
        config.check(problems);
    }
}

impl ProcessorFactory for Factory {
    fn build(
        &self,
        section: &Section,
        context: &mut BuildContext,
    ) -> Result<Processor, BuildError> {
        let config = Self::read(section)?;
        let marker = Marker::try_new(&section.id().to_string(), config, &context.metrics)?;
        Ok(Processor::Stage(Box::new(move |next| {
            Arc::new(Stage { marker, next })
        })))
    }
}

/// The processor in one pipeline.
struct Stage {
    marker: Marker,
    next: Arc<dyn Consumer>,
}

#[async_trait]
impl Consumer for Stage {
    async fn consume(&self, mut batch: Batch) -> Result<(), Refusal> {
        self.marker.mark(&mut batch);
        self.next.consume(batch).await
    }
}

#[cfg(test)]
mod tests;
