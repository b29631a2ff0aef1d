//! OAP's numbers for software, by which it chooses icons.
//!
//! Source: OAP's `component-libraries.yml`. OAP maps the numbers of client libraries to those of
//! their servers, so one number for each system is enough.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::exchange::Exchange;

const DATABASES: [(&str, i32); 21] = [
    ("mysql", 5),
    ("mariadb", 86),
    ("postgresql", 22),
    ("oracle", 6),
    ("oracle.db", 6),
    ("mssql", 3006),
    ("microsoft.sql_server", 3006),
    ("mongodb", 9),
    ("redis", 7),
    ("memcached", 20),
    ("elasticsearch", 47),
    ("cassandra", 70),
    ("clickhouse", 120),
    ("h2", 4),
    ("h2database", 4),
    ("sqlite", 31),
    ("neo4j", 112),
    ("influxdb", 89),
    ("hbase", 94),
    ("dynamodb", 138),
    ("aws.dynamodb", 138),
];

const BROKERS: [(&str, i32); 10] = [
    ("kafka", 27),
    ("rabbitmq", 51),
    ("rocketmq", 25),
    ("activemq", 44),
    ("pulsar", 72),
    ("nats", 132),
    ("amqp", 143),
    ("aws.sns", 139),
    ("aws_sqs", 140),
    ("AmazonSQS", 140),
];

const RPCS: [(&str, i32); 5] = [
    ("grpc", 23),
    ("dubbo", 3),
    ("apache_dubbo", 3),
    ("jsonrpc", 107),
    ("thrift", 100),
];

/// Parts of the names of instrumentation scopes; the number of the server's side and the client's.
const HTTP_SCOPES: [(&str, i32, i32); 17] = [
    ("tomcat", 1, 1),
    ("spring-webmvc", 14, 14),
    ("spring-webflux", 67, 99),
    ("armeria", 79, 79),
    ("okhttp", 12, 12),
    ("httpclient", 2, 2),
    ("http-client", 2, 2),
    ("instrumentation-express", 4002, 4002),
    ("@opentelemetry/instrumentation-http", 4001, 4001),
    ("otelgin", 5006, 5006),
    ("otelhttp", 5004, 5005),
    ("instrumentation.flask", 7001, 7001),
    ("instrumentation.requests", 7002, 7002),
    ("instrumentation.django", 7004, 7004),
    ("instrumentation.fastapi", 7014, 7014),
    ("instrumentation.aiohttp", 7008, 7008),
    ("instrumentation.httpx", 7019, 7019),
];

const HTTP: i32 = 49;
const RPC: i32 = 50;
const UNKNOWN: i32 = 0;

/// The number for a span; 0 where OAP knows none.
pub(super) fn component(exchange: Exchange<'_>, kind: SpanKind, scope: &str) -> i32 {
    let by_name = |table: &[(&str, i32)], system: &str| {
        let found = table.iter().find(|(name, _)| *name == system);
        found.map(|(_, number)| *number)
    };
    match exchange {
        Exchange::Cache(system) | Exchange::Database(system) => by_name(&DATABASES, system),
        Exchange::Messaging(system) => by_name(&BROKERS, system),
        Exchange::Rpc(system) => by_name(&RPCS, system).or(Some(RPC)),
        Exchange::Http => {
            let mut scopes = HTTP_SCOPES.iter();
            let found = scopes.find(|(part, ..)| scope.contains(part));
            found.map_or(Some(HTTP), |(_, server, client)| {
                Some(if kind == SpanKind::Server {
                    *server
                } else {
                    *client
                })
            })
        }
        Exchange::Function | Exchange::Unknown => None,
    }
    .unwrap_or(UNKNOWN)
}
