//! `--feature-gates`, and the experimental flags that they replace.

use etcd::Release;

use super::flags::Values;
use crate::etcdctl::go::number;

/// The features, their defaults and their stage, and the experimental flag of each.
const FEATURES: [(&str, bool, bool, &str); 7] = [
    ("CompactHashCheck", false, true, "experimental-compact-hash-check-enabled"),
    ("InitialCorruptCheck", false, true, "experimental-initial-corrupt-check"),
    ("LeaseCheckpoint", false, true, "experimental-enable-lease-checkpoint"),
    ("LeaseCheckpointPersist", false, true, "experimental-enable-lease-checkpoint-persist"),
    ("SetMemberLocalAddr", false, true, ""),
    ("StopGRPCServiceOnDefrag", false, true, "experimental-stop-grpc-service-on-defrag"),
    ("TxnModeWriteWithSharedBuffer", true, false, "experimental-txn-mode-write-with-shared-buffer"),
];

/// Names and values; the groups stand for all features of a stage.
fn pairs(text: &str) -> Result<Vec<(&str, bool)>, String> {
    let mut pairs = Vec::new();
    for item in text.split(',').filter(|item| !item.is_empty()) {
        let Some((name, value)) = item.split_once('=') else {
            return Err(format!("missing bool value for {}", item.trim()));
        };
        let (name, value) = (name.trim(), value.trim());
        let on = number::parse_bool(value)
            .map_err(|why| format!("invalid value of {name}={value}, err: {why}"))?;
        pairs.push((name, on));
    }
    Ok(pairs)
}

/// Whether a list of gates can be read.
pub(super) fn check(text: &str) -> Result<(), String> {
    for (name, _) in pairs(text)? {
        let known = matches!(name, "AllAlpha" | "AllBeta");
        if !known && !FEATURES.iter().any(|(feature, ..)| *feature == name) {
            return Err(format!("unrecognized feature gate: {name}"));
        }
    }
    Ok(())
}

/// Whether a feature is on, by its gate or by its old flag.
pub(super) fn is_on(values: &Values, feature: &str) -> bool {
    let Some((_, default, alpha, flag)) = FEATURES.iter().find(|(name, ..)| *name == feature)
    else {
        return false;
    };
    if values.is_set(flag) {
        return values.bool(flag);
    }
    let group = if *alpha { "AllAlpha" } else { "AllBeta" };
    let given = pairs(values.text("feature-gates")).unwrap_or_default();
    let of = |wanted: &str| given.iter().rev().find(|(name, _)| *name == wanted);
    of(feature).or_else(|| of(group)).map_or(*default, |(_, on)| *on)
}

/// A feature's gate and its old flag cannot both be given.
pub(super) fn conflict(release: Release, values: &Values) -> Result<(), String> {
    if !release.is_3_6() {
        return Ok(());
    }
    let gates = values.text("feature-gates");
    for (feature, default, _, flag) in FEATURES.iter().filter(|(.., flag)| values.is_set(flag)) {
        if gates.contains(feature) {
            let given = pairs(gates).unwrap_or_default();
            let on = given.iter().rev().find(|(name, _)| name == feature);
            let on = on.map_or(*default, |(_, on)| *on);
            let old = values.bool(flag);
            return Err(format!(
                "cannot specify both flags: --{flag}={old} and --feature-gates={feature}={on} at \
                 the same time, please just use --feature-gates={feature}={on}"
            ));
        }
    }
    Ok(())
}
