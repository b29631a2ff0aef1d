//! Messages of SkyWalking's own agents meet the same rules.

use pdata::skywalking::v3::{KeyStringValuePair, LogData, LogTags};

use super::config;
use crate::harness::oap::Oap;
use crate::harness::oap::methods::LOGS;
use crate::harness::{Backend, Collector};
use crate::skywalking::client::Grpc;

const RULE: &str = "
    unclaimed: general
    rules:
      - name: slow
        layer: auto
        dsl: |
          filter {
            if (tag('kind') != 'slow') { abort {} }
            extractor {
              layer 'MESH'
              endpoint tag('path')
              tag level: 'WARN'
              metrics { name 'slow_logs' timestamp log.timestamp as Long labels path: tag('path') value 1 }
            }
            sink {}
          }
";

fn log(number: i64, layer: &str, tags: &[(&str, &str)]) -> LogData {
    let tags = tags.iter().map(|(key, value)| KeyStringValuePair {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    });
    LogData {
        timestamp: 1_795_219_200_000 + number,
        service: "shop".to_owned(),
        service_instance: "one".to_owned(),
        layer: layer.to_owned(),
        tags: Some(LogTags {
            data: tags.collect(),
        }),
        ..LogData::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_of_an_agent_is_filed_kept_or_general_as_a_record_would_be() {
    let (oap, backend) = (Oap::start(), Backend::start());
    let collector = Collector::start(&config(RULE, oap.address(), backend.address()));
    let agent = Grpc::connect(collector.address("receivers/skywalking", "grpc")).await;
    let sent = [
        log(0, "", &[("kind", "slow"), ("path", "/orders")]),
        log(1, "", &[("kind", "other")]),
        log(2, "NGINX", &[("kind", "slow")]),
    ];
    let answer = agent.call(LOGS, sent.clone()).await;
    answer.expect("it is taken");
    let [mut slow, mut other, layered] = sent;
    slow.layer = "MESH".to_owned();
    slow.endpoint = "/orders".to_owned();
    let tags = slow.tags.get_or_insert_default();
    tags.data.push(KeyStringValuePair {
        key: "level".to_owned(),
        value: "WARN".to_owned(),
    });
    other.layer = "GENERAL".to_owned();
    oap.until("all", |calls| calls.logs().count() >= 3).await;
    let mut arrived: Vec<_> = oap.calls().logs().cloned().collect();
    arrived.sort_by_key(|log| log.timestamp);
    assert_eq!(arrived, [slow, other, layered]);
    backend.until("the sample", |tally| tally.items >= 1).await;
    assert_eq!(backend.taken()[0].export.names(), ["slow_logs"]);
    assert_eq!(collector.stop().code, Some(0));
}
