//! The operator's wish that files are read again.

use std::sync::Arc;

use tokio::sync::watch;

/// Hears each wish, however many were said since it last listened as one. Clones are the same.
#[derive(Clone, Debug)]
pub struct Reload(Arc<watch::Sender<u64>>);

impl Default for Reload {
    fn default() -> Self {
        Reload(Arc::new(watch::Sender::new(0)))
    }
}

impl Reload {
    /// Tells everybody who listens.
    pub fn ask(&self) {
        self.0.send_modify(|wishes| *wishes += 1);
    }

    /// Listens from here on.
    pub fn listen(&self) -> Wishes {
        Wishes(self.0.subscribe())
    }
}

/// One listener.
#[derive(Debug)]
pub struct Wishes(watch::Receiver<u64>);

impl Wishes {
    /// Ready when somebody has asked since the last time. Cancel safe.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody is left who could ask.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_listener_hears_wishes_once() {
        let reload = Reload::default();
        let (mut one, mut other) = (reload.listen(), reload.clone().listen());
        reload.ask();
        reload.ask();
        one.next().await;
        other.next().await;
        assert!(!one.0.has_changed().expect("the sender is there"));
    }
}
