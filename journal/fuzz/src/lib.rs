//! What all fuzz targets share, and the tests of a stable toolchain with them.

pub mod bounded;
