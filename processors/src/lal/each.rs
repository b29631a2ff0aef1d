//! Logs for those who only look at them.

use lal::Log;
use pdata::Chunk;
use pdata::skywalking::Kind;

use super::view::{Native, Record, Resource};

/// Shows every log of a chunk as rules see it, in order. What is no log is passed over.
pub fn each_log(chunk: &Chunk, mut show: impl FnMut(&dyn Log)) {
    match chunk {
        Chunk::Otlp(chunk) => {
            let resource = Resource::of(chunk);
            let scopes = chunk.scopes();
            for record in scopes.flat_map(|scope| scope.records()) {
                show(&Record::of(&resource, record));
            }
        }
        Chunk::Native(chunk) if chunk.kind() == Kind::Log => show(&Native::of(chunk)),
        _ => {}
    }
}
