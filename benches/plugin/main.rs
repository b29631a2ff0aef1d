//! What a plugin costs: CPU time per span of a processor that counts spans, of one that looks at the name and
//! an attribute of each, and of one that writes an attribute to each; as a shared library, as a WebAssembly
//! module, and built in.
//!
//! `cargo bench --bench plugin`. All of them run interleaved in this process, on batches of [`SPANS`] spans,
//! and are measured by the CPU time of the whole process, so that the threads of plugins are counted. The
//! module is built by `$SKYFERRY_CLIENTS/wasm_rust/cargo`, where that is.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use engine::component::{Guest, Processor};
use engine::config::read_text;
use engine::testkit::context;
use futures_util::stream::{self, StreamExt};
use pdata::edit::Pair;
use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Batch, Budget, Chunk, Edit, Origin, Signal, sample};
use rustix::time::{ClockId, clock_gettime};
use skyferry_plugin_sdk::otlp::ResourceSpans;

/// Spans of a batch.
const SPANS: usize = 1000;
/// Batches of one measurement.
const BATCHES: usize = 400;
const ROUNDS: usize = 7;

/// Somebody who takes batches.
enum Contestant {
    /// Nobody looks.
    Pass,
    BuiltInCount,
    BuiltInLook,
    BuiltInEdit,
    Plugin(Arc<dyn Guest>),
}

impl Contestant {
    async fn take(&self, batch: Batch) -> Result<Batch> {
        Ok(match self {
            Contestant::Pass => batch,
            Contestant::BuiltInCount => {
                black_box(count(&batch));
                batch
            }
            Contestant::BuiltInLook => {
                black_box(look(&batch));
                batch
            }
            Contestant::BuiltInEdit => edit(batch),
            Contestant::Plugin(guest) => {
                let derivation = guest.process(0, batch).await?;
                derivation.main.context("everything goes on")?
            }
        })
    }
}

fn count(batch: &Batch) -> usize {
    let mut found = 0;
    for chunk in batch.chunks() {
        let Chunk::Otlp(chunk) = chunk else { continue };
        let scopes = ResourceSpans::of(chunk.body()).scopes();
        found += scopes.map(|scope| scope.spans().count()).sum::<usize>();
    }
    found
}

/// Spans that fetch something, and the lengths of all names.
fn look(batch: &Batch) -> usize {
    let mut found = 0;
    for chunk in batch.chunks() {
        let Chunk::Otlp(chunk) = chunk else { continue };
        for span in ResourceSpans::of(chunk.body()).spans() {
            let method = span.attribute("http.request.method");
            let is_get = method.is_some_and(|method| method.as_str() == Some("GET"));
            found += usize::from(is_get) + span.name().len();
        }
    }
    found
}

fn edit(mut batch: Batch) -> Batch {
    let edits = [Edit::Upsert(Pair::string("app.page", "checkout"))];
    for chunk in batch.chunks_mut() {
        if let Chunk::Otlp(otlp) = chunk {
            *otlp = otlp.edit_items(&edits);
        }
    }
    batch
}

fn subject() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/plugin/subject")
}

/// Builds the subject as an author does, and gives the library.
fn build(cargo: &Path, target: &Path, library: &str) -> Result<PathBuf> {
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--release"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(subject())
        .status()
        .context("cargo cannot be run")?;
    if !built.success() {
        bail!("the subject cannot be built");
    }
    Ok(target.join(library))
}

fn native() -> Result<PathBuf> {
    let library = format!("release/{DLL_PREFIX}subject{DLL_SUFFIX}");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin");
    build(Path::new(env!("CARGO")), &target, &library)
}

/// The module, if there is a compiler for it.
fn module() -> Result<Option<PathBuf>> {
    let clients = std::env::var_os("SKYFERRY_CLIENTS");
    let cargo = clients.map(|clients| Path::new(&clients).join("wasm_rust/cargo"));
    let Some(cargo) = cargo.filter(|cargo| cargo.exists()) else {
        println!("NOT RUN: there is no compiler for WebAssembly in $SKYFERRY_CLIENTS");
        return Ok(None);
    };
    let library = "wasm32-unknown-unknown/release/subject.wasm";
    // Where its standard library has been built.
    let target = cargo.with_file_name("target");
    build(&cargo, &target, library).map(Some)
}

/// A processor with this library.
fn plugin(library: &Path, deed: &str) -> Result<Contestant> {
    let config = format!("{{path: {:?}, config: {deed}}}", library.display());
    let read = read_text::<serde_json::Value>(&config);
    let (_, section) = read.map_err(|found| anyhow::anyhow!("{found}"))?;
    match processors::plugin::FACTORY.build(&section, &mut context())? {
        Processor::Guest(guest) => Ok(Contestant::Plugin(guest)),
        _ => bail!("it is a guest"),
    }
}

/// Nanoseconds of CPU time of the whole process so far.
fn cpu_nanos() -> i128 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// Nanoseconds a span, with so many batches under way.
async fn measure(contestant: &Contestant, batch: &Batch, under_way: usize) -> Result<f64> {
    let began = cpu_nanos();
    let taken = stream::iter(0..BATCHES).map(|_| contestant.take(batch.clone()));
    let mut taken = taken.buffer_unordered(under_way);
    while let Some(taken) = taken.next().await {
        anyhow::ensure!(taken?.items() == SPANS, "spans are missing");
    }
    Ok((cpu_nanos() - began) as f64 / (BATCHES * SPANS) as f64)
}

fn batch() -> Result<Batch> {
    let request = sample::spans(SPANS).into();
    let budget = Budget::new(1 << 30);
    let received = receive(Signal::Traces, request, InvalidUtf8::Refuse, &budget)?;
    Ok(Batch::new(
        Signal::Traces,
        received.chunks,
        Arc::new(Origin::default()),
    ))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let native = native()?;
    let mut contestants = vec![
        ("pass through", Contestant::Pass),
        ("built in, counts", Contestant::BuiltInCount),
        ("native, counts", plugin(&native, "count")?),
        ("built in, looks", Contestant::BuiltInLook),
        ("native, looks", plugin(&native, "look")?),
        ("built in, edits", Contestant::BuiltInEdit),
        ("native, edits", plugin(&native, "edit")?),
    ];
    if let Some(module) = module()? {
        for (name, deed) in [
            ("WebAssembly, counts", "count"),
            ("WebAssembly, looks", "look"),
            ("WebAssembly, edits", "edit"),
        ] {
            contestants.push((name, plugin(&module, deed)?));
        }
    }
    let batch = batch()?;
    println!(
        "{SPANS} spans a batch, {} bytes a span",
        batch.wire_len() / SPANS
    );
    for under_way in [1, 8] {
        compare(&contestants, &batch, under_way).await?;
    }
    Ok(())
}

/// Prints what each costs.
async fn compare(
    contestants: &[(&str, Contestant)],
    batch: &Batch,
    under_way: usize,
) -> Result<()> {
    let mut figures = vec![Vec::new(); contestants.len()];
    for _ in 0..ROUNDS {
        for ((_, contestant), figures) in contestants.iter().zip(&mut figures) {
            figures.push(measure(contestant, batch, under_way).await?);
        }
    }
    println!("\nCPU ns a span, {under_way} under way: min (median)");
    for ((name, _), figures) in contestants.iter().zip(&mut figures) {
        figures.sort_by(f64::total_cmp);
        let median = figures[figures.len() / 2];
        println!("{name:24} {:8.1} ({median:.1})", figures[0]);
    }
    Ok(())
}
