//! From findings and gaps to a verdict, on the user's terms.
