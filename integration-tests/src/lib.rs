//! Black-box tests: the real binary, real TLS, the real database.
