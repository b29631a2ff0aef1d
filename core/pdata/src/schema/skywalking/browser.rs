//! `browser.proto`.

use super::{double, enumeration, flag, int32, int64, text};
use crate::schema::{EnumValue, Message};

pub static BROWSER_PERF_DATA: Message = Message::new(
    "BrowserPerfData",
    &[
        text(1, "service"),
        text(2, "serviceVersion"),
        int64(3, "time"),
        text(4, "pagePath"),
        int32(5, "redirectTime"),
        int32(6, "dnsTime"),
        int32(7, "ttfbTime"),
        int32(8, "tcpTime"),
        int32(9, "transTime"),
        int32(10, "domAnalysisTime"),
        int32(11, "fptTime"),
        int32(12, "domReadyTime"),
        int32(13, "loadPageTime"),
        int32(14, "resTime"),
        int32(15, "sslTime"),
        int32(16, "ttlTime"),
        int32(17, "firstPackTime"),
        int32(18, "fmpTime"),
    ],
);

pub static BROWSER_WEB_VITALS: Message = Message::new(
    "BrowserWebVitalsPerfData",
    &[
        text(1, "service"),
        text(2, "serviceVersion"),
        int64(3, "time"),
        text(4, "pagePath"),
        int32(5, "fmpTime"),
        double(6, "cls"),
        int32(7, "lcpTime"),
    ],
);

pub static BROWSER_RESOURCE: Message = Message::new(
    "BrowserResourcePerfData",
    &[
        text(1, "service"),
        text(2, "serviceVersion"),
        int64(3, "time"),
        text(4, "pagePath"),
        text(5, "name"),
        int32(6, "duration"),
        int32(7, "size"),
        text(8, "resourceType"),
        text(9, "protocol"),
    ],
);

pub static BROWSER_WEB_INTERACTIONS: Message = Message::new(
    "BrowserWebInteractionsPerfData",
    &[
        text(1, "service"),
        text(2, "serviceVersion"),
        int64(3, "time"),
        text(4, "pagePath"),
        int32(5, "inpTime"),
    ],
);

pub static BROWSER_ERROR_LOG: Message = Message::new(
    "BrowserErrorLog",
    &[
        text(1, "uniqueId"),
        text(2, "service"),
        text(3, "serviceVersion"),
        int64(4, "time"),
        text(5, "pagePath"),
        enumeration(6, "category", ERROR_CATEGORY),
        text(7, "grade"),
        text(8, "message"),
        int32(9, "line"),
        int32(10, "col"),
        text(11, "stack"),
        text(12, "errorUrl"),
        flag(13, "firstReportedError"),
    ],
);

const ERROR_CATEGORY: &[EnumValue] = &[
    ("ajax", 0),
    ("resource", 1),
    ("vue", 2),
    ("promise", 3),
    ("js", 4),
    ("unknown", 5),
];
