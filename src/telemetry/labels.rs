//! Label values: closed sets, so that no caller can make a new one.

/// Label `operation` of `novaroute_intents_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Declared, or changed.
    Set,
    /// Withdrawn.
    Remove,
}

impl Operation {
    pub(super) const ALL: [Self; 2] = [Self::Set, Self::Remove];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Remove => "remove",
        }
    }
}

/// Label `result` of `novaroute_frr_transactions_total`. A transaction that sent nothing,
/// since nothing differed or FRR was away, is none of FRR's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionResult {
    /// Applied, and read back from the daemons that execute it.
    Success,
    /// Refused or not confirmed, whether it could be undone or not.
    Failure,
}

impl TransactionResult {
    pub(super) const ALL: [Self; 2] = [Self::Success, Self::Failure];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// Label `result` of `novaroute_config_reloads_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadResult {
    /// The file is in force.
    Success,
    /// It was refused, and nothing changed.
    Failure,
}

impl ReloadResult {
    pub(super) const ALL: [Self; 2] = [Self::Success, Self::Failure];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// Label `protocol` of `novaroute_monitoring_errors_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// bgpd.
    Bgp,
    /// bfdd.
    Bfd,
    /// ospfd.
    Ospf,
    /// Another daemon.
    Frr,
}

impl Protocol {
    pub(super) const ALL: [Self; 4] = [Self::Bgp, Self::Bfd, Self::Ospf, Self::Frr];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Bgp => "bgp",
            Self::Bfd => "bfd",
            Self::Ospf => "ospf",
            Self::Frr => "frr",
        }
    }
}

/// Label `method` of `novaroute_grpc_request_duration_seconds`: a method of our contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrpcMethod(&'static str);

/// Every method of `novaroute.v1`; a test compares it with the contract.
const METHODS: [&str; 28] = [
    "Register",
    "Deregister",
    "ConfigureBGP",
    "ApplyPeer",
    "RemovePeer",
    "AdvertisePrefix",
    "WithdrawPrefix",
    "EnableBFD",
    "DisableBFD",
    "EnableOSPF",
    "DisableOSPF",
    "GetStatus",
    "StreamEvents",
    "Apply",
    "Plan",
    "Confirm",
    "Rollback",
    "List",
    "Get",
    "Watch",
    "GetCoverage",
    "GetDeclared",
    "GetConfig",
    "Explain",
    "Drain",
    "Undrain",
    "Adopt",
    "Reload",
];

impl GrpcMethod {
    /// The method of this name, or of this request path
    /// (`/novaroute.v1.RouteControl/GetStatus`); `None` where the contracts have none.
    pub fn named(name_or_path: &str) -> Option<Self> {
        let name = match name_or_path.strip_prefix("/novaroute.v1.") {
            Some(rest) => rest.split_once('/')?.1,
            None => name_or_path,
        };
        METHODS.into_iter().find(|known| *known == name).map(Self)
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        METHODS.into_iter().map(Self)
    }

    pub(super) fn label(self) -> &'static str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_are_those_of_the_contract() {
        let contract = include_str!("../../proto/novaroute.proto");
        let mut declared: Vec<_> = contract
            .lines()
            .filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next())
            .map(str::trim)
            .collect();
        let mut known = METHODS.to_vec();
        declared.sort_unstable();
        known.sort_unstable();
        assert_eq!(declared, known);
    }

    #[test]
    fn a_path_that_no_contract_has_is_no_label() {
        let named = |text| GrpcMethod::named(text).map(GrpcMethod::label);
        assert_eq!(named("/novaroute.v1.RouteControl/GetStatus"), Some("GetStatus"));
        assert_eq!(named("ApplyPeer"), Some("ApplyPeer"));
        for path in ["/novaroute.v1.RouteControl/Evil", "/x/GetStatus", "", "/novaroute.v1."] {
            assert_eq!(named(path), None, "{path}");
        }
    }
}
