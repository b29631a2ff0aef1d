//! `skyferry demo`: recorded sessions of two mini programs, played over real HTTP into the
//! built-in default.
//!
//! The table shows what went through the pipeline: it is written by an exporter of this command,
//! not from the recordings.

use std::io::{self, IsTerminal};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use engine::run::RunReport;
use engine::{Factory, Leases, Registry, Shutdown};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use net::client::{ClientSettings, Protocol};
use net::{Body, Client};
use tokio::runtime::Handle;

use crate::cli::{ConfigArgs, DemoArgs};
use crate::failure::Failure;
use crate::run::{Service, start_logs};
use crate::signals::Signals;
use crate::threads::Threads;
use crate::{account, configuration, registry, terminal};

mod recording;
mod rows;
mod screen;

use recording::Recorded;
use screen::Screen;

/// Between two requests, so that one can watch them come; both sessions of 40 s together take 4.
const PAUSE: Duration = Duration::from_millis(100);

/// For one request on loopback.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

const INTRODUCTION: &str = "\
A session of a WeChat and one of an Alipay mini program, recorded from a real SDK, go over HTTP
through the built-in default. This is what comes out of the pipeline:

";

/// Plays the sessions and then stays until a signal, or until they are played with `--exit`.
pub(crate) fn demo(args: &DemoArgs) -> Result<(), Failure> {
    let place = Place::find().map_err(Failure::Start)?;
    let registry = Registry::new(&components());
    let checked =
        configuration::load(&place.configuration(), &registry).map_err(Failure::Configuration)?;
    let encoding = start_logs(&checked.document.service().telemetry.logs)?;
    let screen = Screen::new(terminal::wants_colour(&io::stdout()));
    let mut leases = Leases::default();
    *leases.table::<Screen>() = screen.clone();
    let service = Service::build(&checked, &registry, leases)?;
    let threads = Threads::start().context("cannot start threads");
    let threads = threads.map_err(Failure::Start)?;
    terminal::print(INTRODUCTION)?;
    let report = threads.run(async {
        let signals = Signals::catch().context("cannot catch signals");
        let signals = signals.map_err(Failure::Start)?;
        let stop = Shutdown::default();
        let running = service.run(Handle::current(), stop.clone());
        tokio::select! {
            report = attend(running, &place, &screen, args, &stop) => report,
            never = signals.watch(stop.clone()) => match never {},
        }
    })?;
    account::close(&report, encoding)
}

/// Those of the program, and the screen.
fn components() -> Vec<Factory> {
    let mut components = registry::components();
    components.push(Factory::Exporter(screen::FACTORY));
    components
}

/// Plays while the service runs; the report is that of the service.
async fn attend(
    running: impl Future<Output = RunReport>,
    place: &Place,
    screen: &Screen,
    args: &DemoArgs,
    stop: &Shutdown,
) -> Result<RunReport, Failure> {
    let mut running = pin!(running);
    let sent = tokio::select! {
        report = &mut running => return Ok(report),
        sent = play(place.http) => sent.map_err(|error| Failure::Run(format!("{error:#}")))?,
    };
    let (items, shown) = (sent.items, screen.items());
    if items != shown {
        let text = format!("{items} items were sent, {shown} came through the pipeline");
        return Err(Failure::NotDelivered(text));
    }
    terminal::print(&place.farewell(&sent, args.exit))?;
    if args.exit {
        stop.begin();
    }
    Ok(running.await)
}

/// What was sent and acknowledged.
struct Sent {
    requests: usize,
    items: usize,
}

/// Sends every recorded request, its times moved to now.
async fn play(port: u16) -> anyhow::Result<Sent> {
    let endpoint = format!("http://127.0.0.1:{port}");
    let spawner = Arc::new(Handle::current());
    let settings = ClientSettings::default();
    let client = Client::try_new(&endpoint, Protocol::Http1, None, &settings, spawner)?;
    let recorded = recording::all()?;
    let mut sent = Sent {
        requests: 0,
        items: 0,
    };
    for request in recorded {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let request = request.moved_to(now)?;
        sent.items += request.items()?;
        sent.requests += 1;
        send(&client, request).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(sent)
}

async fn send(client: &Client, recorded: Recorded) -> anyhow::Result<()> {
    let mut request = Request::new(Body::from(bytes::Bytes::from(recorded.body)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = recorded.path.parse()?;
    let content_type = HeaderValue::try_from(&recorded.content_type)?;
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    let answer = client.send(request, ANSWER_WAIT).await?;
    match answer.status {
        StatusCode::OK => Ok(()),
        status => Err(anyhow!("`{}` was answered with {status}", recorded.path)),
    }
}

/// Where this demo listens and writes.
struct Place {
    directory: PathBuf,
    grpc: u16,
    http: u16,
}

impl Place {
    /// A new directory, which stays, and two ports that are free.
    fn find() -> anyhow::Result<Place> {
        let directory = tempfile::Builder::new().prefix("skyferry-demo-").tempdir();
        let directory = directory.context("cannot create a directory for the demo")?;
        let [grpc, http] = free_ports().context("no free port")?;
        Ok(Place {
            directory: directory.keep(),
            grpc,
            http,
        })
    }

    /// The built-in default here, with the screen in place of `debug`.
    fn configuration(&self) -> ConfigArgs {
        let Place { grpc, http, .. } = self;
        let mut set = vec![
            format!("receivers.otlp.protocols.grpc.endpoint=127.0.0.1:{grpc}"),
            format!("receivers.otlp.protocols.http.endpoint=127.0.0.1:{http}"),
            format!("receivers.skywalking.protocols.grpc.endpoint=127.0.0.1:{grpc}"),
            format!("receivers.skywalking.protocols.http.endpoint=127.0.0.1:{http}"),
            "exporters.demo={}".to_owned(),
            "service.telemetry.logs.level=warn".to_owned(),
            "service.telemetry.metrics.address=127.0.0.1:0".to_owned(),
            "service.telemetry.health.address=127.0.0.1:0".to_owned(),
        ];
        for signal in pdata::Signal::OTLP {
            set.push(format!("service.pipelines.{signal}.exporters=[demo, file]"));
        }
        ConfigArgs {
            config: Vec::new(),
            set,
            data_dir: Some(self.directory.display().to_string()),
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.join(Path::new(configuration::BUILT_IN_FILE))
    }

    fn farewell(&self, sent: &Sent, exits: bool) -> String {
        let Sent { requests, items } = sent;
        let mut text = format!(
            "\n{requests} requests with {items} items were sent, and all of it came through.\n\n\
             every item is in     {}\n",
            self.file().display()
        );
        if !exits {
            let Place { grpc, http, .. } = self;
            text += &format!(
                "point an app to      http://127.0.0.1:{http} (OTLP and SkyWalking over HTTP, as a base URL)\n\
                 or an SDK to         http://127.0.0.1:{grpc} (OTLP and SkyWalking over gRPC)\n"
            );
            if io::stdout().is_terminal() {
                text += "\nCtrl-C ends it.\n";
            }
        }
        text
    }
}

/// Ports that were free a moment ago: the receivers bind them themselves.
fn free_ports() -> io::Result<[u16; 2]> {
    let first = TcpListener::bind("127.0.0.1:0")?;
    let second = TcpListener::bind("127.0.0.1:0")?;
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}
