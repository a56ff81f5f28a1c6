//! The versioned report and its renderings.
