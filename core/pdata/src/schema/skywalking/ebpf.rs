//! `ebpf.proto`.

use super::pairs::KEY_STRING_VALUE_PAIR;
use super::{int32, message, messages, text, texts};
use crate::schema::{Kind, Message, oneof};

pub static EBPF_PROCESS_REPORT_LIST: Message = Message::new(
    "EBPFProcessReportList",
    &[
        messages(1, "processes", &EBPF_PROCESS),
        text(2, "ebpfAgentID"),
    ],
);

static EBPF_PROCESS: Message = Message::new(
    "EBPFProcessProperties",
    &[
        oneof(
            1,
            "hostProcess",
            "hostProcess",
            Kind::Message(&EBPF_HOST_PROCESS),
        ),
        oneof(
            2,
            "k8sProcess",
            "k8sProcess",
            Kind::Message(&EBPF_KUBERNETES_PROCESS),
        ),
    ],
);

static EBPF_HOST_PROCESS: Message = Message::new(
    "EBPFHostProcessMetadata",
    &[
        message(1, "entity", &EBPF_PROCESS_ENTITY),
        int32(2, "pid"),
        messages(3, "properties", &KEY_STRING_VALUE_PAIR),
    ],
);

static EBPF_KUBERNETES_PROCESS: Message = Message::new(
    "EBPFKubernetesProcessMetadata",
    &[
        message(1, "entity", &EBPF_PROCESS_ENTITY),
        int32(2, "pid"),
        messages(3, "properties", &KEY_STRING_VALUE_PAIR),
    ],
);

static EBPF_PROCESS_ENTITY: Message = Message::new(
    "EBPFProcessEntityMetadata",
    &[
        text(1, "layer"),
        text(2, "serviceName"),
        text(3, "instanceName"),
        text(4, "processName"),
        texts(5, "labels"),
    ],
);

pub static EBPF_PROCESS_PING_LIST: Message = Message::new(
    "EBPFProcessPingPkgList",
    &[
        messages(1, "processes", &EBPF_PROCESS_PING),
        text(2, "ebpfAgentID"),
    ],
);

static EBPF_PROCESS_PING: Message = Message::new(
    "EBPFProcessPingPkg",
    &[
        message(1, "entityMetadata", &EBPF_PROCESS_ENTITY),
        messages(2, "properties", &KEY_STRING_VALUE_PAIR),
    ],
);
