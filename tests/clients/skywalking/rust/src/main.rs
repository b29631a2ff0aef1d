//! A service with SkyWalking's agent for Rust, whose streams stay open for as long as it runs.

use std::env;
use std::error::Error;
use std::future::pending;
use std::time::Duration;

use skywalking::logging::logger::Logger;
use skywalking::logging::record::{LogRecord, RecordType};
use skywalking::metrics::meter::Counter;
use skywalking::metrics::metricer::Metricer;
use skywalking::reporter::grpc::GrpcReporter;
use skywalking::trace::tracer::Tracer;
use tokio::time::interval;

/// Requests that it serves, and how often.
const REQUESTS: usize = 20;
const EVERY: Duration = Duration::from_millis(50);
const METERS_EVERY: Duration = Duration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let service = env::var("SW_AGENT_NAME")?;
    let instance = env::var("SW_AGENT_INSTANCE_NAME")?;
    let address = env::var("SW_AGENT_COLLECTOR_BACKEND_SERVICES")?;
    let token = env::var("SW_AGENT_AUTHENTICATION")?;
    let reporter = GrpcReporter::connect(format!("http://{address}"))
        .await?
        .with_authentication(token);
    let reporting = reporter.reporting().await.spawn();

    let tracer = Tracer::new(&service, &instance, reporter.clone());
    let logger = Logger::new(&service, &instance, reporter.clone());
    let mut metricer = Metricer::new(&service, &instance, reporter);
    metricer.set_report_interval(METERS_EVERY);
    let served = metricer.register(Counter::new("rust_served"));
    let metering = metricer.boot();

    let mut ticks = interval(EVERY);
    for number in 0..REQUESTS {
        ticks.tick().await;
        let mut context = tracer.create_trace_context();
        let entry = context.create_entry_span(&format!("/request/{number}"));
        let exit = context.create_exit_span("/stock", "stock:80");
        let record = LogRecord::new()
            .with_tracing_context(&context)
            .with_span(&exit)
            .record_type(RecordType::Text)
            .content(format!("serves {number}"));
        logger.log(record);
        drop(exit);
        drop(entry);
        served.increment(1.0);
    }
    println!("served {REQUESTS}");
    pending::<()>().await;
    drop((reporting, metering));
    Ok(())
}
