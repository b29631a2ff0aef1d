//! `jvm.proto` and `clr.proto`.

use super::pairs::CPU;
use super::{enumeration, flag, int32, int64, message, messages, text};
use crate::schema::{EnumValue, Message};

pub static JVM_METRIC_COLLECTION: Message = Message::new(
    "JVMMetricCollection",
    &[
        messages(1, "metrics", &JVM_METRIC),
        text(2, "service"),
        text(3, "serviceInstance"),
    ],
);

static JVM_METRIC: Message = Message::new(
    "JVMMetric",
    &[
        int64(1, "time"),
        message(2, "cpu", &CPU),
        messages(3, "memory", &MEMORY),
        messages(4, "memoryPool", &MEMORY_POOL),
        messages(5, "gc", &GC),
        message(6, "thread", &THREAD),
        message(7, "clazz", &CLASS),
    ],
);

static MEMORY: Message = Message::new(
    "Memory",
    &[
        flag(1, "isHeap"),
        int64(2, "init"),
        int64(3, "max"),
        int64(4, "used"),
        int64(5, "committed"),
    ],
);

static MEMORY_POOL: Message = Message::new(
    "MemoryPool",
    &[
        enumeration(1, "type", POOL_TYPE),
        int64(2, "init"),
        int64(3, "max"),
        int64(4, "used"),
        int64(5, "committed"),
    ],
);

static GC: Message = Message::new(
    "GC",
    &[
        enumeration(1, "phase", GC_PHASE),
        int64(2, "count"),
        int64(3, "time"),
    ],
);

static THREAD: Message = Message::new(
    "Thread",
    &[
        int64(1, "liveCount"),
        int64(2, "daemonCount"),
        int64(3, "peakCount"),
        int64(4, "runnableStateThreadCount"),
        int64(5, "blockedStateThreadCount"),
        int64(6, "waitingStateThreadCount"),
        int64(7, "timedWaitingStateThreadCount"),
    ],
);

static CLASS: Message = Message::new(
    "Class",
    &[
        int64(1, "loadedClassCount"),
        int64(2, "totalUnloadedClassCount"),
        int64(3, "totalLoadedClassCount"),
    ],
);

pub static CLR_METRIC_COLLECTION: Message = Message::new(
    "CLRMetricCollection",
    &[
        messages(1, "metrics", &CLR_METRIC),
        text(2, "service"),
        text(3, "serviceInstance"),
    ],
);

static CLR_METRIC: Message = Message::new(
    "CLRMetric",
    &[
        int64(1, "time"),
        message(2, "cpu", &CPU),
        message(3, "gc", &CLR_GC),
        message(4, "thread", &CLR_THREAD),
    ],
);

static CLR_GC: Message = Message::new(
    "ClrGC",
    &[
        int64(1, "Gen0CollectCount"),
        int64(2, "Gen1CollectCount"),
        int64(3, "Gen2CollectCount"),
        int64(4, "HeapMemory"),
    ],
);

static CLR_THREAD: Message = Message::new(
    "ClrThread",
    &[
        int32(1, "AvailableCompletionPortThreads"),
        int32(2, "AvailableWorkerThreads"),
        int32(3, "MaxCompletionPortThreads"),
        int32(4, "MaxWorkerThreads"),
    ],
);

const POOL_TYPE: &[EnumValue] = &[
    ("CODE_CACHE_USAGE", 0),
    ("NEWGEN_USAGE", 1),
    ("OLDGEN_USAGE", 2),
    ("SURVIVOR_USAGE", 3),
    ("PERMGEN_USAGE", 4),
    ("METASPACE_USAGE", 5),
    ("ZHEAP_USAGE", 6),
    ("COMPRESSED_CLASS_SPACE_USAGE", 7),
    ("CODEHEAP_NON_NMETHODS_USAGE", 8),
    ("CODEHEAP_PROFILED_NMETHODS_USAGE", 9),
    ("CODEHEAP_NON_PROFILED_NMETHODS_USAGE", 10),
];

const GC_PHASE: &[EnumValue] = &[("NEW", 0), ("OLD", 1), ("NORMAL", 2)];
