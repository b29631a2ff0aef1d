//! `ProcessRegistry`: the ids that OAP gives to processes nobody reports.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Services of agents; those that other systems report end in 0.
const NORMAL_SERVICE: u8 = 1;

/// `IDManager.ProcessID` of OAP, in hexadecimal digits.
pub(super) fn id(service: &str, instance: &str, name: &str) -> String {
    let service = STANDARD.encode(service);
    let instance = STANDARD.encode(instance);
    let of = format!("{name}_{service}.{NORMAL_SERVICE}_{instance}");
    let digest = Sha256::digest(of);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn names_a_process_as_oap_does() {
        // `printf 'UNKNOWN_LOCAL_c3Zj.1_aW5zdA==' | sha256sum`
        assert_eq!(id("svc", "inst", "UNKNOWN_LOCAL"), EXPECTED);
    }

    const EXPECTED: &str = "05ba3fde8c73e56f9dfcd7090e5bd7b00d160c9a3211bdcb8303d43109aa9b27";
}
