//! Rules about the form of archives.

pub(crate) mod appended_data;
pub(crate) mod colliding_member;
pub(crate) mod duplicate_member;
pub(crate) mod escaping_member;
pub(crate) mod false_encryption;
pub(crate) mod foreign_method;
pub(crate) mod header_mismatch;
pub(crate) mod hidden_member;
pub(crate) mod link_member;
pub(crate) mod overlapping_members;
pub(crate) mod prepended_data;
pub(crate) mod several_directories;
pub(crate) mod wrong_checksum;
