//! The methods of SkyWalking's agents.
//!
//! Every method is of one of three groups. *Reports* are taken: their answer is an empty `Commands`
//! once the pipelines have them. *Queries* ask for tasks and configuration, *uploads* bring what a task
//! asked for: a backend answers them, if one is configured, and otherwise there is nothing to do.
//!
//! An agent that is told `UNIMPLEMENTED` switches a feature off for the life of its process, so every
//! method that agents know is answered.

use std::sync::Arc;

use engine::Shutdown;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use net::Body;
use net::grpc::{self, Code, MessageLimits, Status};
use net::server::Peer;
use pdata::skywalking::{Call, Kind};
use pdata::{Chunk, Signal};
use tokio::time::Instant;

use super::door::{Door, PATIENCE};
use super::proxy::{Methods, Proxy};
use super::stream::{Collect, Form};
use crate::intake::{origin, unix_ms};
use crate::listeners::{Answer, Handler, Routes};

/// Methods that ask for tasks or configuration, or tell about tasks.
const QUERIES: [&str; 9] = [
    "/skywalking.v3.ConfigurationDiscoveryService/fetchConfigurations",
    "/skywalking.v3.ProfileTask/getProfileTaskCommands",
    "/skywalking.v3.ProfileTask/reportTaskFinish",
    "/skywalking.v10.AsyncProfilerTask/getAsyncProfilerTaskCommands",
    "/skywalking.v10.PprofTask/getPprofTaskCommands",
    "/skywalking.v3.EBPFProcessService/reportProcesses",
    "/skywalking.v3.EBPFProcessService/keepAlive",
    "/skywalking.v3.EBPFProfilingService/queryTasks",
    "/skywalking.v3.ContinuousProfilingService/queryPolicies",
];

/// Methods that bring the results of tasks.
const UPLOADS: [&str; 7] = [
    "/skywalking.v3.ProfileTask/collectSnapshot",
    "/skywalking.v3.ProfileTask/goProfileReport",
    "/skywalking.v10.AsyncProfilerTask/collect",
    "/skywalking.v10.PprofTask/collect",
    "/skywalking.v3.EBPFProfilingService/collectProfilingData",
    "/skywalking.v3.ContinuousProfilingService/reportProfilingTask",
    "/skywalking.v3.EBPFAccessLogService/collect",
];

/// Services that agents before version 8.8 call without the package.
const WITHOUT_PACKAGE: [&str; 7] = [
    "TraceSegmentReportService",
    "ManagementService",
    "JVMMetricReportService",
    "CLRMetricReportService",
    "MeterReportService",
    "BrowserPerfService",
    "ProfileTask",
];

/// The routes of every method.
pub(super) fn routes(
    limits: &MessageLimits,
    door: &Door,
    proxy: Option<&Arc<Proxy>>,
    shutdown: &Shutdown,
) -> Routes {
    let mut routes = Routes::default();
    let collect = |kind, form| -> Arc<dyn Handler> {
        Arc::new(Collect::new(kind, form, limits, door, shutdown))
    };
    for kind in Kind::ALL {
        if !door.is_open(kind.signal()) {
            continue;
        }
        let handler: Arc<dyn Handler> = match (kind.call(), kind) {
            (Call::Unary, _) => Arc::new(Report {
                content: Content::One(kind),
                limits: limits.clone(),
                door: door.clone(),
            }),
            (Call::Stream, Kind::Log) => collect(kind, Form::Logs),
            (Call::Stream, Kind::Meters) => collect(kind, Form::Collections),
            (Call::Stream, _) => collect(kind, Form::Messages),
        };
        add(&mut routes, kind.path(), handler);
    }
    if door.is_open(Signal::Traces) {
        let segments = Report {
            content: Content::Segments,
            limits: limits.clone(),
            door: door.clone(),
        };
        let path = "/skywalking.v3.TraceSegmentReportService/collectInSync";
        add(&mut routes, path, Arc::new(segments));
    }
    if door.is_open(Signal::Metrics) {
        let meters = collect(Kind::Meters, Form::Meters);
        add(
            &mut routes,
            "/skywalking.v3.MeterReportService/collect",
            meters,
        );
    }
    let asked: Arc<dyn Handler> = match proxy {
        Some(proxy) => Arc::new(Methods(Arc::clone(proxy))),
        None => Arc::new(NothingToDo),
    };
    for path in QUERIES.into_iter().chain(UPLOADS) {
        add(&mut routes, path, Arc::clone(&asked));
    }
    if proxy.is_some_and(|proxy| proxy.takes_unknown) {
        routes.other_grpc(asked);
    }
    routes
}

/// Adds a method under its name, and under the older name if it has one.
fn add(routes: &mut Routes, path: &str, handler: Arc<dyn Handler>) {
    if let Some(bare) = path.strip_prefix("/skywalking.v3.")
        && let Some((service, _)) = bare.split_once('/')
        && WITHOUT_PACKAGE.contains(&service)
    {
        routes.grpc(&format!("/{bare}"), Arc::clone(&handler));
    }
    routes.grpc(path, handler);
}

/// Answers without having read anything: there is no task.
struct NothingToDo;

impl Handler for NothingToDo {
    fn handle(self: Arc<Self>, _: Request<Incoming>) -> Answer {
        Box::pin(std::future::ready(grpc::answer(&[])))
    }
}

/// A method that takes one message.
struct Report {
    content: Content,
    limits: MessageLimits,
    door: Door,
}

#[derive(Clone, Copy)]
enum Content {
    One(Kind),
    /// A `SegmentCollection`.
    Segments,
}

impl Handler for Report {
    fn handle(self: Arc<Self>, request: Request<Incoming>) -> Answer {
        Box::pin(async move {
            let taken = self.take(request).await;
            answer(taken, &self.door)
        })
    }
}

impl Report {
    async fn take(&self, request: Request<Incoming>) -> Result<(), Status> {
        let (parts, body) = request.into_parts();
        check_method(&parts.method)?;
        let deadline = Instant::now() + PATIENCE;
        let budget = &self.door.budget;
        let message = grpc::read_message(&parts.headers, body, &self.limits, budget).await?;
        let origin = origin(&parts.headers, parts.extensions.get::<Peer>());
        let arrived = unix_ms(&origin);
        let (signal, chunks) = match self.content {
            Content::One(kind) => {
                let chunk = self.door.receive(kind, message, arrived)?;
                (kind.signal(), vec![Chunk::Native(chunk)])
            }
            Content::Segments => {
                let door = &self.door;
                let (chunks, repaired) = pdata::skywalking::receive_segments(
                    message,
                    arrived,
                    door.invalid_utf8,
                    &door.budget,
                )
                .map_err(crate::intake::Turned::from)?;
                door.counts.repaired.increment(repaired as u64);
                (Signal::Traces, chunks)
            }
        };
        Ok(self.door.take(signal, chunks, origin, deadline).await?)
    }
}

pub(super) fn check_method(method: &Method) -> Result<(), Status> {
    match *method {
        Method::POST => Ok(()),
        _ => {
            let text = format!("method {method} is not POST");
            Err(Status::new(Code::Internal, text))
        }
    }
}

/// An empty `Commands`, or the refusal.
pub(super) fn answer(taken: Result<(), Status>, door: &Door) -> Response<Body> {
    match taken {
        Ok(()) => grpc::answer(&[]),
        Err(status) => {
            door.counts.count(&status);
            grpc::refuse(&status)
        }
    }
}
