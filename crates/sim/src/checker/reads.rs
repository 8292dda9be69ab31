//! A linearizable read sees every write that was acknowledged to anybody before its client
//! asked.

/// `floor` is the highest revision acknowledged when the client asked.
pub(crate) fn check(floor: i64, revision: i64) -> Result<(), String> {
    if revision >= floor {
        return Ok(());
    }
    Err(format!("a read answered with revision {revision}, {floor} was acknowledged before it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_read_is_found() {
        assert_eq!(check(7, 7), Ok(()));
        assert_eq!(check(7, 8), Ok(()));
        assert!(check(8, 7).unwrap_err().contains("revision 7, 8 was acknowledged"));
    }
}
