//! Addresses and AS numbers of every lab; the drawing is in `topology.sh`.

/// AS of `node`, in the peers' configurations.
pub const NODE_AS: u32 = 65000;
/// AS of `tor`.
pub const TOR_AS: u32 = 65001;
/// AS of `bird`.
pub const BIRD_AS: u32 = 65002;
/// `node` on its link to `tor` (/30).
pub const NODE_TOR_V4: &str = "10.0.1.1";
/// `node` on its link to `tor` (/64).
pub const NODE_TOR_V6: &str = "fd00:1::1";
/// `tor` on its link to `node` (/30).
pub const TOR_V4: &str = "10.0.1.2";
/// `tor` on its link to `node` (/64).
pub const TOR_V6: &str = "fd00:1::2";
/// `node` on its link to `bird` (/30).
pub const NODE_BIRD_V4: &str = "10.0.2.1";
/// `node` on its link to `bird` (/64).
pub const NODE_BIRD_V6: &str = "fd00:2::1";
/// `bird` on its link to `node` (/30).
pub const BIRD_V4: &str = "10.0.2.2";
/// `bird` on its link to `node` (/64).
pub const BIRD_V6: &str = "fd00:2::2";
/// `node`'s interface towards `tor`.
pub const NODE_TOR_INTERFACE: &str = "tor0";
/// `node`'s interface towards `bird`.
pub const NODE_BIRD_INTERFACE: &str = "bird0";
